"""Regular expressions that people write, searched for in a process of its own.

Some take longer than anybody waits: with a repetition inside another one, ``(a+)+$``, each letter
doubles the time. Python cannot stop a search, and nothing else in the process runs meanwhile.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from .errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS = 5.0
"""How long a search may take: a million paths take one."""

_PROGRAM = """
import json, re, sys
pattern, texts, group = json.load(sys.stdin)
found = map(re.compile(pattern).search, texts)
json.dump([one and (one[group] or "") for one in found], sys.stdout)
"""


def search_all(
    pattern: str,
    texts: Sequence[str],
    group: int | str = 0,
    *,
    written: str | None = None,
    seconds: float = SECONDS,
) -> list[str | None]:
    """Search for a regular expression in texts.

    Parameters
    ----------
    pattern : str
        One that `re.compile` takes.
    texts : sequence of str
        Where to search.
    group : int or str
        Which group of it is wanted.
    written : str, optional
        What the person wrote that it was made of, for the message; itself by default.
    seconds : float
        How long it may take.

    Returns
    -------
    list of str or None
        What the group has matched first in each text, empty where it took no part; None where
        nothing is found.

    Raises
    ------
    InputError
        If it takes longer.
    """
    if not texts:
        return []
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and text
            [sys.executable, "-I", "-S", "-W", "ignore", "-c", _PROGRAM],
            input=json.dumps([pattern, list(texts), group]),
            stdout=subprocess.PIPE,
            encoding="ascii",
            timeout=seconds,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"'{written or pattern:.80}' takes more than {seconds:g} seconds to search for. Write "
            "it without a repetition inside another one, as (a+)+, and with fewer *."
        ) from error
    found: list[str | None] = json.loads(done.stdout)
    return found
