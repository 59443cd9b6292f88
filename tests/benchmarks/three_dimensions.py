"""The search in space and experts by view, beside the search in the plane that the product has.

    python tests/benchmarks/three_dimensions.py FOLDER
    python tests/benchmarks/three_dimensions.py FOLDER --real 100 --starter FILE

FOLDER holds rendered faces of face70 with heads turned to the profile. Of --faces of them, turned
by up to 75 degrees, those of half of the people train and the others are fitted, all from where the
start network puts them in the product's own detection. Errors: of points that can be seen, over
the size of the face if it looked ahead, before and after the learned correction.

plane: what `faceloop fit` does. space: the same with pose and shape in space (`space_search`).
views: a model for heads that look ahead and one for each side, in the plane, chosen by yaw. Points
that the start network takes for hidden have no say, with "all points" every one has; "own sight":
the yaw of the shape in space says which are hidden, by what is usual at that yaw.

clips: --clips other people turn from profile to profile and back (`turning_clips`). Each frame is
fitted from the last one by the finest scale, without any check. lost: frames with an error above
.10; jump: the greatest step of the points from one frame to the next, less that of the true points,
in sizes of the face. "predicted sight": `Fit.visibility` of the last frame says what is hidden.
faceloop track: the product's tracker.

--real: so many faces of MUCT and of HELEN, by the model of --starter, of faces turned little.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from common import Report, add_common, data_dir, error_row, imported, muct
from space_search import Sight, SpaceSearch
from turning_clips import turning_clip, turning_people

from faceloop_datasets import Annotation, Face, PointState, Scheme
from faceloop_datasets.media.images import read_image
from faceloop_runtime import FaceBox, FaceModel, Fit, Fitter, HeadPose, Tracker
from faceloop_runtime.detect.detector import Detector
from faceloop_runtime.fit.schedule import FROM_CLOSE, passes_from
from faceloop_runtime.fit.steps import SearchStart, assess, correct, search
from faceloop_runtime.imaging.pictures import as_gray
from faceloop_runtime.pdm3d import head_pose
from faceloop_runtime.responses import make_backend
from faceloop_runtime.start_network import describe, frame_of_box
from faceloop_trainer import TrainingConfig
from faceloop_trainer.data.faces import load_faces
from faceloop_trainer.start_network.rendered import RenderedTable
from faceloop_trainer.train import train_faces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from turning_clips import Frame

    from faceloop_runtime.fit.schedule import Pass
    from faceloop_runtime.start_network import FaceDescription
    from faceloop_trainer.data.faces import TrainingFace

_MOST_YAW, _STEP = 75.0, 15
_AHEAD, _ASIDE = 35.0, 20.0
"""Faces that the model of heads that look ahead is trained on, and those of the sides, by yaw."""
_CHOICE = 28.0
"""From this yaw on, a model of a side fits."""
_LOST = 0.10
_CONFIG = TrainingConfig(holdout=0.0, prior="none")


# Faces


def faces_of(table: RenderedTable, chosen: Sequence[int]) -> list[Face]:
    states = np.where(table.seen > 0, PointState.VISIBLE, PointState.OCCLUDED)
    return [
        Face(
            item_id=-1 - k,
            revision_id=-1 - k,
            name=table.files[k].name,
            subject=table.people[k],
            annotation=Annotation("face70", table.points[k], states[k]),
            media=table.files[k],
            frame=None,
            media_sha256=None,
        )
        for k in map(int, chosen)
    ]


def split(table: RenderedTable, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows to train on and rows of other people, none of them of those in clips."""
    rng = np.random.default_rng(seed)
    in_clips = {table.people[rows[0]] for rows in turning_people(table)}
    free = np.array([person not in in_clips for person in table.people])
    turned = np.flatnonzero(free & (np.abs(table.turns[:, 0]) <= _MOST_YAW))
    chosen = np.sort(rng.permutation(turned)[:count])
    people = sorted({table.people[k] for k in chosen})
    rng.shuffle(people)
    half = set(people[: len(people) // 2])
    training = np.array([table.people[k] in half for k in chosen])
    return chosen[training], chosen[~training]


def views(faces: Sequence[TrainingFace], yaw: np.ndarray, scheme: Scheme) -> list[FaceModel]:
    """Return a model of heads that look ahead, and of those that look to the right and left."""
    ahead = [face for face, y in zip(faces, yaw, strict=True) if abs(y) <= _AHEAD]
    models = [train_faces(scheme, ahead, _CONFIG)]
    for side in (1.0, -1.0):
        own = [
            face if side * y > 0 else face.mirrored(scheme.mirror)
            for face, y in zip(faces, yaw, strict=True)
            if abs(y) >= _ASIDE
        ]
        models.append(train_faces(scheme, own, replace(_CONFIG, mirror=False)))
    return models


# Ways to fit


class Way:
    """A way to fit.

    Parameters
    ----------
    models : sequence of FaceModel
        One, or those of heads that look ahead, to the right and to the left.
    whole : FaceModel
        Says how a head is turned.
    space : bool
        Search in space, not in the plane.
    sight : Sight, "given", "all" or "predicted"
        Which points have a say: those that are usually seen at that yaw, that the start network
        sees (in a clip every one), all, those that the last frame's fit takes for seen.
    """

    def __init__(
        self,
        models: Sequence[FaceModel],
        whole: FaceModel,
        *,
        space: bool = False,
        sight: Sight | Literal["given", "all", "predicted"] = "given",
    ) -> None:
        self._models, self._whole, self._sight = models, whole, sight
        self._backends = [make_backend("cpu", model.experts) for model in models]
        self._in_space = [
            SpaceSearch(model, backend, sight if isinstance(sight, Sight) else None)
            for model, backend in zip(models, self._backends, strict=True)
            if space
        ]

    def first(self, gray: np.ndarray, seen: FaceDescription) -> tuple[np.ndarray, Fit]:
        """Fit from where the start network has a face.

        Returns the points before the correction, and the fit.
        """
        which = self._view(seen.yaw)
        start_map = self._models[which].start_map
        assert start_map is not None
        found = start_map(seen)
        start = self._by_sight(SearchStart.of(found), seen.yaw)
        return self._fit(which, gray, start, passes_from(found.error))

    def next(self, gray: np.ndarray, last: Fit) -> Fit:
        """Fit from the last frame."""
        assert last.head_pose is not None
        which = self._view(last.head_pose.yaw)
        pdm = self._models[which].pdm
        start = SearchStart.at(pdm, *pdm.parameters(last.points))
        if self._sight == "predicted":
            start = replace(start, visibility=last.visibility)
        start = self._by_sight(start, last.head_pose.yaw)
        return self._fit(which, gray, start, FROM_CLOSE)[1]

    def _view(self, yaw: float) -> int:
        if len(self._models) == 1 or abs(yaw) <= _CHOICE:
            return 0
        return 1 if yaw > 0 else 2

    def _by_sight(self, start: SearchStart, yaw: float) -> SearchStart:
        if self._sight == "all":
            return replace(start, visibility=None)
        return replace(start, visibility=self._sight(yaw)) if callable(self._sight) else start

    def _fit(
        self, which: int, gray: np.ndarray, start: SearchStart, passes: Sequence[Pass]
    ) -> tuple[np.ndarray, Fit]:
        model, backend = self._models[which], self._backends[which]
        if self._in_space:
            end = self._in_space[which](gray, start, passes)
        else:
            end = search(model, backend, gray, start, passes)
        fit = assess(model, correct(model.pdm, model.regressor, end), "points")
        if len(self._models) > 1:
            fit = replace(fit, head_pose=_posed(self._whole, fit))
        return end.pose.apply(model.pdm.shape(end.b)), fit


def _posed(model: FaceModel, fit: Fit) -> HeadPose:
    assert model.shape3d is not None
    return head_pose(model.shape3d, model.pose_correction, fit.points, fit.predicted_error)


def measured(
    ways: dict[str, Way],
    faces: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]],
    size: Callable[[np.ndarray], float],
) -> dict[str, np.ndarray]:
    """Return errors before and after the correction, (F, 2), and milliseconds, by way."""
    detector = Detector()
    errors = {name: np.full((len(faces), 2), np.inf) for name in ways}
    spent = dict.fromkeys(ways, 0.0)
    for number, (picture, truth, seen) in enumerate(faces):
        gray = as_gray(picture)
        box = _nearest(detector.detect(picture), np.nanmean(truth, axis=0))
        if box is None:
            continue
        look = describe(gray, frame_of_box(box))
        for name, way in ways.items():
            start = time.process_time()
            before, fit = way.first(gray, look)
            spent[name] += time.process_time() - start
            away = [np.linalg.norm(at - truth, axis=1)[seen] for at in (before, fit.points)]
            errors[name][number] = [np.nanmean(one) / size(truth) for one in away]
    for name, seconds in spent.items():
        errors[f"{name} ms"] = np.array(1000 * seconds / len(faces))
    return errors


def _nearest(boxes: Sequence[FaceBox], place: np.ndarray) -> FaceBox | None:
    away = [float(np.hypot(*(np.array(box.centre) - place))) for box in boxes]
    return boxes[int(np.argmin(away))] if boxes else None


def show(report: Report, title: str, errors: dict[str, np.ndarray], kept: np.ndarray) -> None:
    rows = []
    for name, both in errors.items():
        if not name.endswith(" ms"):
            before, after = both[kept].T
            found = before[np.isfinite(before)]
            rows.append(
                {
                    "way": name,
                    "search only": round(float(found.mean()), 5),
                    **error_row(after),
                    "ms": round(float(errors[f"{name} ms"]), 1),
                }
            )
    report.table(title, rows)


# Clips


def turned(
    ways: dict[str, Way], model: FaceModel, clips: Sequence[Sequence[Frame]]
) -> list[dict[str, Any]]:
    """Return a row a way to follow people who turn."""
    rows = []
    for name, way in ways.items():
        start = time.process_time()
        found = [followed(way, model, clip) for clip in clips]
        rows.append(_clip_row(name, found, clips, model, time.process_time() - start))
    start = time.process_time()
    found = [
        [frame.points for frame in Tracker(model, "cpu").track([f.picture for f in clip])]
        for clip in clips
    ]
    return [*rows, _clip_row("faceloop track", found, clips, model, time.process_time() - start)]


def followed(way: Way, model: FaceModel, clip: Sequence[Frame]) -> list[np.ndarray]:
    """Fit each frame from the last, the first one from its true points."""
    fit = Fitter(model, "cpu").fit(clip[0].picture, clip[0].points)
    points = []
    for frame in clip:
        fit = way.next(as_gray(frame.picture), fit)
        points.append(fit.points)
    return points


def _clip_row(
    name: str,
    found: Sequence[Sequence[np.ndarray | None]],
    clips: Sequence[Sequence[Frame]],
    model: FaceModel,
    seconds: float,
) -> dict[str, Any]:
    errors, jumps = [], []
    for points, clip in zip(found, clips, strict=True):
        errors += [_error(at, frame, model.scheme) for at, frame in zip(points, clip, strict=True)]
        jumps.append(_greatest_jump(points, clip, model.scheme))
    error, frames = np.array(errors), sum(map(len, clips))
    return {
        "way": name,
        "frames": frames,
        "mean error": round(float(error[np.isfinite(error)].mean()), 4),
        "lost": int((error > _LOST).sum()),
        "clips with lost frames": sum(
            any(_error(at, f, model.scheme) > _LOST for at, f in zip(points, clip, strict=True))
            for points, clip in zip(found, clips, strict=True)
        ),
        "median jump": round(float(np.median(jumps)), 3),
        "most": round(float(np.max(jumps)), 3),
        "ms": round(1000 * seconds / frames, 1),
    }


def _error(points: np.ndarray | None, frame: Frame, scheme: Scheme) -> float:
    if points is None:
        return np.inf
    away = np.linalg.norm(points - frame.points, axis=1)[frame.seen]
    return float(away.mean() / scheme.frontal_iod(frame.points))


def _greatest_jump(
    points: Sequence[np.ndarray | None], clip: Sequence[Frame], scheme: Scheme
) -> float:
    jumps = [0.0]
    for (one, other), (before, after) in zip(pairwise(points), pairwise(clip), strict=True):
        if one is not None and other is not None:
            away = np.linalg.norm(other - one - (after.points - before.points), axis=1)
            jumps.append(float(away[after.seen].mean() / scheme.frontal_iod(after.points)))
    return max(jumps)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("folder", type=Path, help="rendered faces: annotations.csv and pictures")
    parser.add_argument("--faces", type=int, default=600, help="rendered faces in all")
    parser.add_argument("--clips", type=int, default=8, help="people who turn")
    parser.add_argument("--real", type=int, default=0, help="faces of MUCT and of HELEN")
    parser.add_argument("--starter", type=Path, help="model of face70 for these")
    parser.add_argument("--muct", type=Path, help="folder to keep the imported MUCT in")
    args = parser.parse_args()
    report = Report(args.json)
    if args.real:
        real(report, FaceModel.load(args.starter), args.real, args.muct)
        return
    table, scheme = RenderedTable.read(args.folder), Scheme.load("face70")
    training, test = split(table, args.faces, args.seed)
    read, _ = load_faces(scheme, faces_of(table, training), _CONFIG.scales[-1])
    model = train_faces(scheme, read, _CONFIG)
    yaw = table.turns[training, 0].astype(np.float64)
    both = np.concatenate([yaw, -yaw])
    seen = np.concatenate([table.seen[training], table.seen[training][:, list(scheme.mirror)]])
    sight = Sight.of(both, seen > 0)
    ways = {
        "plane": Way([model], model),
        "plane, all points": Way([model], model, sight="all"),
        "plane, own sight": Way([model], model, sight=sight),
        "space": Way([model], model, space=True),
        "space, own sight": Way([model], model, space=True, sight=sight),
        "views": Way(views(read, yaw, scheme), model),
    }
    shown = [
        (read_image(table.files[k], "rgb"), table.points[k].astype(np.float64), table.seen[k] > 0)
        for k in test
    ]
    errors = measured(ways, shown, scheme.frontal_iod)
    parts = (np.abs(table.turns[test, 0]) // _STEP).astype(int)
    for part in sorted(set(parts)):
        title = f"rendered, yaw {part * _STEP} to {(part + 1) * _STEP}"
        show(report, title, errors, parts == part)
    show(report, "rendered, all", errors, parts >= 0)
    ways["plane, predicted sight"] = Way([model], model, sight="predicted")
    ways.pop("plane, all points")  # in clips, the same as plane
    clips = [turning_clip(table, rows) for rows in turning_people(table)[: args.clips]]
    report.table("clips from profile to profile and back", turned(ways, model, clips))


def real(report: Report, model: FaceModel, count: int, folder: Path | None) -> None:
    """Errors of a model on real faces, of the points that both have."""
    from first_fit import _SHARED

    ways = {"plane": Way([model], model), "space": Way([model], model, space=True)}
    with muct(folder) as project:
        faces = sorted(project.faces(), key=lambda face: face.name)
        shown = [
            (face.read_rgb(), face.annotation.points, np.asarray(face.annotation.trains_patches))
            for face in faces[:: max(1, len(faces) // count)]
        ]
    errors = measured(ways, shown, model.scheme.frontal_iod)
    show(report, "MUCT", errors, np.ones(len(shown), bool))
    ibug = Scheme.load("ibug68")
    with imported("ibug", [data_dir() / "helen_train"], "ibug68", None) as project:
        faces = sorted(project.faces(), key=lambda face: face.name)
        shown = []
        for face in faces[:: max(1, len(faces) // count)]:
            truth, shared = np.full((70, 2), np.nan), np.zeros(70, bool)
            truth[_SHARED[:, 0]] = face.annotation.points[_SHARED[:, 1]]
            shared[_SHARED[:, 0]] = True
            shown.append((face.read_rgb(), truth, shared))
    corners = [ibug.iod[0], ibug.iod[1]]
    assert corners == [36, 45]
    eyes = [23, 28]
    errors = measured(ways, shown, lambda truth: float(np.linalg.norm(np.subtract(*truth[eyes]))))
    show(report, "HELEN, eleven points", errors, np.ones(len(shown), bool))


if __name__ == "__main__":
    main()
