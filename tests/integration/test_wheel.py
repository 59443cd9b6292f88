"""What is in the wheel and the sdist, and whether they work where nothing else of ours is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.metadata import Metadata

ROOT = Path(__file__).parents[2]
ROOMS = {
    "faceloop_datasets": "datasets",
    "faceloop_runtime": "runtime",
    "faceloop_trainer": "trainer",
    "faceloop_workbench": "workbench",
}
KERNELS = re.compile(r"faceloop_runtime/kernels/lib/[\w-]+\.(so|dll)")
"""Compiled while the wheel is built, where there is a compiler."""
MOST_BYTES = 19_000_000  # pictures, clip, network and starter take 16.8 million of them, code 1.5
MOST_OF_SDIST = 25_000_000  # with the tests and the pictures of the documentation
PICTURES = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r|GIF8[79]a|RIFF....(WEBP|AVI )|....ftyp|\x1aE\xdf\xa3|II\*\0|MM\0\*",
    re.DOTALL,
)
"""How pictures and videos begin, whatever they are called."""


class Built(NamedTuple):
    wheel: Path
    sdist: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sdist of the repository, and the wheel that is made of it, as a release is."""
    dest = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(dest), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,), (sdist,) = dest.glob("*.whl"), dest.glob("*.tar.gz")
    return Built(wheel, sdist)


@pytest.fixture(scope="module")
def in_wheel(built: Built) -> dict[str, bytes]:
    """Content of each file of the wheel, by its name."""
    with zipfile.ZipFile(built.wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def in_sdist(built: Built) -> dict[str, bytes]:
    """Content of each file of the sdist, by its name below the sdist's folder."""
    with tarfile.open(built.sdist) as archive:
        files = {member.name.partition("/")[2]: member for member in archive if member.isfile()}
        return {name: archive.extractfile(member).read() for name, member in files.items()}


def test_they_are_small_enough_to_download(built: Built) -> None:
    assert built.wheel.stat().st_size <= MOST_BYTES
    assert built.sdist.stat().st_size <= MOST_OF_SDIST


def test_the_wheel_holds_the_four_packages_as_they_are_and_nothing_else(
    in_wheel: dict[str, bytes],
) -> None:
    ours = {
        name: content
        for name, content in in_wheel.items()
        if ".dist-info/" not in name and not KERNELS.fullmatch(name)
    }
    folders = [ROOT / room / package for package, room in ROOMS.items()]
    here = {
        file.relative_to(folder.parent).as_posix(): file
        for folder in folders
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    here = {name: file for name, file in here.items() if not KERNELS.fullmatch(name)}
    assert ours.keys() == here.keys()
    assert [name for name, file in here.items() if file.read_bytes() != ours[name]] == []
    assert {f"{package}/py.typed" for package in ROOMS} <= ours.keys()
    stills = [name for name in ours if name.startswith("faceloop_datasets/sample/stills/")]
    assert len(stills) == 400


def test_a_wheel_with_compiled_kernels_is_for_this_platform_and_any_python(
    built: Built, in_wheel: dict[str, bytes]
) -> None:
    compiled = [name for name in in_wheel if KERNELS.fullmatch(name)]
    assert bool(compiled) is (shutil.which("cc") is not None or os.name == "nt")
    tag = built.wheel.stem.split("-", 2)[2]
    assert tag.startswith("py3-none-")
    assert (tag == "py3-none-any") is (not compiled)


def test_the_sdist_holds_the_repository(in_sdist: dict[str, bytes]) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("no git here that knows what belongs to the repository")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    tracked = {name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()}
    assert in_sdist.keys() - {"PKG-INFO"} == tracked


def test_they_show_no_pictures_but_those_made_of_the_sample(
    in_wheel: dict[str, bytes], in_sdist: dict[str, bytes]
) -> None:
    shipped = [name for name, content in in_wheel.items() if PICTURES.match(content)]
    assert len(shipped) > 400  # they are found
    assert all(name.startswith("faceloop_datasets/sample/") for name in shipped)
    rooms = ("datasets/faceloop_datasets/sample/", "docs/", "tests/fuzz/")
    names = [name for name, content in in_sdist.items() if PICTURES.match(content)]
    assert [name for name in names if not name.startswith(rooms)] == []


def test_their_metadata_are_valid_and_the_same(
    built: Built, in_wheel: dict[str, bytes], in_sdist: dict[str, bytes]
) -> None:
    (name,) = (name for name in in_wheel if name.endswith(".dist-info/METADATA"))
    about = Metadata.from_email(in_wheel[name])  # an ExceptionGroup of all that is not valid
    assert built.wheel.name.startswith(f"faceloop-{about.version}-py3-none-")
    assert built.sdist.name == f"faceloop-{about.version}.tar.gz"
    # a parsed message has no equality of its own
    assert message_from_bytes(in_sdist["PKG-INFO"]).items() == (
        message_from_bytes(in_wheel[name]).items()
    )
    assert about.description == (ROOT / "README.md").read_text(encoding="utf-8")
    assert about.description_content_type == "text/markdown"
    urls = {"Homepage", "Documentation", "Source", "Issues", "Changelog"}
    assert about.project_urls.keys() == urls
    assert "Framework :: napari" in about.classifiers  # without it napari's hub does not show it


CHECK = """
import sys
from importlib.metadata import entry_points

import pytest

folder, version = sys.argv[1:]
options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
assert not pytest.main([*options, "tests/unit/datasets/test_scheme.py"])

import faceloop_datasets
from npe2 import PluginManifest

assert faceloop_datasets.__file__.startswith(folder), faceloop_datasets.__file__
assert PluginManifest.from_distribution("faceloop").package_version == version
(command,) = entry_points(group="console_scripts", name="faceloop")
sys.argv[1:] = ["--version"]
command.load()()
"""


def test_the_wheel_and_the_tests_of_the_sdist_work_without_the_repository(
    built: Built, tmp_path: Path
) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        archive.extractall(tmp_path / "installed")  # noqa: S202 - we made it
    with tarfile.open(built.sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    version = built.wheel.name.split("-")[1]
    installed = str(tmp_path / "installed")
    done = subprocess.run(
        [sys.executable, "-c", CHECK, installed, version],
        cwd=tmp_path / f"faceloop-{version}",
        env=os.environ | {"PYTHONPATH": installed},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(f"faceloop {version}\n")
