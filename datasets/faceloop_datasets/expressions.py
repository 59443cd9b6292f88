"""What a face's expression is called: a word of the project's own vocabulary, or nothing."""

from __future__ import annotations

from unicodedata import normalize

from .errors import InputError
from .files import is_text

LONGEST = 40
"""Most characters of a label."""


def check_expression(label: str) -> str:
    """Return a label as it is stored: without blanks around it, empty for none.

    Raises
    ------
    InputError
        If it is too long, or no text of one line.
    """
    label = normalize("NFC", label.strip())  # the same letters are the same word
    if not is_text(label) or not label.isprintable():
        raise InputError(
            f"The expression {label!r:.80} has characters that cannot be shown on one line."
        )
    if len(label) > LONGEST:
        raise InputError(
            f"The expression {label[:30]!r}... has {len(label)} characters; expected at most "
            f"{LONGEST}."
        )
    return label
