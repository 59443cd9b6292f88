"""What a graphics processor gains: OpenGL beside the CPU, on the machine this runs on.

    python tests/benchmarks/gpu.py
    python tests/benchmarks/gpu.py --json gpu.json --model m.safetensors

Needs no data but the bundled sample, and no screen. Where OpenGL is drawn in software it runs too,
and says that its figures are not those of a graphics processor. Medians of wall time, the two
backends in turn; NumPy and OpenCV on one thread. "transfers %" is the share of what goes up and
comes back. The command fails if the two backends do not agree. Aimed at, on a graphics processor:
0.3 ms an evaluation, 1.5 ms a fit.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from common import CONSOLE, Report, add_common
from threadpoolctl import threadpool_limits

from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import FaceModel, Fitter
from faceloop_runtime.imaging.channels import CHANNELS, CropChannels, channel_count
from faceloop_runtime.imaging.crop import FaceImage
from faceloop_runtime.quality import VALIDATOR_SCALE, FaceValidator, whole_face_features
from faceloop_runtime.regressor import GRID, ShapeRegressor
from faceloop_runtime.responses import CpuResponses, GlResponses, describe
from faceloop_runtime.responses.experts import PatchExperts
from faceloop_runtime.responses.gl import renderer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from faceloop_runtime.geometry import Similarity
    from faceloop_runtime.responses import ResponseBackend

_FACES = 20
_RESPONSES, _PIXELS = 1e-5, 0.01
"""How far the backends may be apart: of the largest response, and of a fit."""


def median_ms(ways: dict[str, Callable[[], object]], times: int) -> dict[str, float]:
    """Time each way in turn, after a round that is not counted."""
    spent: dict[str, list[float]] = {what: [] for what in ways}
    for turn in range(times + 1):
        for what, way in ways.items():
            begin = time.perf_counter()
            way()
            if turn:
                spent[what].append(time.perf_counter() - begin)
    return {what: 1000 * float(np.median(seconds)) for what, seconds in spent.items()}


def parts(call: Callable[[], object], times: int) -> dict[str, float]:
    """Milliseconds of a call in transfers and drawing, and the transfers' share of it.

    The pipeline is drained round each transfer: slower, because nothing overlaps.
    """
    from vispy.gloo.gl import gl2

    from faceloop_runtime.responses.gl.textures import Target, Texture

    spent: dict[str, float] = defaultdict(float)
    write, read = Texture.write, Target.read

    def timed(what: str, work: Callable[..., Any], *args: Any) -> Any:
        begin = time.perf_counter()
        result = work(*args)
        gl2.glFinish()
        spent[what] += 1000 * (time.perf_counter() - begin) / times
        return result

    def up(texture: Any, data: Any) -> None:
        timed("drawing", gl2.glFinish)
        timed("up", write, texture, data)

    def back(target: Any) -> Any:
        timed("drawing", gl2.glFinish)
        return timed("back", read, target)

    Texture.write, Target.read = up, back
    begin = time.perf_counter()
    try:
        for _ in range(times):
            call()
    finally:
        Texture.write, Target.read = write, read
    whole = 1000 * (time.perf_counter() - begin) / times
    share = 100 * (spent["up"] + spent["back"]) / whole
    shown = {f"{what} ms": round(spent[what], 3) for what in ("up", "drawing", "back")}
    return {**shown, "transfers %": round(share, 1)}


def all_families(model: FaceModel, seed: int) -> FaceModel:
    """Give the experts the channel families that the model lacks, too weak to change a fit."""
    rng = np.random.default_rng(seed)
    families = (*model.channels, *(f for f in CHANNELS if f not in model.channels))
    count, size = channel_count(families), model.crop_size(VALIDATOR_SCALE, 1)
    whole = len(whole_face_features(np.zeros((count, size, size), np.float32)))
    modes = len(model.pdm.variances)
    none = np.zeros((len(model.pdm) * count * GRID**2 + whole + modes, 4 + modes), np.float32)

    def bank(like: PatchExperts) -> PatchExperts:
        n, known, patch, _ = like.weights.shape
        more = rng.normal(0, 1e-3, (n, count - known, patch, patch)).astype(np.float32)
        return replace(like, weights=np.concatenate([like.weights, more], axis=1))

    return replace(
        model,
        channels=families,
        experts=tuple(map(bank, model.experts)),
        regressor=ShapeRegressor(none, none[0]),
        validator=FaceValidator(np.zeros(whole, np.float32), 0.0),
    )


def faces(model: FaceModel, seed: int) -> list[tuple[np.ndarray, Similarity]]:
    """Pictures of the sample, and poses near their faces."""
    rng, found = np.random.default_rng(seed), []
    for face in list(sample_faces())[: 4 * _FACES : 4]:
        pose, _ = model.pdm.parameters(face.annotation.points)
        dx, dy = rng.normal(0, 0.04 * pose.scale, 2)
        found.append((read_image(face.image.path), replace(pose, tx=pose.tx + dx, ty=pose.ty + dy)))
    return found


def compared(ways: dict[str, Callable[[], object]], times: int) -> dict[str, float]:
    """Both backends beside each other, and what OpenGL spends its time on."""
    ms = median_ms(ways, times)
    figures = {f"{kind} ms": round(ms[kind], 3) for kind in ways}
    return {**figures, "cpu / gl": round(ms["cpu"] / ms["gl"], 2), **parts(ways["gl"], times)}


def respond(
    backend: ResponseBackend, model: FaceModel, level: int, face: tuple[np.ndarray, Similarity]
) -> Callable[[], np.ndarray]:
    """Evaluate the responses of a face at one scale, from the gray crop."""
    experts, (picture, pose) = model.experts[level], face
    size = model.crop_size(experts.scale, experts.patch)
    crop = FaceImage(picture, pose, model.extent, experts.scale).crop(pose, experts.scale, size)
    centres = np.rint(model.pdm.mean * experts.scale + (size - 1) / 2).astype(np.intp)
    # New channels for every call: computing them is part of it, OpenGL draws them.
    return lambda: backend.responses(level, CropChannels(crop, model.channels), centres)


def evaluations(model: FaceModel, seed: int) -> list[dict[str, Any]]:
    """One evaluation of all responses, at every scale."""
    backends = {"gl": GlResponses(model.experts), "cpu": CpuResponses(model.experts)}
    face, rows = faces(model, seed)[0], []
    for level, experts in enumerate(model.experts):
        ways = {kind: respond(b, model, level, face) for kind, b in backends.items()}
        drawn, truth = ways["gl"](), ways["cpu"]()
        apart = float(np.abs(drawn - truth).max() / np.abs(truth).max())
        figures = compared(ways, 30)
        rows.append({"IOD px": experts.scale, **figures, "apart": float(f"{apart:.1e}")})
    require(backends["gl"])
    return rows


def fits(model: FaceModel, seed: int) -> dict[str, Any]:
    """Whole fits, from a start that is a little off."""
    fitters = {"gl": Fitter(model, "gl"), "cpu": Fitter(model, "cpu")}
    some = faces(model, seed)
    ends = {kind: [f.fit_pose(*face).points for face in some] for kind, f in fitters.items()}
    apart = float(np.abs(np.array(ends["gl"]) - np.array(ends["cpu"])).max())
    # All faces in a round: they differ in size.
    rounds = {kind: partial(_all, fitter, some) for kind, fitter in fitters.items()}
    figures = compared(rounds, 5)
    each = {k: v if k in ("cpu / gl", "transfers %") else v / len(some) for k, v in figures.items()}
    require(fitters["gl"].backend)
    return {
        "families": " ".join(model.channels),
        "points": len(model.pdm),
        **{k: round(v, 3) for k, v in each.items()},
        "apart px": float(f"{apart:.1e}"),
    }


def _all(fitter: Fitter, some: Sequence[tuple[np.ndarray, Similarity]]) -> None:
    for picture, pose in some:
        fitter.fit_pose(picture, pose)


def require(backend: ResponseBackend) -> None:
    """Stop if the figures were not OpenGL's."""
    if not (isinstance(backend, GlResponses) and backend.working):
        raise SystemExit("OpenGL failed meanwhile; see the warning above.")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("--model", type=Path, help="a model file; the starter by default")
    args = parser.parse_args()
    report = Report(args.json)
    threadpool_limits(1)
    cv2.setNumThreads(1)
    software = "(software)" in renderer()
    report.table(
        "the machine",
        [{"renderer": renderer(), "graphics processor": "no" if software else "yes"}],
    )
    CONSOLE.print(f"auto picks {describe()}")
    if software:
        CONSOLE.print("This is no graphics processor: the figures below are those of a CPU.")
    model = FaceModel.load(args.model) if args.model else FaceModel.starter()
    models = (model, all_families(model, args.seed))
    apart = []
    for one in models:
        rows = evaluations(one, args.seed)
        apart += [row["apart"] for row in rows]
        title = f"one evaluation of the responses, {len(one.pdm)} points, {' '.join(one.channels)}"
        report.table(title, rows)
    rows = [fits(one, args.seed) for one in models]
    off = [row["apart px"] for row in rows]
    report.table("a whole fit", rows)
    if max(apart) > _RESPONSES or max(off) > _PIXELS:
        raise SystemExit(
            f"The backends do not agree: responses {max(apart)} apart, {_RESPONSES} allowed; "
            f"fits {max(off)} px, {_PIXELS} allowed."
        )
    CONSOLE.print("The backends agree.")


if __name__ == "__main__":
    main()
