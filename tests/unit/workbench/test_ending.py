"""A process that ends quickly does not look for garbage any more."""

from __future__ import annotations

import subprocess
import sys

import pytest

_PROGRAM = """
import gc, sys
from faceloop_workbench.services.ending import end_quickly
gc.disable()

class Ring:
    def __init__(self):
        self.itself = self
    def __del__(self):
        print("looked at")

if sys.argv[1] == "quickly":
    end_quickly()
print("all of it", end="")
Ring()
"""


@pytest.mark.parametrize(
    ("how", "said"), [("quickly", "all of it"), ("as usual", "all of itlooked at\n")]
)
def test_rings_are_left_alone(how: str, said: str) -> None:
    command = [sys.executable, "-c", _PROGRAM, how]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == said
