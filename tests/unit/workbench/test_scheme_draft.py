"""A scheme that is made by hand, without the window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import Scheme, SchemeError
from faceloop_workbench.schemes.draft import MOST, SchemeDraft, placed
from faceloop_workbench.schemes.editing import SchemeEditing

EYES = (("left eye", -40, 0), ("right eye", 40, 0), ("nose", 0, 40), ("mouth l", -25, 80))


def draft(*more: tuple[str, float, float]) -> SchemeDraft:
    made = SchemeDraft("mine")
    for name, x, y in (*EYES, ("mouth r", 25, 80), *more):
        made = made.add(100 + x, 100 + y, name)
    return made


def test_a_scheme_is_made_of_points_lines_groups_and_partners() -> None:
    made, found = draft().suggest()
    assert found.unsure == ()
    made = made.add_contour((3, 4), "mouth", closed=False).put_in_group((0, 1), "eyes")
    scheme = made.scheme()
    assert scheme.names == ("left eye", "right eye", "nose", "mouth l", "mouth r")
    assert scheme.mirror == (1, 0, 2, 4, 3)
    assert scheme.iod == (0, 1)
    assert scheme.groups == {"eyes": (0, 1), "other points": (2, 3, 4)}
    assert scheme.contours[0].points == (3, 4)
    assert np.ptp(np.array(scheme.layout), axis=0).max() == pytest.approx(1.0)
    assert Scheme.parse(scheme.to_toml(), "again") == scheme
    again = SchemeDraft.of(scheme, placed(scheme, 300, 300))
    assert again.scheme() is scheme
    moved = again.move({2: (150, 190)}).scheme()
    assert moved.layout != scheme.layout
    assert moved.names == scheme.names


@pytest.mark.parametrize(
    ("made", "problem"),
    [
        (SchemeDraft(), "Give the scheme a name."),
        (SchemeDraft("mine").add(1, 2), "Place 2 more points: a scheme needs 3 at least."),
        (draft(("nose", 9, 9)), "Several points are called 'nose'."),
        (draft((" ", 9, 9)), "Give every point a name."),
        (draft().rename(0, ""), "Give every point a name."),
        (SchemeDraft.of(Scheme.load("imm58"), np.zeros((58, 2))).remove([3]), "imm58 is a scheme"),
        (
            draft().suggest()[0].put_in_group((0,), "eye"),
            "The group 'eye' has points whose mirror partners",
        ),
    ],
)
def test_what_is_missing_is_said_in_words(made: SchemeDraft, problem: str) -> None:
    assert any(said.startswith(problem) for said in made.problems), made.problems
    with pytest.raises(SchemeError):
        made.scheme()


def test_too_many_points_are_said() -> None:
    made = SchemeDraft("mine")
    for k in range(MOST + 1):
        made = made.add(k, k)
    assert made.problems == ["301 points are too many: 300 at most."]


def test_removing_a_point_changes_all_that_names_it() -> None:
    made = draft().suggest()[0].add_contour((0, 1, 2), "line", closed=True)
    less = made.remove([0])
    assert less.names == ["right eye", "nose", "mouth l", "mouth r"]
    assert less.mirror == (0, 1, 3, 2)
    assert less.size == ()
    assert less.contours[0].points == (0, 1)
    assert less.problems == []
    assert less.remove([0, 1]).contours == ()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=12))
def test_partners_are_always_each_others(pairs: list[tuple[int, int]]) -> None:
    made = draft()
    for one, other in pairs:
        made = made.pair(one, other)
        assert made.mirror[one] == other
        assert [made.mirror[k] for k in made.mirror] == list(range(5))


@pytest.mark.parametrize("name", Scheme.bundled())
def test_every_bundled_scheme_can_be_looked_at_and_started_from(name: str) -> None:
    scheme = Scheme.load(name)
    made = SchemeDraft.of(scheme, placed(scheme, 384, 384))
    assert made.problems == []
    assert made.scheme() is scheme  # nothing is lost by looking
    lined = made.add_contour((0, 1), "more", closed=False).scheme()
    assert (lined.triangles, lined.initialisation) == (scheme.triangles, scheme.initialisation)
    assert len(lined.contours) == len(scheme.contours) + 1
    assert made.places.min() > 0
    assert made.places.max() < 384
    less = made.remove([k for k in range(len(made)) if k > 19])
    assert less.problems[0].startswith(f"{name} is a scheme that comes with")


def test_every_change_can_be_taken_back_and_done_again() -> None:
    editing, told = SchemeEditing(), []
    editing.changed.connect(lambda: told.append(1))
    for name, x, y in EYES:
        editing.do(f"place {name}", editing.draft.add(x, y, name))
    editing.select([3, 0, 3, 9])
    assert editing.selected == (3, 0)
    for step in range(4):
        editing.drag({0: (step, step)})
    editing.drop()
    assert editing.undo_title == "move left eye"
    moved = editing.draft
    editing.undo()
    assert editing.draft.points[0].x == -40
    editing.undo()
    assert len(editing.draft) == 3
    assert editing.selected == (0,)
    editing.redo()
    editing.redo()
    assert editing.draft == moved
    assert editing.redo_title == ""
    editing.undo()
    editing.apply("rename nose", lambda d: d.rename(2, "tip"))
    assert editing.redo_title == ""  # another way was taken
    count = len(told)
    editing.drop()  # nothing was dragged
    assert len(told) == count
