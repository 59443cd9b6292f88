"""Formats by name: those that come with faceloop, and those of other packages."""

from __future__ import annotations

import warnings
from functools import cache
from importlib.metadata import entry_points

from faceloop_datasets.errors import InputError

from .format import Format, Reader, Writer

ENTRY_POINTS = "faceloop.formats"
"""Group of entry points that name a `Format` each."""


class FormatWarning(UserWarning):
    """A format of another package is left out."""


@cache
def all_formats() -> dict[str, Format]:
    """Return every format by its name, in the order in which lists show them.

    One of another package that cannot be loaded, or has the name of one that is there, is left out
    with a warning.
    """
    found = {one.name: one for one in _bundled()}
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        try:
            one = point.load()
        # Whatever another package does when it is imported, faceloop's own formats work.
        except Exception as error:  # noqa: BLE001
            _warn(point.value, f"it cannot be loaded ({type(error).__name__}: {error})")
            continue
        if not isinstance(one, Format):
            _warn(point.value, f"it is no Format but {one!r:.80}")
        elif one.name in found:
            _warn(point.value, f"there is a format {one.name!r} already")
        else:
            found[one.name] = one
    return found


def _bundled() -> tuple[Format, ...]:
    # Twenty readers and writers: most work on a project needs none of them.
    from . import (  # noqa: PLC0415
        clmtools,
        coco,
        cofw,
        cvat,
        deeplabcut,
        dlib,
        ibug,
        imm,
        labelme,
        labelstudio,
        lp300w,
        mediapipe,
        muct,
        nwb,
        pts,
        sleap,
        tidy,
        vw300,
        wflw,
    )

    return (
        muct.FORMAT,
        clmtools.FORMAT,
        ibug.FORMAT,
        imm.FORMAT,
        tidy.CSV,
        tidy.PARQUET,
        coco.FORMAT,
        dlib.FORMAT,
        deeplabcut.FORMAT,
        cvat.FORMAT,
        labelme.FORMAT,
        labelstudio.FORMAT,
        sleap.FORMAT,
        nwb.FORMAT,
        mediapipe.FORMAT,
        wflw.FORMAT,
        lp300w.FORMAT,
        cofw.FORMAT,
        cofw.FORMAT68,
        pts.FORMAT,
        vw300.FORMAT,
    )


def _warn(where: str, why: str) -> None:
    said = f"The format {where} is left out: {why}. Update or uninstall its package."
    warnings.warn(said, FormatWarning, stacklevel=3)


def readable() -> tuple[str, ...]:
    """Names of the formats that can be read."""
    return tuple(name for name, one in all_formats().items() if one.reader is not None)


def writable() -> tuple[str, ...]:
    """Names of the formats that can be written."""
    return tuple(name for name, one in all_formats().items() if one.writer is not None)


def get_reader(name: str) -> Reader:
    """Look up how a format is read.

    Raises
    ------
    InputError
        If it is unknown, or only written.
    """
    one = all_formats().get(name)
    if one is None or one.reader is None:
        raise InputError(f"There is no format {name!r}. Known formats: {', '.join(readable())}.")
    return one.reader


def get_writer(name: str) -> Writer:
    """Look up how a format is written.

    Raises
    ------
    InputError
        If it is unknown, or only read.
    """
    one = all_formats().get(name)
    if one is None or one.writer is None:
        raise InputError(f"Cannot write {name!r}. Known formats: {', '.join(writable())}.")
    return one.writer
