"""What `faceloop doctor` says of libraries, where some are missing, broken or there twice."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from faceloop_workbench.services import installation

ROOT = Path(__file__).parents[3]
COMMAND = "from faceloop_workbench.cli import main; main()"
# What a server has not got, and what Windows has not.
WINDOW = ("napari", "qtpy", "magicgui", "superqt", "PyQt6", "PySide6")
POSIX = ("fcntl", "resource", "pwd", "grp", "termios", "readline", "syslog")
EVERYTHING_ELSE = """
import importlib, pkgutil, sys
sys.modules.update(dict.fromkeys({absent!r}))
for name in ("faceloop_datasets", "faceloop_runtime", "faceloop_trainer",
             "faceloop_workbench.services", "faceloop_workbench.cli"):
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        if ".gl." not in module.name and "start_network." not in module.name:
            importlib.import_module(module.name)
"""


def faceloop(beside: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command where modules and packages of a folder come before the installed ones."""
    path = os.pathsep.join([str(beside), *filter(None, sys.path)])
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *words],
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def put(folder: Path, package: str, number: str) -> None:
    """Put what says that a package is installed."""
    info = folder / f"{package.replace('-', '_')}-{number}.dist-info"
    info.mkdir()
    text = f"Metadata-Version: 2.1\nName: {package}\nVersion: {number}\n"
    (info / "METADATA").write_text(text, encoding="utf-8")


def put_opencv(folder: Path, code: str) -> None:
    (folder / "cv2").mkdir()
    (folder / "cv2" / "__init__.py").write_text(code, encoding="utf-8")


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w-]", requirement)[0] for requirement in requirements}


def test_every_dependency_is_looked_at():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    looked_at = {finding.what for finding in installation.installation()}
    needed = names(project["dependencies"]) - {"opencv-python-headless"}
    assert needed | names(project["optional-dependencies"]["window"]) <= looked_at
    assert {"psycopg", "distributed"} <= looked_at  # of the extras postgresql and cluster


def test_what_is_left_when_one_of_two_opencvs_was_removed(tmp_path):
    put_opencv(tmp_path, "")
    put(tmp_path, "opencv-contrib-python", "4.12.0.88")
    done = faceloop(tmp_path, "doctor")
    assert done.returncode == 1
    assert "incomplete" in done.stdout
    assert "pip install opencv-contrib-python-headless" in done.stdout
    assert done.stdout.endswith("faceloop cannot work here.\n")
    picture = tmp_path / "a.png"
    Image.new("RGB", (64, 64)).save(picture)
    done = faceloop(tmp_path, "fit", str(picture), "--model", "starter")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Error: A library is missing or broken: module 'cv2' has no" in done.stderr
    assert done.stderr.endswith("faceloop doctor\n")


def test_an_opencv_that_lacks_libraries_of_a_desktop(tmp_path):
    put_opencv(tmp_path, "raise ImportError('libGL.so.1: cannot open shared object file')")
    put(tmp_path, "opencv-python", "5.0.0.93")
    done = faceloop(tmp_path, "doctor")
    assert done.returncode == 1
    assert "libGL.so.1" in done.stdout
    assert re.search(
        "pip uninstall -y .*opencv-python.*, then pip install opencv-python-headless", done.stdout
    )


def test_two_opencvs_at_once_work_and_are_told(tmp_path, monkeypatch):
    put(tmp_path, "opencv-python", "4.10.0.84")
    put(tmp_path, "opencv-python-headless", "5.0.0.93")
    monkeypatch.syspath_prepend(tmp_path)
    found = installation.opencv()
    assert "opencv-python 4.10.0.84" in found.found
    assert "Keep one: pip uninstall -y opencv-python-headless opencv-python" in found.advice
    assert not found.missing


def test_all_but_the_window_needs_no_window_and_no_posix():
    code = EVERYTHING_ELSE.format(absent=WINDOW + POSIX)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("binding", "number", "python", "crashes"),
    [
        ("PySide6", "6.12.0", (3, 11), True),
        ("PySide6", "6.12.0", (3, 12), False),
        ("PySide6", "6.11.3", (3, 11), False),
        ("PyQt6", "6.12.0", (3, 11), False),
    ],
)
def test_a_qt_that_crashes_with_an_older_python(binding, number, python, crashes):
    assert ("crashes" in installation._qt_fault(binding, number, python)) is crashes


def test_qt_5_is_told():
    assert "needs Qt 6" in installation._qt_fault("PyQt5", "5.15.11")
