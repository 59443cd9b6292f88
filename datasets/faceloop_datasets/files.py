"""Files that appear complete or not at all."""

from __future__ import annotations

import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from .errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a free path beside ``target``; the file made there replaces it at the end.

    If the block raises, ``target`` stays as it was and the new file is removed.

    Raises
    ------
    InputError
        If the folder or the file cannot be written, or the disk is full.
    """
    # the suffix stays last, since some writers choose the format by it
    part = target.with_name(f".part-{secrets.token_hex(8)}{target.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(target)
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):  # gone after the replacement, or its folder never was one
            part.unlink()
