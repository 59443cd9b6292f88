"""Every input that failed once, and a short run of each target from a fixed seed."""

from __future__ import annotations

import random

import pytest

from .harness import Watch, kept, mutated
from .target import edit, edited
from .targets import TARGETS

# Each opens a database or reads a file of three megabytes.
_SLOW = {"project": 8, "cell": 8, "backup": 8, "export": 20, "model_edits": 20, "model_header": 20}


@pytest.mark.parametrize("name", TARGETS)
def test_only_errors_for_people_come_out(name: str) -> None:
    target = TARGETS[name]
    watch, seeds = Watch(target), list(target.seeds())
    inputs = [*seeds[:20], *(file.read_bytes() for file in kept(target))]
    chance = random.Random(0)  # noqa: S311
    inputs += [mutated(target, inputs, chance) for _ in range(_SLOW.get(name, 60))]
    failures = {watch.run(data): data for data in inputs}
    # how long one takes is looked at by the runner, on a machine that does nothing else
    assert not [failure for failure in failures if failure and not failure.startswith("slow")]


_GOOD = ("clmtools", "scheme", "tar", "png", "video", "export")
_TOOLS = ("coco", "dlib", "cvat", "labelme", "labelstudio")
_SETS = ("pts", "wflw", "mediapipe", "300w-lp")
_TRACKS = ("track-table", "track-deeplabcut", "track-openface")


@pytest.mark.parametrize("name", [*_GOOD, *_TOOLS, *_SETS, *_TRACKS])
def test_what_is_begun_with_is_good(name: str) -> None:
    """A target that refuses what it begins with tests nothing."""
    watch = Watch(TARGETS[name])
    seeds = TARGETS[name].seeds()
    assert [watch.run(data) for data in seeds] == [None] * len(seeds)
    assert watch.refused <= len(seeds) // 4


def test_kept_inputs_are_small() -> None:
    files = [file for target in TARGETS.values() for file in kept(target)]
    assert all(file.stat().st_size <= 2048 for file in files)
    assert len(files) < 200


def test_a_fault_is_seen() -> None:
    from dataclasses import replace

    def fail(data: bytes) -> None:
        if b"bad" in data:
            raise KeyError("no")

    watch = Watch(replace(TARGETS["ibug"], run=fail))
    assert watch.run(b"good") is None
    failure = watch.run(b"something bad and long")
    assert failure is not None
    assert failure.startswith("KeyError")
    assert watch.shorten(failure) == b"bad"


def test_edits() -> None:
    assert edited(b"abcdef", edit(1, b"XY")) == b"aXYdef"
    assert edited(b"abcdef", edit(2, b"-", 1) + edit(0, b"__", 2)) == b"-cdef"
    assert edited(b"abcdef", edit(3, b"", 3)) == b"abc"
