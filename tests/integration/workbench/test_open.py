"""`faceloop open` in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest


def faceloop_open(*arguments, **environment):
    env = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    command = [sys.executable, "-c", "from faceloop_workbench.cli import main; main()", "open"]
    return [*command, *map(str, arguments)], {**env, **environment}


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there is always a screen")
def test_without_a_screen_it_says_so():
    command, env = faceloop_open()
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "no screen" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="needs a virtual screen")
def test_a_folder_that_is_no_project_is_refused_before_a_window_opens(tmp_path):
    command, env = faceloop_open(tmp_path)
    screen = ["xvfb-run", "-a", "-s", "-screen 0 800x600x24"]
    done = subprocess.run(
        [*screen, *command], env=env, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 1
    assert "is no project" in done.stdout + done.stderr
