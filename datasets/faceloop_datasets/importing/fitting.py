"""Whether the points of annotations can become those of a project, and what to do if not."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.errors import SchemeError
from faceloop_datasets.files import as_file_name
from faceloop_datasets.schemes.named import conversion_by_numbers, namesakes, only_numbers
from faceloop_datasets.wording import counted, short

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from faceloop_datasets.schemes.conversion import Conversion
    from faceloop_datasets.schemes.scheme import Scheme


class PointsDoNotFit(SchemeError):  # noqa: N818 - named after what was found
    """Annotations have other points than the project, and no conversion leads to it.

    Attributes
    ----------
    scheme : Scheme
        The scheme of the annotations.
    """

    def __init__(self, message: str, scheme: Scheme) -> None:
        super().__init__(message)
        self.scheme = scheme


def points_do_not_fit(
    sources: Sequence[str | Path], source: Scheme, target: Scheme, project: Path
) -> PointsDoNotFit:
    """Return the error that says so, with a command that makes a project of the points.

    Parameters
    ----------
    sources : sequence of path
        The annotations.
    source, target : Scheme
        Their scheme, and that of the project.
    project : Path
        Its folder.
    """
    common = int(namesakes(source, target).any(axis=0).sum())
    same = counted(common, "point is the same", "points are the same")
    names = short(source.name), short(target.name)
    there = f"there is no conversion from {names[0]} to {names[1]}, and {same} by name"
    if only_numbers(source.names) and not only_numbers(target.names):
        there += " (the file has only numbers for them, which do not say what they are)"
    made = command("faceloop", "init", _free(project, source), "--scheme-of", sources[0])
    return PointsDoNotFit(
        f"{sources[0]} has {counted(len(source), 'point')} ({names[0]}) and the project "
        f"{project.name} {len(target)} ({names[1]}): {there}. Learn a conversion from faces "
        "that have both (faceloop scheme learn-conversion), or make a project of the file's "
        f"points: {made}",
        source,
    )


def left_out(conversion: Conversion, source: Scheme) -> tuple[str, ...]:
    """Names of the points of annotations that a conversion makes nothing of."""
    unused = ~(conversion.weights != 0).any(axis=0)
    return tuple(source.names[k] for k in np.flatnonzero(unused))


def not_there(conversion: Conversion, target: Scheme) -> tuple[str, ...]:
    """Names of the points of a project that annotations say nothing of."""
    return tuple(target.names[k] for k in np.flatnonzero(conversion.without_source))


def taken_by_number(conversion: Conversion, source: Scheme, target: Scheme) -> str:
    """Say for what numbered points were taken; empty if they have names.

    Parameters
    ----------
    conversion : Conversion
        What made the points of the file those of the project.
    source, target : Scheme
        Their scheme, and that of the project.
    """
    many = counted(len(source), "numbered point is", "numbered points are")
    if source.numbered_from is not None:
        return f"{many} taken for those of {source.name}, by number from {source.numbered_from}."
    numbers = conversion_by_numbers(source, target)
    if numbers is None or not np.array_equal(numbers.weights, conversion.weights):
        return ""
    places = np.flatnonzero(~conversion.without_source)
    first = int(source.names[0]) - int(conversion.weights[:, 0].argmax())
    return (
        f"{many} taken for points {places[0] + first} to {places[-1] + first} of {target.name}, by "
        f"number from {first}."
    )


def _free(project: Path, scheme: Scheme) -> Path:
    """Folder beside a project that is free for one of another scheme."""
    beside = project.parent / as_file_name(scheme.name)
    number = 1
    free = beside
    while free.exists():
        number += 1
        free = beside.with_name(f"{beside.name}-{number}")
    return free


def command(*words: object) -> str:
    """Return words as a person can paste them into a terminal of this system."""
    texts = [str(word) for word in words]
    return subprocess.list2cmdline(texts) if os.name == "nt" else shlex.join(texts)
