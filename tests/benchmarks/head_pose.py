"""How far off the head pose of fits is: yaw, pitch and roll in degrees.

    python tests/benchmarks/head_pose.py
    python tests/benchmarks/head_pose.py --rendered FOLDER --model FILE --every 2 --skip-sample

sample: its people in two halves, a model of each fits the other's faces from the detector. shape in
space: the pose by points alone. corrected: what `Fit.head_pose` is. start network: what it says of
the same place. mean: of the last two. angle: between the true rotation and the one found; told:
what `HeadPose.error` expects. true points: the same for exact points.

rendered: rendered people kept aside (`faceloop_trainer.start_network.rendered.is_aside`) in FOLDER,
by yaw. Real faces, fitted by the starter or by --model, that nobody has measured: the turned views
of IMM (about 30 degrees to either side of its frontal ones), MUCT's camera b against a at the same
moment (always the same angle: its spread counts), and pictures that are turned by known angles.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from common import Report, add_common, data_dir, imported, muct

from faceloop_datasets import Project
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_turns
from faceloop_runtime import FaceModel, Fitter, HeadPose
from faceloop_runtime.detect.detector import Detector
from faceloop_runtime.detect.views import View
from faceloop_runtime.imaging.pictures import as_gray
from faceloop_runtime.pdm3d import head_pose, rotations, turn_vectors
from faceloop_runtime.start_network import describe
from faceloop_trainer import TrainingConfig
from faceloop_trainer.data.faces import load_faces
from faceloop_trainer.start_network.rendered import RenderedTable
from faceloop_trainer.train import train_faces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from faceloop_datasets import Face
    from faceloop_runtime import Fit

_TURNS = ("yaw", "pitch", "roll")
_STEPS = (0, 30, 60, 90)
_ROLLS = (-30.0, -15.0, 15.0, 30.0)
_ANGLE = 30.0
"""By which IMM's people turned for their third and fourth picture."""


class Finder:
    """Fits the face of a picture that is nearest to a place, from the product's own detection."""

    def __init__(self, model: FaceModel) -> None:
        self.model = model
        self._detector, self._fitter = Detector(), Fitter(model)

    def fit(self, picture: np.ndarray, place: np.ndarray) -> Fit | None:
        found = [self._fitter.fit(picture, box) for box in self._detector.detect(picture)]
        away = [float(np.linalg.norm(fit.points.mean(axis=0) - place)) for fit in found]
        return found[int(np.argmin(away))] if found else None

    def ways(self, picture: np.ndarray, fit: Fit) -> dict[str, HeadPose]:
        """Poses of a fit by everything that tells one."""
        model, ways = self.model, {}
        if fit.head_pose is not None:
            ways["corrected"] = fit.head_pose
        if model.shape3d is not None:
            ways["shape in space"] = head_pose(model.shape3d, None, fit.points, 0.0)
        if model.start_map is not None:
            seen = describe(as_gray(picture), model.start_map.frame(fit.pose))
            ways["start network"] = HeadPose(seen.yaw, seen.pitch, seen.roll, seen.turn_error)
        if "corrected" in ways and "start network" in ways:
            both = [[getattr(ways[k], t) for t in _TURNS] for k in ("corrected", "start network")]
            ways["mean"] = HeadPose(*np.mean(both, axis=0), float("nan"))
        return ways


def turns(poses: Sequence[HeadPose]) -> np.ndarray:
    return np.array([[getattr(pose, turn) for turn in _TURNS] for pose in poses])


def row(what: str, poses: Sequence[HeadPose], true: np.ndarray) -> dict[str, Any]:
    """Errors of some poses; each row of ``true`` is yaw, pitch and roll."""
    found = turns(poses)
    off = np.abs((found - true + 180.0) % 360.0 - 180.0)
    between = np.swapaxes(rotations(found), 1, 2) @ rotations(true)
    angle = np.rad2deg(np.linalg.norm(turn_vectors(between), axis=1))
    told = np.array([pose.error for pose in poses])
    return {
        "what": what,
        "faces": len(poses),
        **{turn: round(float(off[:, k].mean()), 2) for k, turn in enumerate(_TURNS)},
        "medians": " / ".join(f"{value:.1f}" for value in np.median(off, axis=0)),
        "angle": round(float(angle.mean()), 2),
        "median angle": round(float(np.median(angle)), 2),
        "told": round(float(told.mean()), 2),
        "beyond 15": int((angle > 15.0).sum()),
    }


def rows(found: Sequence[dict[str, HeadPose]], true: np.ndarray) -> list[dict[str, Any]]:
    return [row(way, [one[way] for one in found], true) for way in found[0]]


def sample(report: Report, seed: int) -> None:
    """Errors on the sample's people, each fitted by a model of the others."""
    truth = sample_turns()
    project = Project.create(Path(_scratch()) / "sample", sample=True)
    faces = project.faces()
    people = sorted({face.subject for face in faces})
    np.random.default_rng(seed).shuffle(people)
    found, exact, true = [], [], []
    for half in (set(people[::2]), set(people[1::2])):
        others = [face for face in faces if face.subject not in half]
        read, _ = load_faces(project.scheme, others, TrainingConfig().scales[-1])
        finder = Finder(train_faces(project.scheme, read, TrainingConfig(seed=seed)))
        for face in (face for face in faces if face.subject in half):
            picture, points = face.read_rgb(), face.annotation.points
            fit = finder.fit(picture, points.mean(axis=0))
            if fit is not None:
                found.append(finder.ways(picture, fit))
                same = replace(fit, points=points)
                exact.append(_of_points(finder.model, same))
                true.append(truth[face.name])
    project.close()
    report.table("sample, from fits", rows(found, np.array(true)))
    report.table("sample, from true points", rows(exact, np.array(true)))


def _of_points(model: FaceModel, fit: Fit) -> dict[str, HeadPose]:
    shape, correction = model.shape3d, model.pose_correction
    assert shape is not None
    return {
        "corrected": head_pose(shape, correction, fit.points, 0.0),
        "shape in space": head_pose(shape, None, fit.points, 0.0),
    }


def rendered(report: Report, finder: Finder, folder: Path, every: int) -> None:
    """Errors on rendered people kept aside, by yaw."""
    table = RenderedTable.read(folder)
    found, true = [], []
    for k in np.flatnonzero(table.aside)[::every]:
        picture, points = read_image(table.files[k], "rgb"), table.points[k].astype(np.float64)
        fit = finder.fit(picture, points.mean(axis=0))
        if fit is not None:
            found.append(finder.ways(picture, fit))
            true.append(table.turns[k].astype(np.float64))
    turned = np.array(true)
    for low, high in pairwise(_STEPS):
        inside = np.flatnonzero((np.abs(turned[:, 0]) >= low) & (np.abs(turned[:, 0]) < high))
        some = [found[k] for k in inside]
        report.table(f"rendered people kept aside, yaw {low} to {high}", rows(some, turned[inside]))
    report.table("rendered people kept aside, all", rows(found, turned))


def fitted(finder: Finder, faces: Sequence[Face]) -> dict[str, dict[str, HeadPose]]:
    """Poses of real faces by their names."""
    ways = {}
    for face in faces:
        picture = face.read_rgb()
        fit = finder.fit(picture, np.nanmean(face.annotation.points, axis=0))
        if fit is not None:
            ways[face.name] = finder.ways(picture, fit)
    return ways


def imm(report: Report, finder: Finder) -> None:
    """Yaw of the turned views against the same person's frontal ones."""
    with imported("imm", [data_dir() / "imm"], "imm58", None) as project:
        names = {face.name: _view(face) for face in project.faces()}
        found = fitted(finder, [face for face in project.faces() if _view(face)[3] in "1234"])
    ways = {names[name]: found[name] for name in found}
    people = sorted({name[:2] for name in ways})
    by_view = {
        (person, view): next((w for n, w in ways.items() if n.startswith(f"{person}-{view}")), None)
        for person in people
        for view in "1234"
    }
    table = []
    for way in next(iter(ways.values())):
        turned = [
            by_view[p, view][way].yaw - np.mean([by_view[p, f][way].yaw for f in "12"])
            for p in people
            for view in "34"
            if all(by_view[p, v] is not None for v in f"12{view}")
        ]
        size = np.abs(turned)
        table.append(
            {
                "what": way,
                "views": len(size),
                "mean": round(float(size.mean()), 1),
                "spread": round(float(size.std()), 1),
                "from 30": round(float(np.abs(size - _ANGLE).mean()), 1),
                "to both sides": f"{np.sum(np.array(turned) > 0)} / {np.sum(np.array(turned) < 0)}",
            }
        )
    report.table("IMM: how far people turned who were asked to turn by 30 degrees", table)


def _view(face: Face) -> str:
    """Person and view, as in ``01-1m``; the folder comes before it."""
    return face.name.rsplit("/", 1)[-1]


def cameras(report: Report, finder: Finder, count: int, folder: Path | None) -> None:
    """Pose by MUCT's camera b against camera a, at the same moment."""
    with muct(folder) as project:
        faces = {face.name: face for face in project.faces()}
        pairs = [(n, n[:5] + "b" + n[6:]) for n in sorted(faces) if n[5] == "a"]
        pairs = [pair for pair in pairs if pair[1] in faces]
        chosen = pairs[:: max(1, len(pairs) // count)]
        ways = fitted(finder, [faces[name] for pair in chosen for name in pair])
    kept = [(ways[a], ways[b]) for a, b in chosen if a in ways and b in ways]
    table = []
    for way in kept[0][0]:
        apart = turns([b[way] for _, b in kept]) - turns([a[way] for a, _ in kept])
        table.append(
            {
                "what": way,
                "pairs": len(kept),
                **{f"mean {t}": round(float(apart[:, k].mean()), 1) for k, t in enumerate(_TURNS)},
                **{f"spread {t}": round(float(apart[:, k].std()), 2) for k, t in enumerate(_TURNS)},
                "usual yaw spread": round(1.48 * _median_deviation(apart[:, 0]), 2),
            }
        )
    report.table("MUCT: camera b against camera a at the same moment", table)


def _median_deviation(values: np.ndarray) -> float:
    return float(np.median(np.abs(values - np.median(values))))


def rolled(report: Report, finder: Finder, count: int, folder: Path | None) -> None:
    """Roll of pictures that were turned, against the same pictures as they were."""
    with muct(folder) as project:
        faces = [face for face in project.faces() if face.name[5] == "a"]
        faces = faces[:: max(1, len(faces) // count)]
        off: dict[str, list[float]] = {}
        for face in faces:
            picture, place = face.read_rgb(), np.nanmean(face.annotation.points, axis=0)
            for way, angle in _turned_by(finder, picture, place):
                off.setdefault(way, []).append(angle)
    table = [
        {
            "what": way,
            "pictures": len(angles),
            "mean": round(float(np.mean(angles)), 2),
            "off by": round(float(np.abs(angles).mean()), 2),
            "most": round(float(np.abs(angles).max()), 1),
        }
        for way, angles in off.items()
    ]
    report.table("MUCT: roll of pictures turned by 15 and 30 degrees to either side", table)


def _turned_by(finder: Finder, picture: np.ndarray, place: np.ndarray) -> list[tuple[str, float]]:
    upright = finder.fit(picture, place)
    if upright is None:
        return []
    before, off = finder.ways(picture, upright), []
    for roll in _ROLLS:
        view = View(picture).turned(roll)
        at = view.way_back.inverse().apply(place[None])[0]
        fit = finder.fit(view.pixels, at)
        if fit is not None:
            after = finder.ways(view.pixels, fit)
            off += [(way, after[way].roll - before[way].roll + roll) for way in before]
    return off


def _scratch() -> str:
    from tempfile import mkdtemp

    return mkdtemp()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("--model", type=Path, help="of face70; the starter by default")
    parser.add_argument("--rendered", type=Path, help="folder of rendered faces")
    parser.add_argument("--every", type=int, default=1, help="take every n-th rendered face")
    parser.add_argument("--pairs", type=int, default=150, help="pairs of pictures of MUCT")
    parser.add_argument("--muct", type=Path, help="folder to keep the imported MUCT in")
    parser.add_argument("--skip-sample", action="store_true", help="train nothing")
    args = parser.parse_args()
    report = Report(args.json)
    finder = Finder(FaceModel.load(args.model) if args.model else FaceModel.starter())
    steps: list[Callable[[], None]] = [
        *([] if args.skip_sample else [lambda: sample(report, args.seed)]),
        *([lambda: rendered(report, finder, args.rendered, args.every)] if args.rendered else []),
        lambda: imm(report, finder),
        lambda: cameras(report, finder, args.pairs, args.muct),
        lambda: rolled(report, finder, args.pairs // 3, args.muct),
    ]
    for step in steps:
        step()


if __name__ == "__main__":
    main()
