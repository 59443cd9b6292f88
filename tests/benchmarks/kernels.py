"""What the compiled kernels are worth: beside NumPy and dlib's predictor, and beside arithmetic.

    python tests/benchmarks/kernels.py
    python tests/benchmarks/kernels.py --repeat 9 --json kernels.json

Frames of franck.webm (360 x 288), decoded beforehand, one core, processor time. Every round takes
all that is compared, one after the other; the table shows medians over the rounds, and of ratios
within a round: a machine's speed changes from one minute to the next. dlib: the predictor of 68
points that face_recognition_models brings, in the face's box.

The limit of the responses: 70 landmarks x 121 places x the weights of a landmark's filters on the
planes, over the multiplications and additions that the processor was seen to make in registers
(``--gmacs``, thousand millions a second; x86-64-v4 at 4 GHz: 127, two vectors of 16 a cycle).
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dlib
import face_recognition_models
import numpy as np
from common import Report, add_common, one_core
from speed import frames, jittered, poses

from faceloop_runtime import FaceModel, Fitter, Tracker, kernels
from faceloop_runtime.fit.meanshift import (
    Evidence,
    ShapePrior,
    ShapeState,
    landmark_weights,
    regularised_mean_shift,
)
from faceloop_runtime.fit.schedule import FROM_CLOSE, FROM_START
from faceloop_runtime.fit.steps import NOISE
from faceloop_runtime.geometry import as_complex
from faceloop_runtime.imaging.channels import CropChannels
from faceloop_runtime.imaging.crop import FaceImage
from faceloop_runtime.kernels import library
from faceloop_runtime.responses.cpu import CpuResponses, on_planes
from faceloop_runtime.responses.experts import SEARCH

if TYPE_CHECKING:
    from collections.abc import Callable

_FRAMES = 60
_CALLS = 30


def milliseconds(call: Callable[[], object]) -> float:
    """Processor time of one call."""
    start = time.process_time()
    call()
    return 1000 * (time.process_time() - start)


def in_rounds(calls: dict[str, Callable[[], object]], repeat: int) -> dict[str, np.ndarray]:
    """Milliseconds of each call in each round; those by NumPy follow those by the kernels."""
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(repeat):
        for name, call in calls.items():
            for how in ("compiled", "NumPy"):
                library.switched_off = how == "NumPy"
                call()  # for the caches, of the processor's too
                found[f"{name}, {how}"].append(milliseconds(call))
    library.switched_off = False
    return {name: np.array(values) for name, values in found.items()}


def whole(model: FaceModel, repeat: int, seed: int) -> list[dict[str, Any]]:
    """Fits and tracked frames beside dlib's predictor."""
    fitter, images = Fitter(model, "cpu"), frames(_FRAMES)
    faces = poses(fitter, images)
    rough = jittered(fitter, faces, seed)
    folder = Path(face_recognition_models.__file__).parent / "models"
    predictor = dlib.shape_predictor(str(folder / "shape_predictor_68_face_landmarks.dat"))
    boxes = []
    for _, pose in faces:
        points = pose.apply(model.pdm.mean)
        corners = np.concatenate([points.min(axis=0), points.max(axis=0)])
        boxes.append(dlib.rectangle(*np.rint(corners).astype(int).tolist()))
    calls: dict[str, Callable[[], object]] = {
        "dlib's predictor": lambda: [
            predictor(image, box).parts() for (image, _), box in zip(faces, boxes, strict=True)
        ],
        "fit from a rough start": lambda: [
            fitter.fit_pose(image, pose, passes=FROM_START) for image, pose in rough
        ],
        "fit from the last frame": lambda: [
            fitter.fit_pose(image, pose, passes=FROM_CLOSE) for image, pose in faces
        ],
        "tracked frame": lambda: [session.step(image) for image in images],
    }
    session = Tracker(model, backend="cpu").follow()
    found = in_rounds(calls, repeat)
    dlibs = found["dlib's predictor, compiled"]
    return [
        {
            "what": name,
            "ms": round(float(np.median(took)) / len(images), 3),
            "over dlib's predictor": round(float(np.median(took / dlibs)), 2),
        }
        for name, took in found.items()
    ]


def parts(model: FaceModel, repeat: int, gmacs: float) -> list[dict[str, Any]]:
    """Each step of the search on a crop of the finest scale."""
    fitter = Fitter(model, "cpu")
    image, pose = poses(fitter, frames(2))[-1]
    experts, pdm = model.experts[-1], model.pdm
    size, backend = model.crop_size(experts.scale, experts.patch), CpuResponses(model.experts)
    crop = FaceImage(image, pose, model.extent, experts.scale).crop(pose, experts.scale, size)
    channels, level, middle = CropChannels(crop, model.channels), len(model.experts) - 1, size // 2
    border = (SEARCH + experts.patch) // 2
    centres = np.rint(pdm.mean * experts.scale + middle).astype(np.intp)
    centres = centres.clip(border, size - 1 - border)
    responses = backend.responses(level, channels, centres)
    maps = experts.probabilities(responses)
    weights = landmark_weights(maps, experts.reliability)
    seen = Evidence(maps, as_complex((centres - middle) / experts.scale), experts.scale, weights)
    start, prior = ShapeState(1 + 0j, 0j, np.zeros(len(pdm.variances))), ShapePrior.of(pdm)
    updates = FROM_CLOSE[0].variances
    steps: dict[str, Callable[[], object]] = {
        "planes": lambda: CropChannels(crop, model.channels).planes,
        "responses": lambda: backend.responses(level, channels, centres),
        "probabilities": lambda: experts.probabilities(responses),
        "weights": lambda: landmark_weights(maps, experts.reliability),
        "mean-shift": lambda: regularised_mean_shift(
            pdm, seen, start, updates, noise=NOISE, prior=prior
        ),
    }

    def many(call: Callable[[], object]) -> Callable[[], object]:
        def called() -> None:
            for _ in range(_CALLS):
                call()

        return called

    found = in_rounds({name: many(call) for name, call in steps.items()}, repeat)
    used = (on_planes(experts.weights, model.channels) != 0).any(axis=0).sum()
    limit = len(pdm) * SEARCH**2 * float(used) / gmacs / 1e3
    rows = []
    for name in steps:
        fast, slow = found[f"{name}, compiled"] / _CALLS, found[f"{name}, NumPy"] / _CALLS
        row = {
            "step": name,
            "compiled, us": round(1000 * float(np.median(fast)), 1),
            "NumPy, us": round(1000 * float(np.median(slow)), 1),
            "times": round(float(np.median(slow / fast)), 1),
            "limit, us": round(limit, 1) if name == "responses" else "",
        }
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("--model", type=Path, help="a model file; the starter by default")
    parser.add_argument("--repeat", type=int, default=5, help="rounds")
    parser.add_argument("--gmacs", type=float, default=127.0)
    args = parser.parse_args()
    if kernels.compiled() is None:
        raise SystemExit(f"There is nothing to compare: {kernels.describe()}")
    report = Report(args.json)
    model = FaceModel.load(args.model) if args.model else FaceModel.starter()
    one_core()
    title = f"one core, {kernels.describe()}"
    report.table(f"steps of the search, {title}", parts(model, args.repeat, args.gmacs))
    report.table(f"milliseconds, {title}", whole(model, args.repeat, args.seed))


if __name__ == "__main__":
    main()
