"""How many points of a face must be dragged, with and without help from the model.

    python tests/benchmarks/drags.py
    python tests/benchmarks/drags.py --set sample --keep FOLDER
    python tests/benchmarks/drags.py --set video

An oracle drags, again and again, the point that is farthest from its true place to that place,
until the mean distance of all points is below 0.015 of the inter-ocular distance; points that
nobody has marked (the bridge of the nose in MUCT) do not count. The model is trained on people
who are not among the test faces: MUCT as in muct.py, 300 of the 400 sample faces, and 300 faces of
helen_train and afw (ibug68). Of several faces found in a photograph the annotated one is taken.
The video is Talking Face, every 25th of its frames 0 to 999, by the model of MUCT.

Starts: the detector and the model's fit (faces that the detector misses are left out and counted);
the mean shape on three clicks, exactly on the pupils (the middles of the eyes where a scheme has
none) and the chin, which do not count as drags; and a fit from there. Where there are other faces
of a person among the test faces before this one, up to ten, also the fit without what fits of those
were wrong by ("fit, person known"), beside the fits of the same faces ("fit, the same faces"); of
the video only frames with ten before. Methods: plain (only the
dragged point moves); the shape model given the dragged points alone; assisted, as in the window;
the same with the errors that the model makes on the faces it was trained on.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from common import Clock, Report, add_common, data_dir, imported, muct, split_subjects
from franck import truth

from faceloop_datasets import FaceloopError, Project, Video
from faceloop_runtime import Detector, FaceModel, Fitter
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.start.finding import find_faces
from faceloop_trainer import TrainingConfig
from faceloop_trainer.assist import fit_errors, initial_face
from faceloop_trainer.assist.drag import most_probable
from faceloop_trainer.assist.error_covariance import errors_in_model_frame
from faceloop_trainer.assist.person import ENOUGH, expected_error, without_expected_error
from faceloop_trainer.data.faces import load_faces, whole_pictures
from faceloop_trainer.train import train_faces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from faceloop_datasets import Face
    from faceloop_trainer.data.faces import TrainingFace

    Method = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]

_GOOD = 0.015
_PER_SUBJECT = {"muct": 4, "sample": None, "wild": None}
_EVERY = 25  # frames of the video


@dataclass(frozen=True)
class VideoFace:
    """A frame of the video."""

    points: np.ndarray
    picture: np.ndarray
    subject: str = "franck"

    @property
    def measured(self) -> np.ndarray:
        """Points that the ground truth has, (N,)."""
        return np.isfinite(self.points).all(axis=1)


@dataclass(frozen=True)
class Trial:
    """One face with a start: where its points are, where they belong, which are placed."""

    points: np.ndarray
    face: TrainingFace | VideoFace
    placed: np.ndarray
    iod: float

    def drags(self, method: Method, good: float = _GOOD) -> int:
        """Drag the worst point until the NME is below ``good``; returns how often."""
        true, placed = self.face.points, self.placed.copy()
        # The clicks are where they belong.
        points = np.where(placed[:, None], true, self.points)
        for count in range(len(true)):
            off = np.linalg.norm(points - true, axis=1)
            off[~self.face.measured] = 0.0
            if off.sum() < good * self.iod * self.face.measured.sum():
                return count
            worst = int(off.argmax())
            placed[worst] = True
            points = points.copy()
            points[worst] = true[worst]
            points = method(points, placed, self.points)
        return len(true)


def methods(model: FaceModel, training: Sequence[Face]) -> dict[str, Method]:
    """Ways to move the other points, by name."""
    errors = fit_errors.error_covariance(model, training)
    return {
        "plain": lambda points, _placed, _start: points,
        "shape model alone": lambda points, placed, _start: most_probable(model, points, placed),
        "assisted": lambda points, placed, start: most_probable(model, points, placed, start),
        "assisted, errors learned": lambda points, placed, start: most_probable(
            model, points, placed, start, errors
        ),
    }


def trials(model: FaceModel, faces: Sequence[Face]) -> tuple[dict[str, list[Trial]], int]:
    """Start every face in each way; also returns how many faces the detector missed."""
    scheme, missed = model.scheme, 0
    fitter, detector = Fitter(model, "cpu"), Detector()
    eyes = [list(scheme.initialisation[key]) for key in ("left_eye", "right_eye")]
    places = [*eyes, list(initial_face.clicks_of(scheme)[2][1])]
    clicked = [place[0] for place in places if len(place) == 1]
    made: dict[str, list[Trial]] = {"fit": [], "three clicks": [], "three clicks, fit": []}
    for face in whole_pictures(scheme, faces):
        iod, nothing = scheme.inter_ocular_distance(face.points), face.measured & False
        clicks = nothing.copy()
        clicks[clicked] = True
        assert face.picture is not None
        at = np.array([face.points[place].mean(axis=0) for place in places])
        by_clicks = initial_face.from_clicks(model, at)
        fitted = fitter.fit(face.picture, by_clicks).points
        made["three clicks"].append(Trial(by_clicks, face, clicks, iod))
        made["three clicks, fit"].append(Trial(fitted, face, clicks, iod))
        try:
            found = first_fit(fitter, detector, face)
        except FaceloopError:
            missed += 1
        else:
            made["fit"].append(Trial(found, face, nothing, iod))
    return made, missed


def with_person_known(model: FaceModel, fits: Sequence[Trial], fewest: int) -> list[Trial]:
    """Return fits without what up to ten of the same person before them were wrong by.

    As the window does it, the corrected faces are fitted where they are.
    """
    fitter, before = Fitter(model, "cpu"), defaultdict(list)
    made = []
    for trial in fits:
        errors = before[trial.face.subject]
        if len(errors) >= fewest:
            expected = expected_error(np.array(errors[-ENOUGH:]))
            made.append(
                replace(trial, points=without_expected_error(model, trial.points, expected))
            )
        true = np.where(trial.face.measured[:, None], trial.face.points, np.nan)
        assert trial.face.picture is not None
        fit = fitter.fit_pose(trial.face.picture, Similarity.between(model.pdm.mean, true))
        errors.extend(errors_in_model_frame(model.pdm, [(fit.points, true)]))
    return made


def of_video(model: FaceModel) -> list[Trial]:
    """Fit every 25th frame of Talking Face."""
    fitter, detector, made = Fitter(model, "cpu"), Detector(), []
    video, true = Video(data_dir() / "talking_face" / "franck.webm"), truth()
    for number in range(0, len(true), _EVERY):
        face = VideoFace(true[number], video[number].gray())
        iod = model.scheme.inter_ocular_distance(face.points)
        placed = face.measured & False
        made.append(Trial(first_fit(fitter, detector, face), face, placed, iod))
    return made


def first_fit(fitter: Fitter, detector: Detector, face: TrainingFace | VideoFace) -> np.ndarray:
    """Points of the annotated one of the faces that are found."""
    assert face.picture is not None
    boxes = find_faces(detector, fitter.model, face.picture)
    if not boxes:
        raise FaceloopError("No face is found.")
    middle = np.nanmean(face.points, axis=0)
    box = min(boxes, key=lambda box: float(np.linalg.norm(np.array(box.centre) - middle)))
    return fitter.fit(face.picture, box).points


def row(start: str, method: str, counts: np.ndarray) -> dict[str, Any]:
    """Return one row of the table."""
    return {
        "start": start,
        "method": method,
        "faces": len(counts),
        "median drags": int(np.median(counts)),
        "mean": round(float(counts.mean()), 1),
        "p90": int(np.percentile(counts, 90)),
        "none needed": f"{np.mean(counts == 0):.0%}",
    }


def get_model(
    project: Project, training: Sequence[Face], file: Path | None, seed: int
) -> FaceModel:
    """Train, or load what was kept."""
    if file is not None and file.is_file():
        return FaceModel.load(file)
    config = TrainingConfig(seed=seed)
    ready, _ = load_faces(project.scheme, training, config.scales[-1], seed=seed)
    model = train_faces(project.scheme, ready, config)
    if file is not None:
        model.save(file)
    return model


@contextmanager
def opened(name: str, keep: Path | None) -> Iterator[Project]:
    """Open the faces of a set, kept or new."""
    where = None if keep is None else keep / name
    if name == "muct":
        with muct(where) as project:
            yield project
        return
    if name == "wild":
        folders = [data_dir() / "helen_train", data_dir() / "afw"]
        with imported("ibug", folders, "ibug68", where) as project:
            yield project
        return
    with TemporaryDirectory() as scratch:
        folder = (keep or Path(scratch)) / name
        known = (folder / "project.db").is_file()
        with Project.open(folder) if known else Project.create(folder, sample=True) as project:
            yield project


def measure(report: Report, name: str, args: argparse.Namespace) -> None:
    """Fill the table of one set of faces."""
    video = name == "video"
    faces_of = "muct" if video else name
    with opened(faces_of, args.keep) as project:
        split = split_subjects(project.faces(), 300, args.seed, _PER_SUBJECT[faces_of])
        file = None if args.keep is None else args.keep / f"{faces_of}-{args.seed}.safetensors"
        model = get_model(project, split.training, file, args.seed)
        made, missed = ({"fit": of_video(model)}, 0) if video else trials(model, split.test)
        ways = methods(model, split.training)
    known = with_person_known(model, made["fit"], ENOUGH if video else 1)
    if known:
        there = {id(trial.face) for trial in known}
        made["fit, the same faces"] = [t for t in made["fit"] if id(t.face) in there]
        made["fit, person known"] = known
    rows = []
    for start, faces in made.items():
        for method, move in ways.items():
            with Clock() as clock:
                counts = np.array([face.drags(move) for face in faces])
            rows.append(row(start, method, counts))
            rows[-1]["ms a drag"] = round(1000 * clock.cpu / max(1, counts.sum()), 2)
    title = f"{name}: {len(made['fit'])} faces, {missed} more missed by the detector"
    report.table(f"{title}; drags until NME < {_GOOD}", rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument(
        "--set", nargs="+", choices=[*_PER_SUBJECT, "video"], default=list(_PER_SUBJECT)
    )
    parser.add_argument("--keep", type=Path, help="keep faces and models here for next time")
    args = parser.parse_args()
    report = Report(args.json)
    for name in args.set:
        measure(report, name, args)


if __name__ == "__main__":
    main()
