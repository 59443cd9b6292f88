"""Several processes on one project: what `crowd.py` does, for a few seconds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the crowd is forked, which this system cannot")
def test_a_crowd_loses_nothing() -> None:
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, HERE / "crowd.py", "--processes", "6", "--seconds", "2", "--seed", "1"],
        cwd=HERE.parents[1],
        env={**os.environ, **single, "PYTHONPATH": str(HERE.parents[1])},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert '"saved"' in done.stdout
