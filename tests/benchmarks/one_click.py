"""How long a person waits for `faceloop train`: whole processes, from command to prompt.

    python tests/benchmarks/one_click.py
    python tests/benchmarks/one_click.py --faces 752 --against ../before --repeat 3 --dlib

A project with whole people of MUCT, about so many faces. One command after the other: cold, with
nothing changed, after corrections (five points of ten faces, by 2 % of the IOD), on fewer faces
(--limit), and back. Imports, caches, measuring, comparison and registration are all in it; times
are medians of the repetitions, each on a fresh project. --against names another checkout, whose
code does the same on a project of its own, command by command in turns; ratio: its processor time
over ours. --dlib trains dlib's predictor on the faces that the first command trains on: processor
time on one core, whatever the number of threads.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from common import Report, add_common, muct, pictures
from retrain import correct

from faceloop_datasets import Project
from faceloop_datasets.face import Face
from faceloop_trainer import TrainingConfig
from faceloop_trainer.data.split import split_faces

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parents[2]
LIMIT = 300
ROOMS = ("datasets", "runtime", "trainer", "workbench")
PROGRAM = "import sys; from faceloop_workbench.cli import main; sys.exit(main())"


@dataclass(frozen=True)
class Command:
    """One command, and whether faces are corrected before it."""

    name: str
    options: tuple[str, ...] = ()
    corrected: bool = False


_LIMITED = ("--limit", str(LIMIT))
COMMANDS = (
    Command("cold"),
    Command("nothing changed"),
    Command("nothing changed, --anyway", ("--anyway",)),
    Command("corrected", corrected=True),
    Command("--limit, the first time", _LIMITED),
    Command("corrected, back without --limit", corrected=True),
    Command("--limit again", _LIMITED),
)


def with_faces(folder: Path, count: int) -> None:
    """Make a project of whole people with about so many faces."""
    with muct(folder) as project:
        faces = project.faces()
        by_person: dict[str, list[Face]] = {}
        for face in faces:
            by_person.setdefault(face.subject, []).append(face)
        left, gone = len(faces), []
        for person in sorted(by_person, reverse=True):
            if left - len(by_person[person]) >= count:
                left -= len(by_person[person])
                gone += [face.item_id for face in by_person[person]]
        project.remove(gone)


def run(code: Path, project: Path, options: Sequence[str]) -> tuple[float, float]:
    """Train with the code of a checkout; return wall and processor seconds of the process."""
    path = os.pathsep.join(str(code / room) for room in ROOMS)
    command = [sys.executable, "-P", "-c", PROGRAM, "train", "--project", str(project), *options]
    environment = {**os.environ, "PYTHONPATH": path}
    begin, used = time.perf_counter(), _processor_time()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return time.perf_counter() - begin, _processor_time() - used


def _processor_time() -> float:
    """Return what all processes have used that were started here and have ended."""
    used = os.times()
    return used.children_user + used.children_system


def dlib_seconds(folder: Path, seed: int) -> dict[str, Any]:
    """Train dlib's predictor on the faces that the first command trained on."""
    from peer_dlib import DlibPredictor

    from faceloop_runtime import FaceModel

    with Project.open(folder) as project:
        chosen = split_faces(project.faces(), TrainingConfig()).training
        (record, *_) = project.models()
        pdm, faces = FaceModel.load(record.file).pdm, pictures(project.scheme, chosen)
        begin = time.process_time()
        DlibPredictor(project.scheme, pdm, faces, seed, threads=1)
        return {"command": "dlib, cold", "cpu s": round(time.process_time() - begin, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("--faces", type=int, default=550)
    parser.add_argument("--correct", type=int, default=10, help="faces corrected before a command")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--dlib", action="store_true", help="train dlib's predictor too")
    args = parser.parse_args()
    report = Report(args.json)
    codes = {"": HERE} if args.against is None else {"": HERE, "before ": args.against.resolve()}
    taken: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with TemporaryDirectory() as scratch:
        for number in range(args.repeat):
            folders = {who: Path(scratch) / f"{number}{who.strip()}" for who in codes}
            for folder in folders.values():
                with_faces(folder, args.faces)
            for command in COMMANDS:
                for who, code in codes.items():
                    if command.corrected:
                        with Project.open(folders[who]) as project:
                            seed = args.seed + COMMANDS.index(command)
                            correct(project, TrainingConfig(), args.correct, seed)
                    times = run(code, folders[who], command.options)
                    taken.setdefault((who, command.name), []).append(times)
        rows = [_row(command.name, taken, list(codes)) for command in COMMANDS]
        if args.dlib:
            rows.append(dlib_seconds(folders[""], args.seed))
    report.table(f"faceloop train, {args.faces} faces, command to prompt", rows)


def _row(
    name: str, taken: dict[tuple[str, str], list[tuple[float, float]]], codes: Sequence[str]
) -> dict[str, Any]:
    row: dict[str, Any] = {"command": name}
    cpu = []
    for who in codes:
        wall, used = (median(times) for times in zip(*taken[who, name], strict=True))
        cpu.append(used)
        row |= {f"{who}wall s": round(wall, 2), f"{who}cpu s": round(used, 2)}
    return row | ({"ratio": round(cpu[1] / cpu[0], 1)} if len(cpu) > 1 else {})


if __name__ == "__main__":
    main()
