"""Learning what faces express: which labels, from whose faces, and how sure one may be."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_runtime.expressions import person_share
from faceloop_runtime.model.layout import MAX_EXPRESSIONS
from faceloop_trainer.data.expression_labels import label_warning, learned_labels
from faceloop_trainer.expressions import ExpressionAssessment
from faceloop_trainer.expressions.people import own_of_others
from faceloop_trainer.expressions.projection import Projection
from faceloop_trainer.expressions.regression import ExpressionRegression, Settings


class TestLabels:
    def test_five_faces_of_two_people(self) -> None:
        faces = [("smile", "ann")] * 4 + [("smile", "bert")] + [("calm", "ann")] * 3
        faces += (
            [("calm", "bert")] * 2 + [("alone", "ann")] * 9 + [("rare", "ann"), ("rare", "bert")]
        )
        assert learned_labels([*faces, *[("", f"p{k}") for k in range(20)]]) == ("calm", "smile")

    def test_one_alone_is_no_choice(self) -> None:
        assert learned_labels([("smile", "ann"), ("smile", "bert")] * 5) == ()

    def test_of_more_than_a_file_holds_the_most_frequent_are_learned(self) -> None:
        faces = [(f"word {k:03}", who) for k in range(MAX_EXPRESSIONS + 2) for who in "aaabb"]
        kept = learned_labels([*faces, ("word 201", "c"), ("word 200", "c")])
        assert len(kept) == MAX_EXPRESSIONS
        assert {"word 000", "word 200", "word 201"} <= set(kept)

    def test_only_faces_that_are_trained_on_count(self) -> None:
        faces = [
            SimpleNamespace(item_id=k, expression="ab"[k % 2], subject_key=f"{k % 3}", has_image=1)
            for k in range(12)
        ]
        trained = set(range(12)) - {0}
        assert label_warning(faces, trained) == ""
        assert "left out: a (4 faces), b (6 faces)." in label_warning(faces, trained - {2})
        assert "left out: b (6 faces)." in label_warning(faces, trained, ("a",))

    def test_what_is_left_out_is_named(self) -> None:
        def face(label: str, person: str, *, image: bool = True) -> SimpleNamespace:
            return SimpleNamespace(expression=label, subject_key=person, has_image=image)

        faces = [face(name, person) for name in "ab" for person in "xy" for _ in range(3)]
        assert label_warning(faces) == ""
        assert label_warning([*faces, face("no picture", "x", image=False)]) == ""
        said = label_warning([*faces, face("rare", "x"), *[face("own", "x")] * 7])
        assert "left out: own (7 faces), rare (1 face)." in said
        assert "At least two such expressions" not in said
        assert "At least two such expressions" in label_warning([face("rare", "x")])


class TestPeople:
    @given(st.lists(st.integers(0, 3), min_size=1, max_size=12))
    def test_by_definition(self, whom: list[int]) -> None:
        rows = np.random.default_rng(0).normal(size=(len(whom), 3))
        found = own_of_others(rows, whom)
        for k, person in enumerate(whom):
            others = [rows[j] for j, one in enumerate(whom) if one == person and j != k]
            share = person_share(len(others))
            wanted = share * np.mean(others, axis=0) if others else np.zeros(3)
            np.testing.assert_allclose(found[k], wanted, atol=1e-12)


class TestProjection:
    def test_weights_of_rows_are_weights_of_features(self) -> None:
        rng = np.random.default_rng(0)
        features = rng.normal(size=(40, 6)) @ rng.normal(size=(6, 30)) + rng.normal(size=30)
        keys = [str(k) for k in range(40)]
        for made in (
            Projection.of_distances(features),
            Projection.of_cells(features.astype(np.float32), keys),
        ):
            rows = made.rows(features)
            weights = rng.normal(size=(rows.shape[1], 2))
            folded, offset = made.folded(weights)
            np.testing.assert_allclose(features @ folded + offset, rows @ weights, atol=1e-4)

    def test_distances_are_only_scaled_and_turned(self) -> None:
        features = np.random.default_rng(0).normal(size=(50, 4)) * [1.0, 10.0, 0.1, 3.0]
        rows = Projection.of_distances(features).rows(features)
        scaled = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-3)
        np.testing.assert_allclose(rows @ rows.T, scaled @ scaled.T, atol=1e-6)

    def test_of_cells_a_fifth_as_many_axes_as_faces_of_spread_one(self) -> None:
        features = np.random.default_rng(0).normal(size=(60, 90)).astype(np.float32)
        rows = Projection.of_cells(features, [str(k) for k in range(60)]).rows(features)
        assert rows.shape == (60, 12)
        np.testing.assert_allclose(rows.std(axis=0), 1, rtol=1e-3)
        np.testing.assert_allclose(np.corrcoef(rows.T), np.eye(12), atol=1e-3)

    def test_features_that_are_the_same_in_all_faces_do_no_harm(self) -> None:
        features = np.ones((10, 4))
        for made in (
            Projection.of_distances(features),
            Projection.of_cells(features.astype(np.float32), list("abcdefghij")),
        ):
            assert np.isfinite(made.rows(features * 2)).all()


def examples(
    people: int, each: int, *, own: float = 0.0, seed: int = 0, sided: bool = False
) -> ExpressionRegression:
    """Two expressions along the first axis, on people who differ along it too.

    ``sided``: what tells them apart changes its sign in a mirror.
    """
    rng = np.random.default_rng(seed)
    labels = np.tile([0, 1], people * each // 2)
    whom = np.repeat(np.arange(people), each)
    rows = rng.normal(0, 1, (len(labels), 3))
    rows[:, 0] += 2.0 * (2 * labels - 1) + own * rng.normal(size=people)[whom]
    mirrored = rows * ([-1, 1, 1] if sided else [1, 1, 1])
    return ExpressionRegression(rows, mirrored, labels, [f"p{k}" for k in whom], seed)


class TestRegression:
    def test_it_learns_what_tells_them_apart(self) -> None:
        found = examples(20, 6)
        settings = found.best_settings()
        odds = found.calibrated(settings)
        direction = odds.weights[:, 1] - odds.weights[:, 0]
        assert direction[0] > 3 * np.abs(direction[1:]).max()
        right = found.probabilities(settings, known=False).argmax(axis=1) == found.labels
        assert right.mean() > 0.94

    def test_other_faces_of_a_person_help_where_people_differ(self) -> None:
        found = examples(40, 6, own=2.5)
        settings = found.best_settings()
        strangers, known = (
            (found.probabilities(settings, known=k).argmax(axis=1) == found.labels).mean()
            for k in (False, True)
        )
        assert known > strangers + 0.05

    def test_mirror_images_are_left_out_where_a_label_is_of_one_side(self) -> None:
        assert examples(20, 6).best_settings().mirrored == 1.0
        assert examples(20, 6, sided=True).best_settings().mirrored == 0.0

    def test_people_are_on_one_side_of_each_split(self) -> None:
        found = examples(9, 4)
        parts = found._parts
        assert sorted(np.concatenate(parts).tolist()) == list(range(36))
        sides = [{found.people[k] for k in out} for out in parts]
        assert sum(map(len, sides)) == 9

    def test_probabilities_are_as_often_right_as_they_say(self) -> None:
        found = examples(60, 10, own=1.0, seed=3)
        settings = found.best_settings()
        shares = found.probabilities(settings, known=False)
        for low, high in ((0.5, 0.8), (0.8, 0.95), (0.95, 1.0)):
            chosen = (shares.max(axis=1) >= low) & (shares.max(axis=1) <= high)
            right = shares.argmax(axis=1)[chosen] == found.labels[chosen]
            assert right.mean() == pytest.approx(shares.max(axis=1)[chosen].mean(), abs=0.07)

    def test_typical_log_odds_are_means_of_the_faces_of_each_as_of_strangers(self) -> None:
        found, settings = examples(10, 4), Settings(0.1, 1.0)
        odds = found.calibrated(settings)
        shares = found.probabilities(settings, known=False)
        logs = np.log(shares) - np.log(shares).mean(axis=1, keepdims=True)
        for label in (0, 1):
            typical = odds.typical[label] - odds.typical[label].mean()
            np.testing.assert_allclose(typical, logs[found.labels == label].mean(axis=0))

    def test_a_label_of_people_who_are_all_in_one_part(self) -> None:
        """Then a part of the training lacks it; the others go on."""
        found = examples(8, 5)
        labels = found.labels.copy()
        labels[5:10] = 2
        labels[0] = 2
        odd = replace(found, labels=labels)
        shares = odd.probabilities(odd.best_settings(), known=True)
        assert shares.shape == (40, 3)
        assert np.isfinite(shares).all()

    def test_the_same_twice(self) -> None:
        one, other = examples(12, 4), examples(12, 4)
        assert one.best_settings() == other.best_settings()
        first, second = (e.calibrated(Settings()) for e in (one, other))
        np.testing.assert_array_equal(first.weights, second.weights)


class TestAssessment:
    NAMES = ("calm", "smile", "wink")
    TRUTH = np.array([0, 0, 1, 1, 1, 2])
    SHARES = np.array(
        [[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0.2, 0.7, 0.1], [0.1, 0.9, 0.0],
         [0.5, 0.3, 0.2]]
    )  # fmt: skip

    def assessment(self) -> ExpressionAssessment:
        known = np.eye(3)[self.TRUTH]
        return ExpressionAssessment.of(self.NAMES, self.TRUTH, self.SHARES, known, 4)

    def test_by_definition(self) -> None:
        found = self.assessment()
        assert found.confusion == ((1, 1, 0), (0, 3, 0), (1, 0, 0))
        assert (found.faces, found.people) == (6, 4)
        assert found.accuracy == pytest.approx(4 / 6)
        assert found.accuracy_known == 1.0
        assert found.balanced_accuracy == pytest.approx((1 / 2 + 1 + 0) / 3)
        own = [0.8, 0.3, 0.8, 0.7, 0.9, 0.2]
        assert found.log_loss == pytest.approx(-sum(map(math.log, own)) / 6)
        ((mean, right, count),) = found.reliability
        assert (mean, right, count) == (
            pytest.approx(np.mean([0.8, 0.6, 0.8, 0.7, 0.9, 0.5])), pytest.approx(4 / 6), 6,
        )  # fmt: skip

    def test_the_calibration_error_is_by_the_faces_of_each_part(self) -> None:
        parts = ((0.5, 0.7, 10), (0.9, 0.8, 30))
        found = replace(self.assessment(), reliability=parts, confusion=((40, 0), (0, 0)))
        assert found.calibration_error == pytest.approx((10 * 0.2 + 30 * 0.1) / 40)

    def test_it_goes_through_json(self) -> None:
        found = self.assessment()
        assert ExpressionAssessment.from_dict(json.loads(json.dumps(found.to_dict()))) == found

    @pytest.mark.parametrize(
        "change",
        [
            {"names": None}, {"names": ["a"]}, {"confusion": [[1, 2]]}, {"confusion": "x"},
            {"confusion": [[1, 0, 0], [0, -1, 0], [0, 0, 1]]}, {"reliability": [[1, 2]]},
            {"reliability": [[0.5, float("nan"), 3]]}, {"accuracy": float("inf")}, {"people": "x"},
            {"accuracy_known": None},
        ],
    )  # fmt: skip
    def test_a_file_may_say_anything(self, change: dict[str, object]) -> None:
        assert ExpressionAssessment.from_dict({**self.assessment().to_dict(), **change}) is None

    @pytest.mark.parametrize("value", [None, [], "x", {}])
    def test_or_nothing(self, value: object) -> None:
        assert ExpressionAssessment.from_dict(value) is None
