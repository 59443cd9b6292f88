"""How long importing takes, over numpy and OpenCV: processor time, medians of new processes."""

from __future__ import annotations

import argparse
import subprocess
import sys
from statistics import median

STATEMENTS = (
    "import faceloop_runtime",
    "from faceloop_runtime import FaceModel, Fitter, Tracker",
    "from faceloop_datasets import Project",
    "from faceloop_trainer import train",
)

PROGRAM = """
import time, numpy, cv2
begin = time.process_time()
{statement}
print(time.process_time() - begin)
"""


def main() -> None:
    """Print a line for each statement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    for statement in STATEMENTS:
        program = PROGRAM.format(statement=statement)
        taken = [
            float(subprocess.check_output([sys.executable, "-c", program])) for _ in range(repeat)
        ]
        sys.stdout.write(f"{statement:<60} {median(taken):.3f} s\n")


if __name__ == "__main__":
    main()
