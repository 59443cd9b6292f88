"""What is done on small or read-only file systems; run in a namespace of its own.

unshare --user --map-root-user --mount python mounts.py full|read_only TEMPLATE DISK [KB]
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from scenes import check_kept, check_sound
from victims import digest, scribble

from faceloop_datasets import FaceloopError, Project, ProjectError
from faceloop_datasets.care import back_up, check_project


def mount(disk: Path, *options: str) -> None:
    subprocess.run(["mount", *options, str(disk)], check=True)


def full(template: Path, disk: Path, kilobytes: str) -> None:
    """Fill a disk with saves, models and pictures; make room; go on."""
    mount(disk, "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs")
    shutil.copytree(template / "project", disk / "project")
    shutil.copytree(template / "outside", disk.parent / "outside", dirs_exist_ok=True)
    said: list[dict] = []
    with Project.open(disk / "project") as project:
        failed = [_until_it_fails(project, said, template / "outside")]
        rest = (disk / "filler").open("wb", buffering=0)
        try:
            while True:
                rest.write(b"x" * 1024)
        except OSError:
            pass
        failed.append(_until_it_fails(project, said, template / "outside"))
        rest.close()
        (disk / "filler").unlink()
        for text in failed:
            assert "full" in text or "No space" in text, text
        mount(disk, "-o", "remount,size=20m")
        _save(project, said)
    check_sound(disk / "project")
    check_kept(disk / "project", said)
    sys.stdout.write(f"went on after {len(said)} saves: {failed}\n")


def _until_it_fails(project: Project, said: list[dict], outside: Path) -> str:
    rng = random.Random(len(said))  # noqa: S311 - repeatable
    while True:
        try:
            _save(project, said)
            if rng.random() < 0.05:
                project.add_media(rng.choice(sorted((outside / "pictures").glob("*"))), copy=True)
            if rng.random() < 0.02:
                project.add_model(rng.choice(sorted(outside.glob("models-*/*"))), {})
        except FaceloopError as error:
            return str(error)


def _save(project: Project, said: list[dict]) -> None:
    item = project.items()[len(said) % 5]
    mine = scribble(random.Random(len(said)))  # noqa: S311 - repeatable
    saved = project.save(item.id, mine, item.head, "ann")
    said.append({"item": item.id, "revision": saved.id, "digest": digest(saved.annotation)})


def read_only(template: Path, disk: Path) -> None:
    """Look at a project on a drive that cannot be written; try to write; write when it can be."""
    mount(disk, "-t", "tmpfs", "-o", "size=40m", "tmpfs")
    shutil.copytree(template / "project", disk / "project")
    mount(disk, "-o", "remount,ro")
    said: list[dict] = []
    with Project.open(disk / "project") as project:
        assert len(project.faces()) == len(project.overview()) - 3
        for do in (
            lambda: _save(project, said),
            lambda: project.queue.add(1, "manual"),
            lambda: project.add_media(template / "outside" / "pictures" / "p0.jpg", copy=True),
            project.import_sample,
        ):
            with pytest.raises(ProjectError, match="cannot be"):
                do()
        with pytest.raises(ProjectError, match=r"models cannot be written \(the disk can only be"):
            project.add_model(template / "outside/models-0/face70.safetensors", {})
    assert check_project(disk / "project").findings == ()
    assert not back_up(disk / "project", disk.parent / "backup.zip").missing
    mount(disk, "-o", "remount,rw")
    with Project.open(disk / "project") as project:
        _save(project, said)
    check_sound(disk / "project")
    check_kept(disk / "project", said)
    sys.stdout.write("looked at\n")


if __name__ == "__main__":
    {"full": full, "read_only": read_only}[sys.argv[1]](*map(Path, sys.argv[2:4]), *sys.argv[4:])
