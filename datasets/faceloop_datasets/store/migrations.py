"""Steps from one version of the tables to the next.

A new project gets the tables as `tables` has them; an older one takes the steps it lacks. To
change a table: change it in `tables`, append one function here that makes the same change to an
existing database, in statements that SQLite and PostgreSQL share, and add a project of the old
version to the tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

MIGRATIONS: tuple[Callable[[Connection], None], ...] = ()
"""Step ``k`` turns version ``k + 1`` into version ``k + 2``."""

VERSION = len(MIGRATIONS) + 1
"""The version of the tables in `tables`."""
