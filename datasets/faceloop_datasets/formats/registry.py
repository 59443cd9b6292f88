"""Readers by name: a format is one module that registers one function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from faceloop_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from .record import Entry


class ReadFunction(Protocol):
    """Yields what stands in the sources, in their order."""

    def __call__(self, sources: Sequence[Path], images: Path | None) -> Iterator[Entry]:
        """Read lazily; a broken row is a `Refusal`, a broken file an `InputError`."""
        ...


class RecogniseFunction(Protocol):
    """Says how sure a format is that files are its own."""

    def __call__(self, files: Sequence[Path], named: Sequence[Path], /) -> float:
        """Look at some files, of which ``named`` were named themselves; 0 to 1."""
        ...


@dataclass(frozen=True)
class FormatReader:
    """One format: its name, the scheme its points follow, its functions, what it is known by."""

    name: str
    scheme: str
    read: ReadFunction
    count: Callable[[Sequence[Path]], int]
    recognise: RecogniseFunction
    looks_for: str


_READERS: dict[str, FormatReader] = {}


def reader(
    name: str,
    *,
    scheme: str,
    count: Callable[[Sequence[Path]], int],
    recognise: RecogniseFunction,
    looks_for: str,
) -> Callable[[ReadFunction], ReadFunction]:
    """Register the decorated function as the reader of the format ``name``.

    Parameters
    ----------
    name : str
        What the user types.
    scheme : str
        Scheme of the annotations that the function yields.
    count : callable
        Cheap number of entries in the sources, for a progress bar.
    recognise : callable
        Cheap look at a few files: how sure it is that they are of this format.
    looks_for : str
        What that looks for, as a message names it.
    """

    def register(read: ReadFunction) -> ReadFunction:
        if name in _READERS:
            raise ValueError(f"There are two readers for the format {name!r}.")
        _READERS[name] = FormatReader(name, scheme, read, count, recognise, looks_for)
        return read

    return register


def formats() -> tuple[str, ...]:
    """Names of the formats that can be read."""
    return tuple(sorted(_READERS))


def get_reader(name: str) -> FormatReader:
    """Look a format up.

    Raises
    ------
    InputError
        If there is no reader of that name.
    """
    if name not in _READERS:
        raise InputError(f"There is no format {name!r}. Known formats: {', '.join(formats())}.")
    return _READERS[name]
