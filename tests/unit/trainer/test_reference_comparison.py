"""Whole-face faults, from fits of the starter model that are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceloop_datasets import Annotation, Monitor, PointState, Scheme
from faceloop_datasets.face import Face
from faceloop_datasets.sample import sample_faces
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.quality.thresholds import NO_FACE_ERROR
from faceloop_trainer.labelcheck.displacements import (
    Displacement,
    displaced_entries,
    displacement_faults,
    shared_displacement,
)
from faceloop_trainer.labelcheck.reference_comparison import ComparedFace, ReferenceComparison
from faceloop_trainer.labelcheck.reference_fit import ReferenceFit, ReferenceFitter
from faceloop_trainer.labelcheck.scheme_mapping import SchemeMapping
from faceloop_trainer.labelcheck.swapped_annotations import match_pictures, swap_faults
from faceloop_trainer.labelcheck.whole_face_faults import find_whole_face_faults
from faceloop_trainer.parallel import StepCounter

FACE70 = Scheme.load("face70")
RECORDS = list(sample_faces())[:48:4]
TRUE = [record.annotation.points for record in RECORDS]
SIZE = (384, 384)
FITTER = ReferenceFitter()
OFFSET = np.array([-40.0, 25.0])


def pose_of(points: np.ndarray) -> Similarity:
    return Similarity.between(FITTER.model.pdm.mean, points)


def compared(
    change: Callable[[int, np.ndarray], np.ndarray], error: float = 0.03
) -> ReferenceComparison:
    """Each face's annotation is its true points changed, and its fit the true points."""
    entries = []
    for i, true in enumerate(TRUE):
        points = change(i, true)
        missing = np.isnan(points).any(axis=1)
        states = np.where(missing, PointState.MISSING, RECORDS[i].annotation.states)
        states[0] = np.where(missing[0], states[0], PointState.OCCLUDED)  # on one side only
        annotation = Annotation("face70", points, states)
        face = Face(i + 1, i + 1, f"face {i}", "", annotation, None, None, f"picture {i}")
        fit = ReferenceFit(true, pose_of(true), error)
        entries.append(ComparedFace(face, points, points, SIZE, fit))
    mapping = SchemeMapping.between(FACE70, FITTER.model.scheme)
    return ReferenceComparison(FACE70, mapping, FITTER, tuple(entries))


def iod(i: int) -> float:
    return pose_of(TRUE[i]).scale


def unchanged(_: int, true: np.ndarray) -> np.ndarray:
    return true


def test_distances_are_means_over_the_known_points_in_iod() -> None:
    def shifted(i: int, true: np.ndarray) -> np.ndarray:
        moved = true + np.array([0.2 * iod(i) if i == 2 else 0.0, 0.0])
        moved[:10] = np.nan
        return moved

    own = compared(shifted).own_distances()
    assert own[2] == pytest.approx(0.2)
    assert np.allclose(np.delete(own, 2), 0, atol=1e-12)
    assert np.isinf(compared(unchanged, error=NO_FACE_ERROR).own_distances()).all()


def test_what_annotators_do_in_all_faces_is_their_bias_and_no_distance() -> None:
    habit = np.random.default_rng(0).normal(0, 0.02, (70, 2))

    def biased(i: int, true: np.ndarray) -> np.ndarray:
        pose = pose_of(true)
        return pose.apply(pose.inverse().apply(true) + habit)

    comparison = compared(biased)
    assert np.allclose(comparison.annotator_bias, habit, atol=1e-9)
    assert np.allclose(comparison.own_distances(), 0, atol=1e-9)
    entry = comparison.entries[0]
    assert entry.fit is not None
    assert np.allclose(comparison.expected(entry.fit), entry.points, atol=1e-6)
    assert np.allclose(comparison.offsets(entry, entry.points), 0, atol=1e-9)
    moved = comparison.offsets(entry, entry.points + np.array([iod(0), 0]))
    assert np.allclose(np.linalg.norm(moved, axis=1), 1, atol=1e-9)


def test_the_faults_of_right_annotations_are_none() -> None:
    assert find_whole_face_faults(compared(unchanged), StepCounter(Monitor())) == {}


def test_annotations_of_the_mirrored_picture_are_corrected_with_their_states() -> None:
    mirror = list(FACE70.mirror)

    def change(i: int, true: np.ndarray) -> np.ndarray:
        return ((SIZE[0] - 1.0, 0.0) + true * (-1.0, 1.0))[mirror] if i == 3 else true

    comparison = compared(change)
    ((i, fault),) = find_whole_face_faults(comparison, StepCounter(Monitor())).items()
    assert (i, fault.kind) == (3, "mirrored")
    assert fault.mend is not None
    assert np.allclose(fault.mend.points, TRUE[3])
    states = comparison.entries[3].face.annotation.states
    assert np.array_equal(fault.mend.states, states[mirror])
    assert not np.array_equal(fault.mend.states, states)


def test_points_anywhere_outside_the_picture_are_said_to_be() -> None:
    anywhere = np.random.default_rng(0).uniform(2000, 4000, (70, 2))
    comparison = compared(lambda i, true: anywhere if i == 5 else true)
    ((i, fault),) = find_whole_face_faults(comparison, StepCounter(Monitor())).items()
    assert (i, fault.kind, fault.mend) == (5, "misplaced", None)
    assert fault.what == "Most points lie outside the picture."


@settings(max_examples=25, deadline=None)
@given(
    confirmed=st.lists(st.integers(0, 69), max_size=5),
    apart=st.sampled_from([0.0, 1.0]),
    seed=st.integers(0, 9),
)
def test_faces_with_few_confirmed_points_are_no_error_and_two_are_no_shape(
    confirmed: list[int], apart: float, seed: int
) -> None:
    """Wherever the points are; with ``apart`` zero all at one place."""
    anywhere = 60.0 + apart * np.random.default_rng(seed).uniform(0, 200, (70, 2))
    states = np.full(70, PointState.ESTIMATED)
    states[confirmed] = PointState.VISIBLE
    few = Annotation("face70", anywhere, states, "fit:starter")
    usual = compared(unchanged)
    faces = [entry.face for entry in usual.entries]
    faces[2] = replace(faces[2], annotation=few)
    made = ReferenceComparison.of(FACE70, faces, {}, {}, StepCounter(Monitor()))
    pairs = zip(made.entries, usual.entries, strict=True)
    fitted = tuple(replace(one, fit=other.fit) for one, other in pairs)
    found = find_whole_face_faults(replace(made, entries=fitted), StepCounter(Monitor()))
    assert set(found) <= ({2} if len(set(confirmed)) > 2 else set())


class TestSwaps:
    def found(self, sources: dict[int, int]) -> tuple[dict[int, str], dict[int, int]]:
        """Kinds and the corrections' sources, if picture ``i`` has the annotation of another."""
        noise = np.random.default_rng(0).normal(0, 0.5, (70, 2))
        comparison = compared(lambda i, _: TRUE[sources.get(i, i)] + noise * (i + 1) / 12)
        own = comparison.own_distances()
        matches = match_pictures(comparison, own, np.full(len(own), 0.13))
        faults = swap_faults(comparison, own, matches)
        corrections = {}
        for i, fault in faults.items():
            if fault.mend is not None:
                near = [np.abs(fault.mend.points - true).max() for true in TRUE]
                corrections[i] = int(np.argmin(near))
        return {i: fault.what for i, fault in faults.items()}, corrections

    def test_two_that_were_exchanged_are_corrected(self) -> None:
        said, corrections = self.found({1: 4, 4: 1})
        assert corrections == {1: 1, 4: 4}
        assert said[1].endswith("another picture, face 4; the two look exchanged.")

    def test_a_cycle_of_three_is_corrected_without_speaking_of_two(self) -> None:
        said, corrections = self.found({1: 4, 4: 7, 7: 1})
        assert corrections == {1: 1, 4: 4, 7: 7}
        assert not any("the two" in what for what in said.values())

    def test_a_lost_annotation_has_no_correction(self) -> None:
        for sources in ({1: 4}, {1: 4, 4: 7, 7: 9}):
            said, corrections = self.found(sources)
            assert said
            assert corrections == {}


class TestDisplacements:
    def test_an_offset_that_several_share_is_undone_to_the_pixel(self) -> None:
        comparison = compared(lambda i, true: true + OFFSET if i < 4 else true)
        own = comparison.own_distances()
        displaced = displaced_entries(own, except_for={0})
        assert displaced == [1, 2, 3]
        shared = shared_displacement(comparison, displaced)
        assert shared is not None
        assert (shared.scale, shared.offset) == (1.0, pytest.approx((40.0, -25.0)))
        faults = displacement_faults(comparison, own, shared, except_for={0})
        assert sorted(faults) == [1, 2, 3]
        for i, fault in faults.items():
            assert fault.mend is not None
            assert np.allclose(fault.mend.points, TRUE[i])

    def test_a_scale_that_several_share_is_found(self) -> None:
        comparison = compared(lambda i, true: 0.5 * true if i < 4 else true)
        shared = shared_displacement(comparison, [0, 1, 2, 3])
        assert shared is not None
        assert shared.scale == pytest.approx(2.0)
        assert "0.50 times as large" in shared.what

    def test_two_faces_are_too_few_to_share(self) -> None:
        comparison = compared(lambda i, true: true + OFFSET if i < 2 else true)
        assert shared_displacement(comparison, [0, 1]) is None

    def test_different_displacements_are_not_shared(self) -> None:
        comparison = compared(lambda i, true: true + OFFSET * (i + 1) if i < 4 else true)
        assert shared_displacement(comparison, [0, 1, 2, 3]) is None

    @pytest.mark.parametrize(
        ("move", "kind", "words"),
        [
            (Similarity(tx=60.0), "shifted", "to the right"),
            (Similarity.from_polar(1.0, np.deg2rad(30), 60.0, 0.0), "turned", "30 degrees"),
        ],
    )
    def test_one_face_alone_is_described_and_not_corrected(
        self, move: Similarity, kind: str, words: str
    ) -> None:
        comparison = compared(lambda i, true: move.apply(true) if i == 2 else true)
        faults = displacement_faults(comparison, comparison.own_distances(), None, except_for=())
        assert list(faults) == [2]
        assert (faults[2].kind, faults[2].mend) == (kind, None)
        assert words in faults[2].what

    def test_undo_is_a_scale_and_an_offset(self) -> None:
        points = np.array([[1.0, 2.0]])
        assert Displacement(2.0, (3.0, -1.0)).undo(points).tolist() == [[5.0, 3.0]]
