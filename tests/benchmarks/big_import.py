"""What the import of a large COCO file costs: 100,000 annotations of 70 points.

    python tests/benchmarks/big_import.py [--annotations 100000] [--dry-run-too]

Makes two files in a temporary folder: faces in pictures that are not there, five in each, and faces
in 500 pictures that are. Of each the whole command ``faceloop import FILE --project DIR`` is timed,
with its start, then the same once more, which finds everything as it is. Prints seconds, the
greatest memory of the process, and the size of the database.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from faceloop_datasets import Project, Scheme

PRESENT = 500  # pictures


def make(file: Path, annotations: int, pictures: int) -> None:
    """Write a file of annotations, spread evenly over pictures."""
    names, rng = list(Scheme.load("face70").names), np.random.default_rng(0)
    ring = np.linspace(0, 6.2, 70)
    mean = np.column_stack([100 + 40 * np.cos(ring), 90 + 50 * np.sin(ring)])
    category = {"id": 1, "name": "face", "keypoints": names, "skeleton": [[1, 2]]}
    images = [
        {"id": k, "file_name": picture(k), "width": 200, "height": 180} for k in range(pictures)
    ]
    with file.open("w", encoding="utf-8") as out:
        out.write(f'{{"categories": {json.dumps([category])}, "images": {json.dumps(images)}')
        for number in range(annotations):
            flat = np.column_stack([mean + rng.normal(0, 2, (70, 2)).round(2), np.full(70, 2)])
            face = {
                "id": number + 1, "image_id": number * pictures // annotations, "category_id": 1,
                "iscrowd": 0, "bbox": [60, 40, 80, 100], "num_keypoints": 70,
                "keypoints": flat.round(2).ravel().tolist(),
            }  # fmt: skip
            out.write((",\n" if number else ', "annotations": [\n') + json.dumps(face))
        out.write("]}")


def picture(number: int) -> str:
    """Name of a picture: in words, since numbered ones are compared as frames of a clip."""
    return (
        "p" + np.base_repr(number, 26).translate(str.maketrans("0123456789", "QRSTUVWXYZ")) + ".png"
    )


def measure(file: Path, project: Path, *options: str) -> str:
    """Import a file in a process of its own; says what it cost."""
    run = "from faceloop_workbench.cli import main; main()"
    program = [sys.executable, "-c", run, "import", str(file)]
    start = time.perf_counter()
    child = subprocess.Popen(
        [*program, "--project", str(project), *options], stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"the import failed ({status})")
    processor = used.ru_utime + used.ru_stime
    size = (project / "project.db").stat().st_size
    return (
        f"{seconds:6.1f} s ({processor:.1f} s of processor time), {used.ru_maxrss / 1024:.0f} MB, "
        f"database {size / 1e6:.0f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--annotations", type=int, default=100_000)
    count = parser.parse_args().annotations
    with tempfile.TemporaryDirectory() as folder:
        for kind, pictures in (("absent", max(1, count // 5)), ("present", PRESENT)):
            place = Path(folder) / kind
            place.mkdir()
            for number in range(pictures) if kind == "present" else ():
                noise = np.random.default_rng(number).integers(0, 255, (18, 20), np.uint8)
                cv2.imwrite(str(place / picture(number)), cv2.resize(noise, (200, 180)))
            make(place / "big.json", count, pictures)
            Project.create(place / "project").close()
            for what, options in (("dry run", ["--dry-run"]), ("import", []), ("again", [])):
                cost = measure(place / "big.json", place / "project", *options)
                sys.stdout.write(
                    f"{count:,} faces in {pictures:,} pictures, {kind}, {what:8}: {cost}\n"
                )
                sys.stdout.flush()


if __name__ == "__main__":
    main()
