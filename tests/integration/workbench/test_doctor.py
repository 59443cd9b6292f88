"""`doctor` on the command line."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Run


def test_it_finds_this_machine_fit(faceloop: Run) -> None:
    done = faceloop("doctor", "--json")
    assert done.code == 0
    report = done.json()
    assert report["ok"]
    found = {finding["what"]: finding for finding in report["findings"]}
    assert found["python"]["found"] == platform.python_version()
    assert {
        "GL renderer",
        "response backend",
        "starter model",
        "face detector",
        "start network",
        "kernels",
        "log folder",
    } <= set(found)
    assert not [f for f in report["findings"] if f["needed"] and f["advice"]]


def test_it_says_so_to_people(faceloop: Run) -> None:
    assert faceloop("doctor").out.endswith("faceloop works here.\n")
