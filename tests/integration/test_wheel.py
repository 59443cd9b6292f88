"""What is in the wheel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("faceloop_datasets", "faceloop_runtime", "faceloop_trainer", "faceloop_workbench")
MOST_BYTES = 18_500_000  # pictures, clip, network and starter take 16.8 million of them, code 1.4


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dest = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(dest)]
    done = subprocess.run([*command, str(ROOT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = dest.glob("*.whl")
    return file


def test_it_is_small_enough_to_download(wheel: Path) -> None:
    assert wheel.stat().st_size <= MOST_BYTES


def test_it_holds_the_four_packages_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == set(PACKAGES)
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)
    assert not [name for name in names if "__pycache__" in name]


def test_it_holds_what_is_no_code(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    data = {
        "faceloop_datasets/schemes/face70.toml",
        "faceloop_datasets/schemes/conversions/muct76-to-face70.toml",
        "faceloop_datasets/sample/README.md",
        "faceloop_datasets/sample/LICENSE",
        "faceloop_datasets/sample/clip.mp4",
        "faceloop_runtime/starter/face70.safetensors",
        "faceloop_trainer/report/style.css",
    }
    assert data <= set(names)
    stills = [name for name in names if name.startswith("faceloop_datasets/sample/stills/")]
    assert len(stills) == 400


def test_it_has_no_pictures_but_the_sample(wheel: Path) -> None:
    pictures = (".jpg", ".png", ".jpeg", ".mp4", ".webm", ".gif")
    names = [n for n in zipfile.ZipFile(wheel).namelist() if n.endswith(pictures)]
    assert all(name.startswith("faceloop_datasets/sample/") for name in names)
