"""A list that changes face by face is the list that would be made anew."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import ItemSummary, QueueReason, Reason
from faceloop_workbench.queue.listing import Listing
from faceloop_workbench.queue.selection import Selection

STATES = (None, "open", "claimed", "done", "skipped")


def face(
    number: int, status: str | None, priority: float, reasons: tuple[Reason, ...], video: bool
) -> ItemSummary:
    queued = status is not None
    return ItemSummary(
        item_id=number,
        name=f"face {number}",
        subject=f"person {number % 3}",
        media_id=number % 2 + 1,
        media_kind="video" if video else "image",
        media_path="v.mp4" if video else "i.png",
        frame=None,
        head=None,
        states=None,
        source=None,
        expression=("", "smile")[number % 2],
        entry_id=number * 10 if queued else None,
        reasons=tuple(QueueReason(reason) for reason in reasons) if queued else (),
        priority=priority if queued else None,
        status=status,
        author=None,
        said=f"note {number % 2}" if status == "skipped" else "",
        time=None,
        model=None,
    )


faces = st.builds(
    face,
    st.integers(1, 12),
    st.sampled_from(STATES),
    st.sampled_from((0.1, 0.2, 0.2000001, 1.0)),
    st.sampled_from((("manual",), ("poor-fit",), ("poor-fit", "manual"))),
    st.booleans(),
)
selections = st.builds(
    Selection,
    show=st.sampled_from(("open", "done", "skipped", "all")),
    reason=st.sampled_from((None, "manual")),
    expression=st.sampled_from((None, "", "smile")),
    text=st.sampled_from(("", "1")),
)


@given(st.lists(faces, max_size=30), selections)
def test_changes_come_to_what_a_new_list_would_be(
    changes: list[ItemSummary], chosen: Selection
) -> None:
    first = {f.item_id: f for f in changes[:5]}
    listing = Listing([first[n] for n in sorted(first)], chosen)
    for change in changes[5:]:
        listing.put(change)
    now = Listing([listing.all[n] for n in sorted(listing.all)], chosen)
    assert listing.rows == now.rows == chosen.of(now.all.values())
    for part in ("left", "done", "skipped", "entries"):
        assert +getattr(listing.counts, part) == +getattr(now.counts, part)
    assert +listing.notes == +now.notes
    for number in listing.all:
        place = listing.place(number)
        assert (place is None) == (number not in listing.rows)
        assert place is None or listing.rows[place] == number
