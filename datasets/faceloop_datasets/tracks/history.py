"""A track with what was done to it: undo and redo that survive the file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .change import TrackChange

if TYPE_CHECKING:
    from typing import Self

    from .track import Track

_MOST_CHANGES, _MOST_BYTES = 200, 1 << 26
"""What is kept to be undone; the oldest changes beyond that are forgotten, never their results."""


@dataclass(frozen=True, eq=False)
class TrackHistory:
    """A track, the changes that made it, and those that were taken back.

    Parameters
    ----------
    track : Track
        As it is now.
    done : tuple of TrackChange
        What can be undone, oldest first.
    undone : tuple of TrackChange
        What can be done again, the next one last.
    written : str
        Tells the file that it was read from, or written to, from all others that are ever written
        of the video; empty if it is in none.
    made_of : str
        Of the last tracking that went through all frames: a digest of the model and the settings,
        then size and time of change of the file, by which who tracks many videos knows that this
        one is done; empty where nobody said.
    """

    track: Track
    done: tuple[TrackChange, ...] = ()
    undone: tuple[TrackChange, ...] = ()
    written: str = ""
    made_of: str = ""

    def did(self, track: Track, said: str) -> Self:
        """Go on with an edited track; the same one if nothing differs.

        Parameters
        ----------
        track : Track
            As it is now; it may have more expressions than before. One of other fields begins a
            new history.
        said : str
            What was done, for people.
        """
        return self._with_room_for(track)._did(track, said)

    def went_on(self, track: Track) -> Self:
        """Go on with a track that more frames were fitted of, which is nothing to undo."""
        wide = self._with_room_for(track)
        if TrackChange.between(wide.track, track, "", "") is None:
            return replace(wide, track=track, done=(), undone=())
        return replace(wide, track=track)

    def _did(self, track: Track, said: str) -> Self:
        created = datetime.now(UTC).isoformat(timespec="seconds")
        change = TrackChange.between(self.track, track, said, created)
        if change is None:
            return replace(self, track=track, done=(), undone=())
        if not change:
            return self
        return replace(self, track=track, done=_latest((*self.done, change)), undone=())

    def _with_room_for(self, track: Track) -> Self:
        """Make room for the expressions that a later track has besides."""
        wide = self.track.with_room(track.expressions)
        if wide is self.track or wide.expressions != track.expressions:
            return self
        count = len(wide.expressions)
        done, undone = (tuple(c.with_room(count) for c in cs) for cs in (self.done, self.undone))
        return replace(self, track=wide, done=done, undone=undone)

    def undo(self) -> Self:
        """Take the last change back; the same history if there is none."""
        if not self.done:
            return self
        *rest, last = self.done
        track = last.reversed().apply(self.track)
        return replace(self, track=track, done=tuple(rest), undone=(*self.undone, last))

    def redo(self) -> Self:
        """Do again what was taken back last; the same history if there is nothing."""
        if not self.undone:
            return self
        *rest, last = self.undone
        track = last.apply(self.track)
        return replace(self, track=track, done=(*self.done, last), undone=tuple(rest))


def _latest(changes: tuple[TrackChange, ...]) -> tuple[TrackChange, ...]:
    kept: list[TrackChange] = []
    size = 0
    for change in reversed(changes[-_MOST_CHANGES:]):
        size += change.bytes
        if kept and size > _MOST_BYTES:
            break
        kept.append(change)
    return tuple(kept[::-1])
