"""What all pages share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .terminal import Server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """What starts the commands of all pages."""
    with Server(tmp_path_factory.mktemp("server")) as server:
        yield server
