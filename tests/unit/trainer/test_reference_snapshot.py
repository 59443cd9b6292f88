"""The state of a project that its trainings are cross-fitted on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets.store.changes import HeadChange
from faceloop_trainer.data.reference_snapshot import snapshot_revision


def history(*steps: tuple[int, str]) -> list[HeadChange]:
    return [
        HeadChange(number, item, source) for number, (item, source) in enumerate(steps, start=1)
    ]


def imported(count: int, source: str = "import:muct") -> list[tuple[int, str]]:
    return [(item, source) for item in range(count)]


def test_a_project_without_revisions_has_none() -> None:
    assert snapshot_revision([]) is None


def test_an_import_is_one_step_whose_end_is_the_base() -> None:
    assert snapshot_revision(history(*imported(100))) == 100
    # what follows it, were it another import, is a step of its own
    assert snapshot_revision(history(*imported(100), *imported(100, "import:imm"))) == 200


def test_corrections_move_the_base_once_more_than_a_tenth_of_the_faces_changed() -> None:
    corrections = [(item, "manual") for item in range(11)]
    assert snapshot_revision(history(*imported(100), *corrections[:10])) == 100
    assert snapshot_revision(history(*imported(100), *corrections)) == 111


def test_corrections_that_say_they_are_an_import_do_not_move_it_each_time() -> None:
    corrections = imported(10)
    assert snapshot_revision(history(*imported(100), *corrections)) == 100


def test_many_revisions_of_one_face_are_one_changed_face() -> None:
    drags = [(3, "manual")] * 500
    assert snapshot_revision(history(*imported(100), *drags)) == 100


def test_new_faces_count_too() -> None:
    new = [(item, "manual") for item in range(100, 112)]
    assert snapshot_revision(history(*imported(100), *new[:10])) == 100
    assert snapshot_revision(history(*imported(100), *new)) == 112


_STEPS = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(["manual", "import:muct", "fit:m"])), max_size=80
)


@given(_STEPS)
def test_at_most_a_tenth_of_the_faces_differ_from_the_base(steps: list[tuple[int, str]]) -> None:
    changes = history(*steps)
    base = snapshot_revision(changes)
    if base is None:
        assert changes == []
        return
    since = {c.item_id for c in changes if c.revision_id > base}
    assert len(since) <= 0.1 * len({c.item_id for c in changes})


@given(_STEPS, _STEPS)
def test_the_base_never_moves_back(
    steps: list[tuple[int, str]], more: list[tuple[int, str]]
) -> None:
    # An import that is still under way may end later than what was known of it; it is not read.
    before, after = snapshot_revision(history(*steps)), snapshot_revision(history(*steps, *more))
    if steps and not steps[-1][1].startswith("import:"):
        assert before is not None
        assert after is not None
        assert after >= before
