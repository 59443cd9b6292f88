"""The search in space and experts by view, beside the search in the plane that the product has.

    python tests/benchmarks/three_dimensions.py FOLDER
    python tests/benchmarks/three_dimensions.py FOLDER --faces 600 --real 100 --starter FILE

FOLDER holds rendered faces of face70 with heads turned to the profile. Of --faces of them, turned
by up to 75 degrees, those of half of the people train and the others are fitted, all from where the
start network puts them in the product's own detection. Errors: of points that can be seen, over
the size of the face if it looked ahead, before and after the learned correction.

plane: what `faceloop fit` does. space: regularised landmark mean-shift (Saragih, Lucey & Cohn, IJCV
2011) whose parameters are scale, rotation, shift and shape in space; the rotation is a product of
small ones. space, own sight: points that the turned shape hides (their chance by the yaw, learned)
have no say, instead of those that the start network takes for hidden. views: a model for heads that
look ahead and one for each side, in the plane, chosen by the yaw that the start network sees.

--real: so many faces of MUCT and of HELEN, by the model of --starter, of faces turned little.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from common import Report, add_common, data_dir, error_row, imported, muct

from faceloop_datasets import Annotation, Face, PointState, Scheme
from faceloop_datasets.media.images import read_image
from faceloop_runtime import FaceBox, FaceModel
from faceloop_runtime.detect.detector import Detector
from faceloop_runtime.fit.meanshift import (
    Evidence,
    ShapeState,
    landmark_weights,
    mean_shift,
)
from faceloop_runtime.fit.schedule import passes_from
from faceloop_runtime.fit.steps import (
    NOISE,
    CropSearch,
    SearchResult,
    SearchStart,
    correct,
    search,
)
from faceloop_runtime.geometry import Similarity, as_complex, as_points
from faceloop_runtime.imaging.channels import CropChannels, channel_stack
from faceloop_runtime.imaging.crop import FaceImage
from faceloop_runtime.imaging.pictures import as_gray
from faceloop_runtime.pdm3d import ShapeModel3D, SpacePoses, poses_of, rotations, turns_of
from faceloop_runtime.pdm3d.pose import POSE, tangent
from faceloop_runtime.quality.validator import VALIDATOR_SCALE, whole_face_features
from faceloop_runtime.responses import make_backend
from faceloop_runtime.responses.experts import SEARCH
from faceloop_runtime.start_network import describe, frame_of_box
from faceloop_trainer import TrainingConfig
from faceloop_trainer.data.faces import load_faces
from faceloop_trainer.start_network.rendered import RenderedTable
from faceloop_trainer.train import train_faces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from faceloop_runtime.fit.schedule import Pass
    from faceloop_runtime.responses import ResponseBackend
    from faceloop_runtime.start_network import FaceDescription
    from faceloop_trainer.data.faces import TrainingFace

_MOST_YAW, _STEP = 75.0, 15
_AHEAD, _ASIDE = 35.0, 20.0
"""Faces that the model of heads that look ahead is trained on, and those of the sides, by yaw."""
_CHOICE = 28.0
"""From this yaw on, a model of a side fits."""
_TRUST = 0.5
"""Spread that is believed of shape parameters where a search starts, in standard deviations."""
_LIMIT = 3.0
_CONFIG = TrainingConfig(holdout=0.0, prior="none")


@dataclass(frozen=True, eq=False)
class Sight:
    """How likely each point is seen, by the yaw of the head: a logistic curve a point.

    Parameters
    ----------
    weights : ndarray, shape (N, 2)
        Of 1 and of the yaw in units of 30 degrees.
    """

    weights: np.ndarray

    @classmethod
    def of(cls, yaw: np.ndarray, seen: np.ndarray) -> Sight:
        """Learn it from faces: ``yaw`` (F,) in degrees, ``seen`` (F, N)."""
        from sklearn.linear_model import LogisticRegression

        rows, weights = yaw[:, None] / 30.0, np.zeros((seen.shape[1], 2))
        for k, column in enumerate(seen.T):
            if 0 < column.sum() < len(column):
                made = LogisticRegression().fit(rows, column)
                weights[k] = made.intercept_[0], made.coef_[0, 0]
            else:
                weights[k, 0] = 5.0 if column.all() else -5.0
        return cls(weights)

    def __call__(self, yaw: float) -> np.ndarray:
        return np.asarray(1.0 / (1.0 + np.exp(-self.weights @ [1.0, yaw / 30.0])))


class SpaceSearch:
    """A search whose parameters are pose and shape in space."""

    def __init__(self, model: FaceModel, backend: ResponseBackend, sight: Sight | None) -> None:
        assert model.shape3d is not None
        self.model, self.shape = model, model.shape3d
        self._backend, self._sight = backend, sight

    def __call__(
        self, gray: np.ndarray, start: SearchStart, passes: Sequence[Pass]
    ) -> SearchResult:
        """Move pose and shape in space by mean-shift; return where that is in the plane."""
        model, shape, pdm = self.model, self.shape, self.model.pdm
        face = FaceImage(gray, start.pose, model.extent, model.experts[-1].scale)
        first = start.pose.apply(pdm.shape(start.b))
        poses, _ = poses_of(shape, first[None], 0.03**2)
        expected = poses.z[0]
        for one in passes:
            at, b = pdm.parameters(poses.project(shape.shape(poses.z))[0])
            look = self._look(face, one, at, b, self._seen(start, poses))
            inside = _moved(poses, at.inverse())
            for variance in one.variances:
                inside = _step(shape, look.evidence, inside, expected, variance)
            poses = _moved(inside, at)
        points = poses.project(shape.shape(poses.z))[0]
        # As in the plane: a search that goes much further than starts are wrong was led astray.
        away = float(np.linalg.norm(points - first, axis=1).mean()) / start.pose.scale
        share = min(1.0, start.reach / max(away, 1e-9))
        pose, b = pdm.parameters(first + share * (points - first))
        within = at.inverse().after(pose)
        state = ShapeState(complex(within.a, within.b), complex(within.tx, within.ty), b)
        coarse = face.crop(pose, VALIDATOR_SCALE, model.crop_size(VALIDATOR_SCALE, 1))
        whole = whole_face_features(channel_stack(coarse, model.channels))
        updates = sum(len(one.variances) for one in passes)
        return SearchResult(replace(look, state=state), pose, b, whole, updates)

    def _seen(self, start: SearchStart, poses: SpacePoses) -> np.ndarray | None:
        if self._sight is None:
            return start.visibility
        return self._sight(float(turns_of(poses.rotation)[0, 0]))

    def _look(
        self, face: FaceImage, one: Pass, at: Similarity, b: np.ndarray, seen: np.ndarray | None
    ) -> CropSearch:
        """Look at a crop, as the product does."""
        model, experts = self.model, self.model.experts[one.level]
        size = model.crop_size(experts.scale, experts.patch)
        crop = CropChannels(face.crop(at, experts.scale, size), model.channels)
        middle, border = (size - 1) / 2, (SEARCH + experts.patch) // 2
        wanted = np.rint(model.pdm.shape(b) * experts.scale + middle).astype(np.intp)
        centres = np.clip(wanted, border, size - 1 - border)
        responses = self._backend.responses(one.level, crop, centres)
        maps = experts.probabilities(responses)
        trust = experts.reliability * (1.0 if seen is None else seen.astype(np.float32))
        places = as_complex((centres - middle) / experts.scale)
        evidence = Evidence(maps, places, experts.scale, landmark_weights(maps, trust))
        return CropSearch(at, crop, responses, evidence, ShapeState(1 + 0j, 0j, b), 0.0)


def _moved(poses: SpacePoses, by: Similarity) -> SpacePoses:
    """Return the same pose in another frame of the plane."""
    turn = rotations(np.array([0.0, 0.0, np.rad2deg(by.angle)]))
    return SpacePoses(poses.scale * by.scale, turn @ poses.rotation, by.apply(poses.shift), poses.z)


def _step(
    shape: ShapeModel3D,
    evidence: Evidence,
    poses: SpacePoses,
    expected: np.ndarray,
    variance: float,
) -> SpacePoses:
    """Update pose and shape by the regularised least squares of Saragih et al., eq. 16."""
    at = shape.shape(poses.z)
    offset = (as_complex(poses.project(at)[0]) - evidence.centres) * evidence.scale
    shift = as_points(mean_shift(evidence.maps, offset, variance) / evidence.scale)
    rows = tangent(at, shape.loadings, poses)[0]
    weighted = rows * np.tile(evidence.weights, 2)
    normal, right = weighted @ rows.T, weighted @ shift.T.reshape(-1)
    penalty = NOISE / evidence.scale**2 / _TRUST**2
    right[POSE:] -= penalty * (poses.z[0] - expected)
    normal[np.diag_indices(len(normal))] += 1e-9
    normal[np.arange(POSE, len(normal)), np.arange(POSE, len(normal))] += penalty
    moved = poses.moved(np.linalg.solve(normal, right)[None])
    return replace(moved, z=np.clip(moved.z, -_LIMIT, _LIMIT))


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
    """Return rows to train on and rows of other people."""
    rng = np.random.default_rng(seed)
    turned = np.flatnonzero(np.abs(table.turns[:, 0]) <= _MOST_YAW)
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
    """A way to fit: by one model or by view, in the plane or in space."""

    def __init__(
        self, models: Sequence[FaceModel], *, space: bool = False, sight: Sight | None = None
    ) -> None:
        self._models, self._space, self._sight = models, space, sight
        self._backends = [make_backend("cpu", model.experts) for model in models]

    def __call__(self, gray: np.ndarray, seen: FaceDescription) -> tuple[np.ndarray, np.ndarray]:
        """Return points before and after the correction."""
        which = 0
        if len(self._models) > 1 and abs(seen.yaw) > _CHOICE:
            which = 1 if seen.yaw > 0 else 2
        model, backend = self._models[which], self._backends[which]
        assert model.start_map is not None
        found = model.start_map(seen)
        start, passes = SearchStart.of(found), passes_from(found.error)
        if self._space:
            end = SpaceSearch(model, backend, self._sight)(gray, start, passes)
        else:
            end = search(model, backend, gray, start, passes)
        after = correct(model.pdm, model.regressor, end)
        shape = model.pdm.shape
        return end.pose.apply(shape(end.b)), after.pose.apply(shape(after.b))


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
            both = way(gray, look)
            spent[name] += time.process_time() - start
            away = [np.linalg.norm(points - truth, axis=1)[seen] for points in both]
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("folder", type=Path, help="rendered faces: annotations.csv and pictures")
    parser.add_argument("--faces", type=int, default=600, help="rendered faces in all")
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
    ways = {
        "plane": Way([model]),
        "space": Way([model], space=True),
        "space, own sight": Way([model], space=True, sight=Sight.of(both, seen > 0)),
        "views": Way(views(read, yaw, scheme)),
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


def real(report: Report, model: FaceModel, count: int, folder: Path | None) -> None:
    """Errors of a model on real faces, of the points that both have."""
    from first_fit import _SHARED

    ways = {"plane": Way([model]), "space": Way([model], space=True)}
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
