"""Formats of tracks by name, by the ending of a file, and by what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets.errors import InputError
from faceloop_datasets.wording import enumerated

from . import deeplabcut, faceloop_table, live_link, movement, nwb, openface, sleap

if TYPE_CHECKING:
    from pathlib import Path

    from .format import FoundTrack, TrackFormat

_BUNDLED = (
    faceloop_table.FORMAT,
    deeplabcut.FORMAT,
    movement.FORMAT,
    openface.FORMAT,
    sleap.FORMAT,
    nwb.FORMAT,
    live_link.FORMAT,
)


def track_formats() -> dict[str, TrackFormat]:
    """Return every format of tracks by its name, in the order in which lists show them."""
    return {one.name: one for one in _BUNDLED}


def find_track_format(name: str) -> TrackFormat:
    """Look up a format by its name.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    known = track_formats()
    if name not in known:
        raise InputError(f"There is no format of tracks {name!r}. Known: {', '.join(known)}.")
    return known[name]


def recognise_track(file: Path) -> TrackFormat:
    """See which format a file has.

    Raises
    ------
    InputError
        If it does not exist, or is none of these, or one that cannot be read.
    """
    if not file.exists():
        raise InputError(f"{file} does not exist.")
    here = [one for one in _BUNDLED if file.suffix.lower() in one.suffixes and one.recognise(file)]
    if not here:
        titles = enumerated([one.title for one in _BUNDLED if one.read], most=len(_BUNDLED))
        raise InputError(f"{file} is no track of a known format. Looked for: {titles}.")
    return here[0]


def read_track_file(file: Path, name: str = "") -> FoundTrack:
    """Read a file with the track of a video.

    Parameters
    ----------
    file : Path
        The file.
    name : str
        Of its format; by default it is recognised.

    Raises
    ------
    InputError
        If it cannot be read, or is not of this format.
    """
    chosen = find_track_format(name) if name else recognise_track(file)
    if chosen.read is None:
        raise InputError(
            f"{chosen.title} is written only: it holds no points that a track could be made of."
        )
    return chosen.read(file)
