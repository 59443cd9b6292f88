"""What the fault tests share.

The environment variables FACELOOP_KILLS and FACELOOP_SEED say how often victims are killed, and
where the random choices begin.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the victims are a program's modules, too

from nursery import Nursery, compiled_shim
from scenes import make_template

if TYPE_CHECKING:
    from collections.abc import Callable


_TOLD = pytest.StashKey[list[str]]()


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say something at the end of the run."""
    return request.config.stash.setdefault(_TOLD, []).append


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    if told := config.stash.get(_TOLD, []):
        terminalreporter.section("faults")
        terminalreporter.write_line("\n".join(told))


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory):
    if not hasattr(os, "fork"):
        pytest.skip("victims are forked, which this system cannot")
    made = Nursery(compiled_shim(tmp_path_factory.mktemp("shim")))
    yield made
    made.close()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template") / "t")
