"""What can be done to a face, and what it would train afterwards."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import Annotation, PointState, Revision
from faceloop_runtime.geometry import Similarity
from faceloop_workbench.annotate.face_state import FaceState
from faceloop_workbench.services.history_text import changed_points

V, H, E, M = PointState.VISIBLE, PointState.OCCLUDED, PointState.ESTIMATED, PointState.MISSING
POINTS = np.arange(10.0).reshape(5, 2)


def face(states: list[PointState], source: str = "manual") -> FaceState:
    """Five points in these states, as a project would give them."""
    return FaceState.of(
        Annotation("s", np.where(np.array(states)[:, None] == M, np.nan, POINTS), states, source)
    )


def reopened(state: FaceState) -> FaceState:
    """Return the state as its revision gives it back."""
    now = datetime.now(UTC)
    return FaceState.saved(
        Revision(1, 1, None, state.annotation("s"), "ann", now, True, start=state.start)
    )


def trained(state: FaceState) -> list[int]:
    """Points that would train the shape."""
    return list(np.flatnonzero(state.annotation("s").trains_shape))


def test_what_a_person_vouched_for_is_placed_when_a_face_is_opened():
    state = face([V, H, E, M, V])
    assert state.placed.tolist() == [True, True, False, False, True]
    assert state.missing == [3]
    assert state.unconfirmed == 1


def test_of_a_fit_only_points_that_a_person_put_train_something():
    fit = FaceState.estimated(POINTS, "model-1")
    assert trained(fit) == []
    dragged = fit.placed_at([2], POINTS[[2]] + 1).moved_by_model(POINTS + 2, "model-1")
    assert dragged.source == "manual+fit:model-1"
    assert trained(dragged) == [2]
    assert np.array_equal(dragged.points[2], POINTS[2] + 1)
    assert np.array_equal(dragged.points[[0, 1, 3, 4]], POINTS[[0, 1, 3, 4]] + 2)


def test_estimates_of_an_import_train_the_shape_until_the_model_moves_them():
    imported = face([V, V, E, E, V], "import:muct")
    plain = imported.placed_at([0], POINTS[[0]] + 1)
    assert trained(plain) == [0, 1, 2, 3, 4]
    helped = plain.moved_by_model(POINTS + 3, "model-1")
    assert helped.source == "manual+fit:model-1"
    assert trained(helped) == [0, 1, 4]


def test_a_face_that_a_person_changed_is_no_import_any_more():
    # An import that is repeated takes a revision of its own source for what it imported.
    imported = face([V] * 5, "import:muct")
    changes = (
        imported.placed_at([0], POINTS[[0]] + 1),
        imported.without([1]),
        imported.occlusion_toggled([1]),
        imported.transformed(Similarity(tx=3.0)),
    )
    assert [change.source for change in changes] == ["manual"] * 4


def test_help_that_moves_nothing_does_not_make_a_fit_of_a_face():
    state = face([V, V, H, M, V])
    assert state.moved_by_model(POINTS + 9, "model-1").is_same_as(state)


def test_a_point_that_the_model_brings_back_trains_nothing_until_it_is_confirmed():
    state = face([V, V, V, M, V])
    back = state.brought_back([3], POINTS, "model-1")
    assert back.states.tolist() == [V, V, V, E, V]
    assert trained(back) == [0, 1, 2, 4]
    accepted = back.accepted()
    assert (accepted.source, trained(accepted)) == ("manual", [0, 1, 2, 3, 4])


def test_a_fit_takes_all_points_that_nobody_has_placed():
    state = FaceState.estimated(POINTS, "three clicks").placed_at([0], POINTS[[0]])
    state = state.occlusion_toggled([1]).without([2])
    fitted = state.refitted(POINTS + 4, "model-2")
    assert fitted.states.tolist() == [V, H, E, E, E]
    assert fitted.placed.tolist() == [True, False, False, False, False]
    assert np.array_equal(fitted.points[0], POINTS[0])
    assert np.array_equal(fitted.points[1:], POINTS[1:] + 4)
    assert np.array_equal(fitted.reference, POINTS + 4)
    assert fitted.source == "fit:model-2"
    done = face([V, H, V, V, V])
    assert done.refitted(POINTS + 4, "model-2").is_same_as(done)


def test_a_hidden_point_stays_hidden_when_it_is_dragged_and_accepted():
    state = face([V, H, E, M, V]).placed_at([1], POINTS[[1]] + 5)
    assert state.states[1] == H
    accepted = state.accepted()
    assert accepted.states.tolist() == [V, H, V, M, V]


def test_the_source_of_a_change_by_hand_is_the_hand_and_a_fits_points_train_nothing():
    fit = FaceState.estimated(POINTS, "model-1")
    assert fit.placed_at([], POINTS[[]]).source == "fit:model-1"
    changes = (
        fit.placed_at([0], POINTS[[0]] + 1),
        fit.without([1]),
        fit.occlusion_toggled([1]),
        fit.confirmed([2]),
        fit.transformed(Similarity(tx=3.0)),
    )
    assert [change.source for change in changes] == ["manual+fit:model-1"] * 5
    assert [trained(change) for change in changes] == [[0], [], [1], [2], []]
    # A hidden point that follows may become an estimate of the fit again: it is remembered.
    hidden = fit.occlusion_toggled([0]).confirmed([1, 2, 3, 4])
    assert hidden.source == "manual+fit:model-1"
    assert trained(hidden.occlusion_toggled([0])) == [1, 2, 3, 4]
    assert hidden.confirmed([0]).source == "manual"
    released = hidden.confirmed([0]).released([3], "model-2")
    assert (released.source, trained(released)) == ("manual+fit:model-2", [0, 1, 2, 4])


def test_marking_hidden_twice_changes_nothing():
    state = FaceState.estimated(POINTS, "model-1").placed_at([4], POINTS[[4]])
    hidden = state.occlusion_toggled([1, 4])
    assert hidden.states.tolist() == [E, H, E, E, H]
    assert hidden.occlusion_toggled([1, 4]).is_same_as(state)
    # Of a mixed selection all become hidden first.
    assert hidden.occlusion_toggled([0, 1]).states.tolist() == [H, H, E, E, H]


def test_a_point_marked_hidden_where_the_model_put_it_still_follows():
    fit = FaceState.estimated(POINTS, "model-1").occlusion_toggled([0])
    assert np.array_equal(fit.moved_by_model(POINTS + 2, "model-1").points, POINTS + 2)
    assert np.array_equal(reopened(fit).moved_by_model(POINTS + 2, "model-1").points, POINTS + 2)
    # One that the person put there, and one of which that is not known, stays.
    put = fit.placed_at([0], POINTS[[0]]).as_reopened()
    for state in (put, reopened(put), FaceState.of(fit.annotation("s"))):
        assert np.array_equal(state.moved_by_model(POINTS + 2, "model-1").points[0], POINTS[0])
    # It is shown again as what it was before.
    assert reopened(fit).occlusion_toggled([0]).states[0] == E


def test_a_missing_point_is_not_hidden_confirmed_or_helped():
    state = face([M, V, V, V, V])
    assert state.occlusion_toggled([0]).is_same_as(state)
    assert state.confirmed([0]).is_same_as(state)
    assert state.moved_by_model(POINTS + 1, "m").is_same_as(state)
    assert state.placed_at([0], np.array([[7.0, 8.0]])).states[0] == V


def test_a_released_point_belongs_to_the_model_again():
    state = face([V] * 5).released([1, 2], "model-1")
    assert state.placed.tolist() == [True, False, False, True, True]
    assert trained(state) == [0, 3, 4]


def test_moving_the_whole_face_confirms_nothing_and_moves_the_evidence_too():
    fit = FaceState.estimated(POINTS, "model-1")
    moved = fit.transformed(Similarity(tx=4.0, ty=-1.0))
    assert moved.unconfirmed == 5
    assert np.allclose(moved.points, POINTS + np.array([4, -1]))
    assert np.allclose(moved.reference, POINTS + np.array([4, -1]))


def test_a_fit_with_unknown_points_has_them_missing():
    points = POINTS.copy()
    points[2] = np.nan
    state = FaceState.estimated(points, "previous frame")
    assert state.states.tolist() == [E, E, M, E, E]
    state.annotation("s")


@pytest.mark.parametrize(
    ("change", "count"),
    [({}, 0), ({"moved": [1]}, 1), ({"moved": [1], "hidden": [1, 2]}, 2), ({"gone": [0]}, 1)],
)
def test_changed_points_counts_moved_hidden_and_missing_ones(change, count):
    before = face([V, V, V, M, V])
    after = before
    for k in change.get("moved", ()):
        after = after.placed_at([k], after.points[[k]] + 1)
    after = after.occlusion_toggled(change["hidden"]) if "hidden" in change else after
    after = after.without(change.get("gone", ())) if "gone" in change else after
    assert changed_points(before.annotation("s"), after.annotation("s")).sum() == count


def _change(state: FaceState, what: str, k: int) -> FaceState:
    """Do something to a face, as the editor does."""
    one, there = np.array([[3.0, 4.0]]), POINTS + 0.25
    if what == "put" or (what == "back" and not state.present.any()):
        return state.placed_at([k], one + k)
    changes = {
        "confirm": lambda: state.confirmed([k]),
        "hide": lambda: state.occlusion_toggled([k]),
        "remove": lambda: state.without([k]),
        "release": lambda: state.released([k], "m"),
        "back": lambda: state.brought_back([k], there, "m"),
        "help": lambda: state.moved_by_model(there + state.placed.sum(), "m"),
        "fit": lambda: state.refitted(there + 5, "m"),
        "move": lambda: state.transformed(Similarity(tx=1.0)),
        "accept": state.accepted,
    }
    return changes[what]()


CHANGES = ["put", "confirm", "hide", "remove", "release", "back", "help", "fit", "move", "accept"]


@given(
    st.sampled_from(["fit", "import", "gaps", "nothing"]),
    st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 4)), max_size=12),
)
def test_a_revision_gives_back_the_whole_state_whatever_was_done(begin, changes):
    state = {
        "fit": FaceState.estimated(POINTS, "m"),
        "import": face([V, H, V, V, H], "import:muct"),
        "gaps": face([V, H, E, M, V], "import:muct"),
        "nothing": FaceState.empty(5),
    }[begin]
    for what, k in changes:
        state = _change(state, what, k).as_reopened()
        again = reopened(state)
        assert again.is_same_as(state)
        assert np.array_equal(again.placed, state.placed)
