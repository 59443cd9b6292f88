"""Fixtures that all rooms share."""

from __future__ import annotations

import errno
import functools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import Phase, settings
from tests.postgresql import PostgresqlServer

from faceloop_datasets.store import database

# How long an example takes says something about the machine, not about the code.
settings.register_profile("faceloop", deadline=None)
# For tests/mutants/run.py: whether an example fails counts there, not which is the simplest.
settings.register_profile(
    "mutants",
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("faceloop")

_ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session", autouse=True)
def _no_files_in_the_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What faceloop keeps for an account is kept elsewhere, by processes of the tests too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _nothing_waits_for_the_disk() -> Iterator[None]:
    """Only a power cut tells files that were forced onto the disk from others, and none comes.

    Processes that tests start, as those of `faults`, do wait.
    """
    configure = database._configure

    @functools.wraps(configure)
    def and_do_not_wait(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")  # before the journal is made
        configure(connection, record)
        connection.execute("PRAGMA synchronous=OFF")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_configure", and_do_not_wait)
        patch.setattr(os, "fsync", os.fstat)  # which also needs an open file
        yield


@pytest.fixture
def as_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process has open, or mapped into memory, can be neither renamed nor deleted.

    Only what Python does is stopped; SQLite and the like know Windows themselves.
    """

    def strict(name: str) -> None:
        real = getattr(os, name)

        def change(*paths: Any, **rest: Any) -> Any:
            process = psutil.Process()
            held = {file.path for file in process.open_files()}
            held |= {region.path for region in process.memory_maps()}
            used = held & {os.path.realpath(path) for path in paths}
            if used:
                raise PermissionError(errno.EACCES, "it is being used", used.pop())
            return real(*paths, **rest)

        monkeypatch.setattr(os, name, change)

    for name in ("replace", "rename", "unlink", "remove"):
        strict(name)


@pytest.fixture(scope="session")
def peak_memory() -> Callable[[], int]:
    """Ask for the most memory in bytes that this process has held."""
    if sys.platform == "win32":
        import psutil

        return lambda: psutil.Process().memory_info().peak_wset
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Real faces for development; never part of the repository."""
    folder = Path(os.environ.get("FACELOOP_DATA", _ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no development data at {folder} (set FACELOOP_DATA)")
    return folder


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """Start a server that only this machine reaches: by a socket, and with TLS by TCP."""
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed")
    try:
        server = PostgresqlServer.started()
    except PostgresqlServer.NotHere as why:
        pytest.skip(str(why))
    yield server
    server.remove()


@pytest.fixture(scope="session")
def postgresql_url(postgresql_server: PostgresqlServer) -> str:
    """URL of a database that is trusted with everything."""
    return postgresql_server.url
