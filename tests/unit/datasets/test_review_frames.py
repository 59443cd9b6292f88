"""Which poor frames of a video are queued, by the definition spelled out; and in which order."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import FrameCandidate, Project, QueueReason
from faceloop_datasets.review.frames import QueuedFrame, select_frames

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LIMITS = {"per_shot": 3, "seconds": 2.0, "shape": 0.08}
SQUARE = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]])


def bent(by: float) -> NDArray[np.float64]:
    """A square with one corner moved outwards."""
    return SQUARE + np.array([[0, 0], [0, 0], [by, by], [0, 0]])


def apart(a: NDArray[np.float64] | None, b: NDArray[np.float64] | None) -> float:
    """The distance of two shapes as it is defined: centred, to a root mean square radius of 1."""
    if a is None or b is None:
        return 0.0 if a is b else np.inf
    (one, other) = (
        (x - x.mean(axis=0)) / np.sqrt(((x - x.mean(axis=0)) ** 2).sum() / len(x)) for x in (a, b)
    )
    return float(np.mean([np.hypot(*(p - q)) for p, q in zip(one, other, strict=True)]))


def chosen(*candidates: FrameCandidate, annotated=(), queued=(), **limits: float) -> list[int]:
    return [c.frame for c in select_frames(candidates, annotated, queued, **LIMITS | limits)]


def far(frame: int, error: float | None = 0.2, shot: int = 0) -> FrameCandidate:
    """A frame that is no near-duplicate of another: they are 10 s apart."""
    return FrameCandidate(frame, 10.0 * frame, SQUARE, error, shot)


def near(frame: int, error: float, points: NDArray[np.float64] | None, shot: int = 0):
    return FrameCandidate(frame, 0.1 * frame, points, error, shot)


def test_the_worst_goes_first_and_of_equally_bad_ones_the_first_given() -> None:
    assert chosen(far(1, 0.1), far(2, 0.3), far(3, 0.2)) == [2, 3, 1]
    assert chosen(far(5), far(1), far(3)) == [5, 1, 3]
    assert chosen(far(4, 0.1), far(9), far(2), far(6, 0.3), per_shot=9) == [6, 9, 2, 4]


def test_a_lost_face_is_worse_than_a_fit_and_no_number_at_all_is_the_least() -> None:
    lost = FrameCandidate(7, 70.0, None, None)
    unknown = far(8, float("nan"))  # as bad as 0.05, which nobody predicted
    assert chosen(far(1, 0.9), lost, far(2, 0.06), unknown, far(3, 0.04), per_shot=9) == [
        7, 1, 2, 8, 3,
    ]  # fmt: skip


def test_no_more_of_a_shot_than_wait_already_and_of_each_shot_so_many() -> None:
    frames = [far(k, 1 - k / 100) for k in range(5)]
    assert chosen(*frames) == [0, 1, 2]
    assert chosen(*frames, per_shot=1) == [0]
    two = [far(k, 1 - k / 100, shot=k % 2) for k in range(8)]
    assert chosen(*two) == [0, 1, 2, 3, 4, 5]
    waiting = [QueuedFrame(90, True, 0, 900.0, SQUARE), QueuedFrame(91, True, 1, 910.0, SQUARE)]
    assert chosen(*two, queued=waiting) == [0, 1, 2, 3]
    done = [one._replace(waiting=False) for one in waiting]  # those take no place
    assert chosen(*two, queued=done) == [0, 1, 2, 3, 4, 5]


def test_what_is_annotated_or_queued_is_no_candidate_however_bad() -> None:
    queued = [QueuedFrame(2, False, 9, None, None)]
    assert chosen(far(1, 0.9), far(2, 0.8), far(3), annotated={1}, queued=queued) == [3]
    assert chosen(far(3, 0.9), far(3, 0.8)) == [3]  # nor is the same frame again


def test_near_in_time_and_in_shape_and_in_one_shot_is_a_near_duplicate() -> None:
    assert chosen(near(0, 0.9, SQUARE), near(1, 0.8, SQUARE)) == [0]
    assert chosen(near(0, 0.9, SQUARE), near(1, 0.8, SQUARE * 7 + 50)) == [0]  # freed of both
    assert chosen(near(0, 0.9, SQUARE), near(19, 0.8, SQUARE)) == [0]  # 1.9 s
    assert chosen(near(0, 0.9, SQUARE), near(20, 0.8, SQUARE)) == [0, 20]  # 2.0 s
    assert chosen(near(0, 0.9, SQUARE), near(1, 0.8, SQUARE, shot=1)) == [0, 1]
    assert chosen(near(0, 0.9, SQUARE), near(1, 0.8, None)) == [0, 1]  # a lost one is no fit
    assert chosen(near(0, 0.9, None), near(1, 0.8, None)) == [0]
    below, above = (next(x for x in np.arange(0, 5, 0.01) if apart(SQUARE, bent(x)) > limit)
                    for limit in (0.079, 0.081))  # fmt: skip
    assert chosen(near(0, 0.9, SQUARE), near(1, 0.8, bent(below))) == [0]
    assert chosen(near(0, 0.9, SQUARE), near(1, 0.8, bent(above))) == [0, 1]
    assert chosen(near(0, 0.9, SQUARE), near(1, 0.8, SQUARE), shape=0.0) == [0, 1]  # not closer


def test_what_was_queued_before_has_near_duplicates_too_if_its_time_is_known() -> None:
    there = QueuedFrame(0, False, 0, 0.0, SQUARE)
    assert chosen(near(1, 0.8, SQUARE), queued=[there]) == []
    assert chosen(near(1, 0.8, bent(5)), queued=[there]) == [1]
    assert chosen(near(1, 0.8, SQUARE), queued=[there._replace(time=None)]) == [1]


SHAPES = st.sampled_from([None, *(bent(by) for by in (0.0, 0.3, 0.5, 2.0))])
FRAMES = st.lists(
    st.builds(
        FrameCandidate,
        frame=st.integers(0, 9),
        time=st.integers(0, 6).map(float),
        points=SHAPES,
        predicted_error=st.sampled_from([None, 0.05, 0.1, 0.3]),
        shot=st.integers(0, 1),
    ),
    max_size=12,
)
QUEUED = st.lists(
    st.builds(
        QueuedFrame,
        frame=st.integers(0, 9),
        waiting=st.booleans(),
        shot=st.integers(0, 1),
        time=st.one_of(st.none(), st.integers(0, 6).map(float)),
        points=SHAPES,
    ),
    max_size=4,
)


@given(FRAMES, st.sets(st.integers(0, 9), max_size=3), QUEUED, st.integers(1, 3))
def test_as_it_is_defined(
    frames: list[FrameCandidate], annotated: set[int], queued: list[QueuedFrame], most: int
) -> None:
    """Worst first, each one either taken or refused for one of the four reasons."""
    taken = list(select_frames(frames, annotated, queued, per_shot=most, seconds=2.0, shape=0.08))
    worst = sorted(range(len(frames)), key=lambda k: (-frames[k].why.priority, k))
    before: list[FrameCandidate] = []
    for one in (frames[k] for k in worst):
        refused = (
            one.frame in annotated
            or one.frame in {q.frame for q in queued} | {c.frame for c in before}
            or sum(q.waiting and q.shot == one.shot for q in queued)
            + sum(c.shot == one.shot for c in before)
            >= most
            or any(
                other.shot == one.shot
                and other.time is not None
                and abs(other.time - one.time) < 2.0
                and apart(one.points, other.points) < 0.08
                for other in (*queued, *before)
            )
        )
        if not refused:
            before.append(one)
    assert len(taken) == len(before)
    assert all(a is b for a, b in zip(taken, before, strict=True))


# The order in the project


@pytest.fixture
def project(tmp_path: Path):  # type: ignore[no-untyped-def]
    with Project.create(tmp_path / "project", "imm58") as made:
        yield made


def test_the_queue_is_worst_first_and_of_equally_bad_ones_the_first_that_came(
    project: Project,
) -> None:
    errors = [0.2, 0.5, 0.2, None, 0.5, 0.05, 0.2]  # a poor fit without a number is 0.05
    for number, error in enumerate(errors):
        item = project.add_item(None, name=str(number))
        project.queue.add(item.id, "poor-fit", predicted_error=error)
    listed = project.queue.list()
    places = [QueueReason("poor-fit", e.predicted_error).priority for e in listed]
    assert places == [0.5, 0.5, 0.2, 0.2, 0.2, 0.05, 0.05]
    assert all(
        a.id < b.id for (a, x), (b, y) in pairwise(zip(listed, places, strict=True)) if x == y
    )
    assert [e.id for e in listed] == [2, 5, 1, 3, 7, 4, 6]
    claimed = [project.queue.next("ann") for _ in listed]
    assert [e.id for e in claimed if e is not None] == [e.id for e in listed]
    assert project.queue.next("ann") is None
