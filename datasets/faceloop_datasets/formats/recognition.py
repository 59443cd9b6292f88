"""Which format files probably have: each says how sure it is, after a look at a few of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from faceloop_datasets.errors import InputError

from ._places import walk
from .registry import get_reader, readable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_ENOUGH = 0.5
"""How sure a format has to be; two that are make the files ambiguous."""

_PACKED = (".zip", ".7z", ".rar", ".tar", ".tgz", ".gz", ".bz2", ".xz")
_LOOKED_THROUGH = 2000
"""Files of a folder that are looked through by name."""


@dataclass(frozen=True)
class Recognition:
    """How sure the formats are.

    Parameters
    ----------
    sure : dict of str to float
        By the name of the format, from 0 (none of the files is like it) to 1.
    looked_at : sequence of Path
        What was looked at.
    """

    sure: dict[str, float]
    looked_at: Sequence[Path]

    @property
    def possible(self) -> list[str]:
        """Formats that the files may well have, the surest first."""
        found = [name for name, sure in self.sure.items() if sure >= _ENOUGH]
        return sorted(found, key=lambda name: -self.sure[name])

    @property
    def format(self) -> str | None:
        """The one format that the files have; None if that is not clear."""
        possible = self.possible
        return possible[0] if len(possible) == 1 else None

    @property
    def problem(self) -> str:
        """Why there is no such format, in one line that names what was looked for; else empty."""
        where = ", ".join(str(path) for path in self.looked_at[:3])
        where += ", …" if len(self.looked_at) > 3 else ""
        if self.format is not None:
            return ""
        if self.possible:
            return (
                f"{where} may be {' or '.join(self.possible)}. Say which it is, or choose the "
                "files of one format only."
            )
        if packed := [path for path in self.looked_at if path.name.lower().endswith(_PACKED)]:
            named = ", ".join(map(str, packed[:3])) + (", …" if len(packed) > 3 else "")
            return f"{named}: unpack it, and choose the file or folder of annotations in it."
        wanted = "; ".join(f"{get_reader(name).looks_for} ({name})" for name in readable())
        return f"{where}: found no annotations of a known format. Looked for {wanted}."


def recognise(sources: Sequence[Path]) -> Recognition:
    """See which format files and folders have. Reads a few of them only.

    Raises
    ------
    InputError
        If one does not exist.
    """
    for path in sources:
        if not path.exists():
            raise InputError(f"{path} does not exist.")
    files = list(islice(_files(sources), _LOOKED_THROUGH))
    named = [path for path in sources if not path.is_dir()]
    sure = {name: get_reader(name).recognise(files, named) for name in readable()}
    return Recognition(sure, sources)


def _files(sources: Sequence[Path]) -> Iterator[Path]:
    """Yield what was named, then what is in the folders."""
    yield from (path for path in sources if not path.is_dir())
    for path in sources:
        if path.is_dir():
            yield from walk(path)
