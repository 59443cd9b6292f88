"""First bytes of files, and what they are like: to recognise a format before it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets.errors import InputError

from ._places import annotation_files, has_suffix
from ._rows import MARKS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ._places import Source

_HEAD = 8192  # bytes: a line of clmtools' 71 points has 2000
_FEW = 5
_PACKED = (".zip", ".7z", ".rar", ".tar", ".tgz", ".gz", ".bz2", ".xz")


def head(path: Path) -> str:
    """Beginning of a regular file as text; empty if it cannot be read."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            data = file.read(_HEAD)
    except OSError:
        return ""
    return data.decode(MARKS.get(data[:2], "utf-8-sig"), errors="replace")


def to_unpack(files: Sequence[Path]) -> str:
    """Say in one line that archives are to be unpacked first; empty if there is none."""
    packed = [path for path in files if path.name.lower().endswith(_PACKED)]
    if not packed:
        return ""
    named = ", ".join(map(str, packed[:3])) + (", …" if len(packed) > 3 else "")
    it = "it" if len(packed) == 1 else "them"
    return f"{named}: unpack {it}, and choose the file or folder of annotations in {it}."


def share_like(files: Sequence[Path], is_like: Callable[[str], float]) -> float:
    """How much the heads of a few files are like a format, in the mean; 0 without files."""
    step = max(1, len(files) // _FEW)
    few = files[::step][:_FEW]
    return sum(is_like(head(path)) for path in few) / len(few) if few else 0.0


def share_of(
    suffix: str, is_like: Callable[[str], float]
) -> Callable[[Sequence[Path], Sequence[Path]], float]:
    """Return what recognises files of a suffix by their heads, named or in folders.

    In a folder there may be others of that suffix: it is enough that some are of the format.
    """

    def recognise(files: Sequence[Path], named: Sequence[Path]) -> float:
        own = [path for path in named if has_suffix(path.name, suffix)]
        if own:
            return share_like(own, is_like)
        few = [path for path in files if has_suffix(path.name, suffix)][:_FEW]
        return max((is_like(head(path)) for path in few), default=0.0)

    return recognise


def files_like(
    sources: Sequence[Path], suffix: str, is_like: Callable[[str], float]
) -> list[Source]:
    """Annotation files of a suffix: those named, and those in folders whose heads are alike.

    Raises
    ------
    InputError
        If there is none.
    """
    named = {path for path in sources if not path.is_dir()}
    if packed := to_unpack(list(named)):
        raise InputError(packed)
    found = annotation_files(sources, suffix)
    own = [one for one in found if one.file in named or is_like(head(one.file))]
    if not own:
        raise InputError(
            f"No {suffix} file in {', '.join(map(str, sources))} is of this format. Name another "
            "format, or leave its name out: it is recognised."
        )
    return own
