"""What `faceloop_datasets.Annotation.source` says of a face, and when that changes."""

MANUAL = "manual"
FIT = "fit:"
IMPORT = "import:"


def corrected_source(source: str) -> str:
    """Source of a face that a person has changed.

    It is no import any more: repeating the import would otherwise take the person's work for
    what it once imported, and replace it. A fit stays a fit until it is accepted.
    """
    return MANUAL if source.startswith(IMPORT) else source
