"""Libraries of kernels that are damaged, or not ours: something computes, and says what."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy.random.bit_generator
import pytest

from faceloop_runtime.kernels import compiled, describe, library

pytestmark = pytest.mark.skipif(compiled() is None, reason=describe())

SETS = ("baseline", "x86-64-v3", "x86-64-v4")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy what is needed to load the kernels."""
    made = tmp_path / "kernels"
    shutil.copytree(library.FOLDER, made)
    return made


def said(folder: Path) -> str:
    """What computes with these libraries, as another Python says: one may be killed by them."""
    code = "import library; library.compiled(); print(library.describe())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done
    return done.stdout.strip()


def libraries(folder: Path) -> dict[str, Path]:
    return {file.stem: file for file in (folder / "lib").iterdir()}


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9])
def test_a_library_that_was_cut_off_leaves_the_next_one(folder: Path, share: float) -> None:
    used = re.fullmatch(r"compiled \((.*)\)", said(folder))
    assert used is not None
    for name in reversed(SETS[: 1 + SETS.index(used[1])]):
        assert said(folder) == f"compiled ({name})"
        file = libraries(folder)[name]
        file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    assert said(folder).startswith("NumPy (the kernels ")


def test_a_library_of_others_is_not_used(folder: Path) -> None:
    other = Path(numpy.random.bit_generator.__file__)
    for file in libraries(folder).values():
        shutil.copyfile(other, file)
    assert said(folder) == "NumPy (the kernels are another library: python hatch_build.py)"


def test_text_is_no_library(folder: Path) -> None:
    for file in libraries(folder).values():
        file.write_text("no library")
    assert said(folder).startswith("NumPy (the kernels do not load: ")
