"""What a face expresses: distances, probabilities, one's own look, and its part of a model file."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load as read_arrays
from safetensors.numpy import save as to_bytes

from faceloop_datasets import ModelFileError
from faceloop_runtime import FaceModel, Fitter
from faceloop_runtime.expressions import (
    MOST_LANDMARKS,
    ExpressionClassifier,
    PersonNormalisation,
    landmark_pairs,
    log_distances,
    person_share,
    shares_of,
)
from faceloop_runtime.fit.schedule import Pass
from faceloop_runtime.geometry import Similarity

NAMES = ("calm", "großes Lächeln", "wink")


@pytest.fixture(scope="module")
def knowing(small_model: FaceModel) -> FaceModel:
    """A model that knows three expressions, by chance numbers."""
    rng = np.random.default_rng(2)
    mean = small_model.pdm.mean
    cells = small_model.regressor.weights.shape[0] - len(small_model.validator.weights) - 3

    def numbers(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.1, shape).astype(np.float32)

    count = len(NAMES)
    classifier = ExpressionClassifier(
        numbers(len(landmark_pairs(mean)), count),
        numbers(cells, count),
        numbers(count),
        numbers(count, count),
    )
    return replace(small_model, expressions=classifier, expression_names=NAMES)


class TestPairs:
    @pytest.mark.parametrize("count", [2, 3, 8, 30])
    def test_they_are_the_nearest_quarter_and_as_many_as_landmarks(self, count: int) -> None:
        mean = np.random.default_rng(count).normal(size=(count, 2))
        every = sorted(combinations(range(count), 2), key=lambda p: math.dist(*mean[list(p)]))
        wanted = max(round(len(every) / 4), min(count, len(every)))
        found = [tuple(pair) for pair in landmark_pairs(mean).tolist()]
        assert sorted(found) == sorted(every[:wanted])

    def test_of_many_landmarks_some_are_chosen_all_over_the_face(self) -> None:
        mean = np.random.default_rng(0).uniform(0, 1, (300, 2))
        chosen = np.unique(landmark_pairs(mean))
        assert len(chosen) <= MOST_LANDMARKS
        nearest = np.linalg.norm(mean[:, None] - mean[chosen], axis=2).min(axis=1)
        assert nearest.max() < 0.13  # a grid of 75 places would have gaps as wide


class TestDistances:
    def test_they_are_logarithms_of_lengths(self) -> None:
        shape = np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 0.0]])
        found = log_distances(shape, np.array([[0, 1], [1, 2], [0, 0]]))
        np.testing.assert_allclose(found, np.log([5.02, 4.02, 0.02]))

    @given(st.floats(-3, 3), st.floats(-5, 5), st.floats(-5, 5))
    def test_turn_and_place_of_the_face_do_not_matter(
        self, turn: float, x: float, y: float
    ) -> None:
        shapes = np.random.default_rng(0).normal(size=(2, 6, 2))
        pairs = landmark_pairs(shapes[0])
        moved = Similarity.from_polar(1.0, turn, x, y).apply(shapes.reshape(-1, 2))
        np.testing.assert_allclose(
            log_distances(moved.reshape(shapes.shape), pairs), log_distances(shapes, pairs)
        )


class TestProbabilities:
    def test_they_are_the_exponentials_of_sums(self) -> None:
        rng = np.random.default_rng(0)
        weights, cells = rng.normal(size=(4, 3)), rng.normal(size=(6, 3))
        offset = rng.normal(size=3)
        classifier = ExpressionClassifier(weights, cells, offset, np.zeros((3, 3)))
        distances, seen = rng.normal(size=4), rng.normal(size=(2, 3))
        odds = [
            sum(distances[d] * weights[d, e] for d in range(4))
            + sum(seen.ravel()[c] * cells[c, e] for c in range(6))
            + offset[e]
            for e in range(3)
        ]
        total = sum(map(math.exp, odds))
        np.testing.assert_allclose(
            classifier(distances, seen), [math.exp(one) / total for one in odds], rtol=1e-5
        )

    @given(st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=5))
    def test_whatever_the_log_odds_they_sum_to_one(self, odds: list[float]) -> None:
        shares = shares_of(np.array(odds))
        assert shares.sum() == pytest.approx(1)
        assert shares[np.argmax(odds)] == shares.max()


TYPICAL = np.array([[2.0, -1.0, -1.0], [-1.0, 2.0, -1.0], [-1.0, -1.0, 2.0]], np.float32)


class TestPerson:
    def test_of_the_first_frame_nothing_is_known(self) -> None:
        shares = np.array([0.7, 0.2, 0.1])
        np.testing.assert_allclose(PersonNormalisation(TYPICAL)(shares, 0.04), shares)

    def test_a_second_frame_by_definition(self) -> None:
        person, first = PersonNormalisation(TYPICAL), np.array([0.7, 0.2, 0.1])
        person(first, 0.1)
        beyond = np.log(first) - first @ TYPICAL
        own = beyond - beyond.mean()
        second = np.array([0.3, 0.3, 0.4])
        expected = shares_of(np.log(second) - 0.1 / 0.8 * own)
        np.testing.assert_allclose(person(second, 0.1), expected)

    @given(st.integers(0, 2), st.lists(st.integers(0, 2), min_size=40, max_size=60))
    def test_what_is_always_the_same_is_taken_away(self, most: int, faces: list[int]) -> None:
        """Whatever the person expresses how often, as long as it is not one thing only."""
        faces = [*faces, 0, 1, 2] * 2
        own = np.zeros(3)
        own[most] = 1.6  # a face that looks like one of them all the time
        person = PersonNormalisation(TYPICAL)
        for face in faces:
            person(shares_of(TYPICAL[face] + own), 0.2)
        wanted, stranger = shares_of(TYPICAL), shares_of(TYPICAL + own)
        found = np.array([person(shares, 0.0) for shares in stranger])
        assert abs(found - wanted).sum() < 0.6 * abs(stranger - wanted).sum()

    def test_time_counts_and_not_frames(self) -> None:
        shares = shares_of(TYPICAL[0] + np.array([0.0, 1.0, 0.0]))
        slow, fast = PersonNormalisation(TYPICAL), PersonNormalisation(TYPICAL)
        for _ in range(5):
            slow(shares, 0.2)
        for _ in range(50):
            fast(shares, 0.02)
        np.testing.assert_allclose(slow(shares, 0), fast(shares, 0), atol=0.03)

    def test_after_a_gap_a_frame_counts_no_more_than_others(self) -> None:
        one, other = PersonNormalisation(TYPICAL), PersonNormalisation(TYPICAL)
        shares = np.array([0.2, 0.5, 0.3])
        for person, seconds in ((one, 0.2), (other, 3600.0)):
            person(shares, seconds)
        np.testing.assert_array_equal(one(shares, 0.1), other(shares, 0.1))

    def test_without_time_nothing_is_learned(self) -> None:
        person, shares = PersonNormalisation(TYPICAL), np.array([0.2, 0.5, 0.3])
        for _ in range(3):
            np.testing.assert_allclose(person(shares, 0.0), shares)

    def test_how_much_is_believed_of_so_many_looks(self) -> None:
        assert person_share(0) == 0
        assert person_share(0.7) == pytest.approx(0.5)
        assert person_share(7) == pytest.approx(7 / 7.7)


class TestFit:
    def test_a_fit_says_what_the_classifier_says(self, knowing: FaceModel) -> None:
        rng = np.random.default_rng(3)
        gray = rng.integers(0, 255, (200, 200), np.uint8)
        at, passes = Similarity(60.0, 0.0, 100.0, 100.0), (Pass(0, (9.0,)),)
        fit = Fitter(knowing, "cpu").fit_pose(gray, at, None, passes)
        assert fit.expressions is not None
        assert tuple(fit.expressions) == NAMES
        assert sum(fit.expressions.values()) == pytest.approx(1)
        assert max(fit.expressions.values()) > 0.34  # it looks at the face
        silent = replace(knowing, expressions=None, expression_names=())
        without = Fitter(silent, "cpu").fit_pose(gray, at, None, passes)
        assert without.expressions is None
        np.testing.assert_array_equal(without.points, fit.points)


class TestFile:
    @pytest.fixture
    def content(
        self, knowing: FaceModel, tmp_path: Path
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        knowing.save(tmp_path / "m.safetensors")
        data = (tmp_path / "m.safetensors").read_bytes()
        length = int.from_bytes(data[:8], "little")
        about = json.loads(data[8 : 8 + length])["__metadata__"]["faceloop"]
        return read_arrays(data), json.loads(about)

    def test_it_comes_back_as_it_was(self, knowing: FaceModel, tmp_path: Path) -> None:
        knowing.save(tmp_path / "m.safetensors")
        again = FaceModel.load(tmp_path / "m.safetensors")
        assert again.expression_names == NAMES
        for name, array in vars(knowing.expressions).items():
            np.testing.assert_array_equal(getattr(again.expressions, name), array)
        summary = again.summary()
        assert (summary["expressions"], summary["expression_accuracy"]) == (list(NAMES), None)

    def test_without_it_a_file_is_as_before(self, small_model: FaceModel, tmp_path: Path) -> None:
        small_model.save(tmp_path / "m.safetensors")
        again = FaceModel.load(tmp_path / "m.safetensors")
        assert (again.expressions, again.expression_names) == (None, ())
        assert b"expressions" not in (tmp_path / "m.safetensors").read_bytes()

    @pytest.mark.parametrize(
        ("names", "said"),
        [
            (["a", "b"], "expressions.weights"),  # one name less than columns
            (["a", "a", "b"], "different names"),
            (["a"], "different names"),
            (["a", "b", 3], "short texts"),
            (["a", "b", ""], "short texts"),
            (["a", "b", "x" * 41], "short texts"),
            (["a", "b", "two\nlines"], "short texts"),
            ("abc", "a list of names"),
            (None, "a list of names"),
            ([str(k) for k in range(201)], "different names"),
        ],
    )
    def test_names_that_cannot_be(
        self, names: object, said: str, content: tuple[dict[str, np.ndarray], Any], tmp_path: Path
    ) -> None:
        arrays, about = content
        self.refused(arrays, {**about, "expressions": names}, said, tmp_path)

    @pytest.mark.parametrize("name", ["weights", "cells", "offset", "typical"])
    def test_arrays_that_do_not_fit(
        self, name: str, content: tuple[dict[str, np.ndarray], Any], tmp_path: Path
    ) -> None:
        arrays, about = content
        key = f"expressions.{name}"
        self.refused({**arrays, key: arrays[key][:-1].copy()}, about, key, tmp_path)
        self.refused({**arrays, key: arrays[key] * np.float32(np.inf)}, about, key, tmp_path)

    def refused(self, arrays: dict[str, np.ndarray], about: Any, said: str, folder: Path) -> None:
        file = folder / "bad.safetensors"
        file.write_bytes(to_bytes(arrays, {"faceloop": json.dumps(about)}))
        with pytest.raises(ModelFileError, match=said):
            FaceModel.load(file)
