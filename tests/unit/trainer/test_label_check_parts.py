"""The parts of a label check, each by its definition."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceloop_datasets import Annotation, PointState, Scheme
from faceloop_datasets.face import Face
from faceloop_trainer.labelcheck.contradictions import with_contradictions
from faceloop_trainer.labelcheck.faults import DOUBTFUL_SCORE, CheckedLabel, Correction
from faceloop_trainer.labelcheck.fit_offsets import (
    fit_offsets,
    offset_text,
    relative_to_other_parts,
    upper_decile,
)
from faceloop_trainer.labelcheck.point_permutations import candidate_permutations
from faceloop_trainer.labelcheck.thresholds import (
    CORRECTED_DISTANCE,
    SHARED_FAULT_DISTANCE,
    SUSPECT_DISTANCE,
    clearly_better,
    score_of_distance,
)

SCHEME = Scheme.load("imm58")
SHAPE = np.random.default_rng(0).uniform(-1, 1, (58, 2))
IOD = SCHEME.inter_ocular_distance(SHAPE)


def face(number: int, points: np.ndarray, picture: str | None = "a", name: str = "") -> Face:
    states = np.full(58, PointState.VISIBLE)
    annotation = Annotation("imm58", points, states)
    return Face(number, number, name or f"face {number}", "", annotation, None, None, picture)


class TestResults:
    def checked(self, score: float, mend: Correction | None = None) -> CheckedLabel:
        return CheckedLabel(1, "a", score, f"Scored {score}.", "turned", (), mend)

    def test_a_result_that_is_not_doubtful_gives_way(self) -> None:
        other = replace(self.checked(2.0), kind="constant", points=(3,))
        assert self.checked(DOUBTFUL_SCORE - 0.01).preceded_by(other) is other

    def test_of_two_doubtful_ones_both_sentences_stay_and_the_correction(self) -> None:
        mend = Correction(7, SHAPE, np.zeros(58, np.uint8))
        other = replace(self.checked(2.0), kind="constant", points=(3,))
        both = self.checked(5.0, mend).preceded_by(other)
        assert (both.score, both.what) == (5.0, "Scored 2.0. Scored 5.0.")
        assert (both.kind, both.mend, both.points) == ("turned", mend, (3,))
        assert self.checked(5.0).preceded_by(other).kind == "constant"


class TestThresholds:
    def test_the_score_grows_with_the_distance_up_to_a_limit(self) -> None:
        assert score_of_distance(0.0) == DOUBTFUL_SCORE
        assert score_of_distance(SUSPECT_DISTANCE) == pytest.approx(DOUBTFUL_SCORE + 1)
        assert score_of_distance(2.0) == score_of_distance(np.inf) < np.inf

    @pytest.mark.parametrize(
        ("corrected", "distance", "others", "expected"),
        [
            (0.05, 0.1, 0, True),
            (0.07, 0.1, 0, False),  # more than six tenths are left
            (0.07, 0.1, 3, True),  # which is enough if others have the fault too
            (0.07, 0.1, 2, False),
            (CORRECTED_DISTANCE, 1.0, 0, False),
            (0.0, SUSPECT_DISTANCE, 0, False),
            (0.0, SHARED_FAULT_DISTANCE, 3, False),
            (0.029, 0.04, 3, True),
            (0.031, 0.04, 3, False),  # gains less than .01
        ],
    )
    def test_a_correction_has_to_be_clearly_better(
        self, corrected: float, distance: float, others: int, expected: bool
    ) -> None:
        assert clearly_better(corrected, distance, others) is expected


class TestContradictions:
    def results(self, *faces: Face) -> list[CheckedLabel]:
        plain = [CheckedLabel(f.item_id, f.name, 0.0, "", "misplaced") for f in faces]
        return list(with_contradictions(plain, faces, SCHEME))

    def test_two_annotations_of_one_face_name_each_other(self) -> None:
        moved = SHAPE + np.array([0.1 * IOD, 0])
        one, two = self.results(face(1, SHAPE), face(2, moved))
        assert (one.kind, two.kind) == ("duplicate", "duplicate")
        assert one.doubtful
        assert "annotated as face 2 too, with points 0.10 IOD away" in one.what
        assert "annotated as face 1 too" in two.what

    def test_nothing_is_said_of_a_face_that_is_right_but_of_the_other_annotation(self) -> None:
        faces = [face(1, SHAPE), face(2, SHAPE + np.array([0.1 * IOD, 0]))]
        plain = [CheckedLabel(f.item_id, f.name, 0.0, "", "misplaced") for f in faces]
        one, two = with_contradictions(plain, faces, SCHEME, without={1})
        assert (one.kind, two.kind) == ("misplaced", "duplicate")

    def test_equal_names_are_told_apart_by_their_items(self) -> None:
        moved = SHAPE + np.array([0.1 * IOD, 0])
        one, _ = self.results(face(1, SHAPE, name="x"), face(2, moved, name="x"))
        assert "annotated as x (item 2) too" in one.what

    @pytest.mark.parametrize(
        ("shift", "picture"), [(0.03, "a"), (0.6, "a"), (0.1, "b"), (0.1, None)]
    )
    def test_equal_points_other_faces_and_other_pictures_do_not_contradict(
        self, shift: float, picture: str | None
    ) -> None:
        first = face(1, SHAPE, None if picture is None else "a")
        second = face(2, SHAPE + np.array([shift * IOD, 0]), picture)
        assert not any(result.doubtful for result in self.results(first, second))


def test_permutations_hold_every_exchange_with_the_worst_point_and_each_source_once() -> None:
    found = list(candidate_permutations(SCHEME, worst=4))
    assert found[0].sources == list(SCHEME.mirror)
    for order in found:
        known = [source for source in order.sources if source >= 0]
        assert len(known) == len(set(known))
        assert len(order.sources) == 58
        changed = {i for i, source in enumerate(order.sources) if source != i}
        assert changed
        assert not order.points or changed <= set(order.points)
    swapped = {tuple(sorted(o.points)) for o in found if "look exchanged" in o.what}
    assert {(min(4, i), max(4, i)) for i in range(58) if i != 4} <= swapped
    closed = [c for c in SCHEME.contours if c.closed and len(c.points) > 2]
    assert closed
    backwards = [o for o in found if "run backwards" in o.what and o.points == closed[0].points]
    assert len({tuple(o.sources) for o in backwards}) == len(closed[0].points)


class TestFitOffsets:
    def faces(self, count: int = 30) -> tuple[np.ndarray, np.ndarray]:
        """Annotations with a habit of their own at each point, and the fits."""
        habit = np.random.default_rng(1).normal(0, 0.1 * IOD, (58, 2))
        fitted = np.repeat(SHAPE[None], count, axis=0)
        return fitted + habit, fitted

    def test_the_offset_of_a_face_and_of_a_part_are_found_beyond_what_is_usual(self) -> None:
        points, fitted = self.faces()
        part = list(next(iter(SCHEME.groups.values())))
        points[3] += [0.2 * IOD, 0]
        points[5, part] += [0, 0.3 * IOD]
        visible = np.ones(points.shape[:2], bool)
        of_face, of_parts = fit_offsets(SCHEME, points, visible, fitted)
        expected = np.zeros((30, 2))
        expected[3] = 0.2, 0
        assert np.allclose(of_face, expected, atol=1e-12)
        expected[3] = 0, 0
        expected[5] = 0, 0.3
        assert np.allclose(of_parts[:, 0], expected, atol=1e-12)
        assert np.allclose(of_parts[:, 1:], 0, atol=1e-12)

    def test_hidden_points_do_not_count_and_no_picture_says_nothing(self) -> None:
        points, fitted = self.faces()
        part = list(next(iter(SCHEME.groups.values())))
        visible = np.ones(points.shape[:2], bool)
        points[5, part[0]] += [0, 5 * IOD]
        visible[5, part[0]] = False
        fitted[7] = np.nan
        of_face, of_parts = fit_offsets(SCHEME, points, visible, fitted)
        assert np.isnan(of_face[7]).all()
        assert np.allclose(of_parts, 0, atol=1e-12)

    def test_a_part_counts_less_where_a_second_one_is_off_as_well(self) -> None:
        distances = np.ones((20, 3))
        distances[0, 0] = 6.0
        distances[1] = 6.0, 3.0, 1.0
        usual = [upper_decile(column) for column in distances.T]
        found = relative_to_other_parts(distances)
        assert found[0, 0] == pytest.approx(6.0 / usual[0])
        assert found[1, 0] == pytest.approx((6.0 / usual[0]) / (3.0 / usual[1]))

    def test_the_sentence_names_the_directions_that_are_not_zero(self) -> None:
        said = offset_text("All points", "beside", np.array([0.25, -0.001]))
        assert said == "All points lie beside: 0.25 to the right, in units of the IOD."
        said = offset_text("All points", "beside", np.array([-0.25, -0.5]))
        assert said == "All points lie beside: 0.25 to the left and 0.50 up, in units of the IOD."
