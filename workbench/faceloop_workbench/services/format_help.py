"""What a person has to know to import each format."""

from __future__ import annotations

from faceloop_datasets.formats import all_formats


def title_of(name: str) -> str:
    """Return what a format is called; its name if it is none that is known."""
    known = all_formats().get(name)
    return name if known is None else known.title


def annotation_files() -> str:
    """Names of files of all formats that are read, as a file dialog takes them."""
    readable = [one for one in all_formats().values() if one.reader is not None]
    names = {pattern for one in readable for pattern in one.patterns}
    return f"Annotations ({' '.join(sorted(names))})"
