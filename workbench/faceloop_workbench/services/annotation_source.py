"""What `faceloop_datasets.Annotation.source` says of a face, and when that changes."""

from __future__ import annotations

from faceloop_datasets.annotation import FIT_SOURCES

MANUAL = "manual"
FIT = "fit:"
IMPORT = "import:"
_CORRECTED = f"{MANUAL}+"


def corrected_source(source: str, *, unplaced: bool) -> str:
    """Source of a face that a person has changed: the hand, whatever it was before.

    It is no import any more: repeating the import would otherwise take the person's work for
    what it once imported, and replace it. What a fit has placed and nobody has confirmed stays
    known as the fit's, so that it trains nothing.

    Parameters
    ----------
    source : str
        What it was.
    unplaced : bool
        Whether points are left that no person has placed or confirmed.
    """
    if not unplaced or source.startswith(IMPORT):
        return MANUAL
    return _CORRECTED + source if source.startswith(FIT) else source


def helped_source(source: str, model: str) -> str:
    """Source of a face that a person has changed, where a model then moved other points."""
    return source if source.startswith(FIT_SOURCES) else f"{_CORRECTED}{FIT}{model}"


def mended_source(source: str) -> str:
    """Source of a face that a program has put right, as a person wanted: no import any more."""
    return MANUAL if source.startswith(IMPORT) else source


def source_text(source: str) -> str:
    """Say for people where a face comes from."""
    if source.startswith(_CORRECTED):
        return f"by hand, on a {source_text(source.removeprefix(_CORRECTED))}"
    if source.startswith(FIT):
        return f"fit by {source.removeprefix(FIT)}"
    if source.startswith(IMPORT):
        return f"imported from {source.removeprefix(IMPORT)}"
    return "by hand" if source == MANUAL else source
