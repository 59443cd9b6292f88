"""What tidy tables cost: a million rows, written and read again.

    python tests/benchmarks/big_tables.py [--faces 14300]

Prints seconds of processor time and the greatest memory of a process that only reads.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from faceloop_datasets import Annotation, Scheme
from faceloop_datasets.formats import FaceRecord, read_faces, source_scheme, write_faces


def faces(count: int) -> list[FaceRecord]:
    """Faces of 70 points each, of 50 people, in a picture each."""
    rng, states = np.random.default_rng(0), np.zeros(70, int)
    return [
        FaceRecord(
            name=f"face {k}",
            subject=f"person {k % 50}",
            image=None,
            image_name=f"picture {k}.jpg",
            annotation=Annotation("face70", rng.uniform(0, 500, (70, 2)), states),
            origin="here",
            expression="smile",
        )
        for k in range(count)
    ]


def read(kind: str, file: str) -> str:
    """Read a table, as a process that does nothing else; says what it cost."""
    start = time.process_time()
    source_scheme(kind, [file])
    count = sum(1 for _ in read_faces(kind, [file]))
    seconds = time.process_time() - start
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{kind}: {count} faces read in {seconds:.1f} s, {most:.0f} MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=14_300)
    given = faces(parser.parse_args().faces)
    alone = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("csv", "parquet"):
            file = Path(folder) / f"faces.{kind}"
            start = time.process_time()
            write_faces(kind, given, file, scheme=Scheme.load("face70"))
            seconds, size = time.process_time() - start, file.stat().st_size / 1e6
            said = f"{kind}: {70 * len(given)} rows written in {seconds:.1f} s, {size:.0f} MB\n"
            with alone.Pool(1) as process:
                sys.stdout.write(f"{said}{process.apply(read, (kind, str(file)))}\n")


if __name__ == "__main__":
    main()
