"""How compiled kernels are found, and that everything works without them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from faceloop_runtime.kernels import compiled, describe, library

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[3]


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The module that loads the kernels, looking into an empty folder."""
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    library._load.cache_clear()
    yield library
    library._load.cache_clear()


def test_they_are_used_where_there_is_a_compiler() -> None:
    if not (shutil.which("cc") or os.name == "nt"):
        pytest.skip("no C compiler here")
    assert compiled() is not None, f"{describe()}: python hatch_build.py"


def test_they_can_be_switched_off() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from faceloop_runtime import kernels; print(kernels.describe())"],
        env=os.environ | {"FACELOOP_KERNELS": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "NumPy (FACELOOP_KERNELS=0)\n"


def test_none_were_built(fresh: ModuleType) -> None:
    assert fresh.compiled() is None
    assert "without a C compiler" in fresh.describe()


def test_a_broken_library_is_left_alone(fresh: ModuleType) -> None:
    file = fresh.library_file("baseline")
    file.parent.mkdir()
    file.write_bytes(b"no library")
    assert fresh.compiled() is None
    assert "do not load" in fresh.describe()


def test_a_library_of_other_sources_is_left_alone(
    fresh: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = fresh.library_file("baseline")
    built = Path(library.__file__).parent / copy.relative_to(fresh.FOLDER)
    if not built.exists():
        pytest.skip("no compiled kernels here")
    copy.parent.mkdir()
    shutil.copy(built, copy)
    (fresh.FOLDER / "changed.c").write_text("int changed;\n")
    assert fresh.compiled() is None
    assert "another version: python hatch_build.py" in fresh.describe()


def test_without_a_compiler_the_build_says_so_and_goes_on(tmp_path: Path) -> None:
    for name in ("hatch_build.py", "runtime/faceloop_runtime/kernels"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    done = subprocess.run(
        [sys.executable, "hatch_build.py"],
        cwd=tmp_path,
        env=os.environ | {"CC": str(tmp_path / "nothing"), "FACELOOP_KERNELS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if os.name != "nt":
        # no library of before is left
        assert done.returncode == 1
        assert "No kernels were compiled" in done.stderr
        assert not list(tmp_path.rglob("*.so"))
