"""Our runtime beside the real clmtrackr, on frames of the bundled clip.

    FACELOOP_CLMTRACKR=.../build/clmtrackr.js python tests/benchmarks/clmtrackr_parity.py
    ... --models DIR       # clmtrackr's own model files; by default those of the development data
    ... --ours faces.js    # a model exported before; by default the starter's, which takes a minute
    ... --record           # write the trace that the tests hold us to where no browser is

It needs headless Chromium and the npm package `clmtrackr`, unpacked.

iterations: largest distance of any point after any of 40 iterations on one frame, same start.
clip: frames 0 to 109, before the face is shaken. Error: mean distance of 12 points (eye and mouth
corners, pupils, nostrils, base and tip of the nose) over the frame's distance of the outer eye
corners. clmtrackr starts where we do, and makes so many iterations a frame.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from common import Report, add_common, data_dir

from faceloop_datasets import Conversion, Project, Video
from faceloop_datasets.sample import sample_clip, sample_clip_truth
from faceloop_runtime import FaceModel, Tracker
from faceloop_runtime.clmtrackr import ClmtrackrFitter, ClmtrackrModel, SvmPatches, load, save
from faceloop_runtime.geometry import Similarity
from faceloop_trainer.clmtrackr import to_clmtrackr

_RUNTIME_TESTS = Path(__file__).parents[1] / "integration" / "runtime"
sys.path.insert(0, str(_RUNTIME_TESTS))
import real_clmtrackr  # noqa: E402 - a helper of the tests, which are no package

_FRAMES = 110
_ITERATIONS = 40
_INTERIOR = (23, 25, 28, 30, 44, 50, 37, 62, 27, 32, 42, 43)
_OFF = Similarity.from_polar(1.05, 0.06, 0.04, -0.05)
"""How far the start is from the truth: scale, turn in radians, shift in IOD."""


def clip() -> tuple[list[np.ndarray], np.ndarray]:
    """Gray frames, and their true points in clmtrackr's order."""
    frames = [frame.gray() for frame in islice(Video(sample_clip()), _FRAMES)]
    weights = Conversion.load("face70", "clmtrackr71").weights
    return frames, np.array([weights @ p for p in sample_clip_truth().points[:_FRAMES]])


def start(fitter: ClmtrackrFitter, points: np.ndarray) -> np.ndarray:
    """Return the parameters of the mean shape, a little off its place."""
    state = fitter.start(Similarity.between(fitter.centred_mean(), points).after(_OFF))
    return state.parameters


def deviation(file: Path, frame: np.ndarray, truth: np.ndarray) -> float:
    """Return how far we are from clmtrackr at most, in pixels."""
    fitter = ClmtrackrFitter(load(file))
    begin = start(fitter, truth)
    theirs, _ = real_clmtrackr.run(file, [frame], begin, first=_ITERATIONS)
    ours = islice(fitter.iterations(frame, fitter.state_at(begin)), _ITERATIONS)
    apart = [
        np.linalg.norm(state.points - fitter.model.points(p), axis=1).max()
        for state, p in zip(ours, theirs, strict=True)
    ]
    return float(max(apart))


def tracked(
    model: ClmtrackrModel, frames: list[np.ndarray], begin: np.ndarray, n: int
) -> np.ndarray:
    """Points of each frame by our runtime."""
    fitter = ClmtrackrFitter(model)
    state, found = fitter.state_at(begin), []
    for i, frame in enumerate(frames):
        *_, state = islice(fitter.iterations(frame, state), n if i else _ITERATIONS)
        found.append(state.points - 0.5)
    return np.array(found)


def error(found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Mean errors of 12 and of all points."""
    iod = np.linalg.norm(truth[:, 23] - truth[:, 28], axis=1)[:, None]
    away = np.linalg.norm(found - truth, axis=2) / iod
    return {
        "12 points": round(float(away[:, _INTERIOR].mean()), 4),
        "all 71": round(float(away.mean()), 4),
    }


def exported(folder: Path) -> Path:
    """Make a clmtrackr model of the starter and the bundled sample."""
    with Project.create(folder / "sample", sample=True) as project:
        save(to_clmtrackr(FaceModel.starter(), project.faces()), folder / "ours.js")
    return folder / "ours.js"


def record(file: Path, frame: np.ndarray, truth: np.ndarray) -> None:
    """Write a smaller model, of fewer modes and digits, and what clmtrackr does with it."""
    model = load(file)
    assert isinstance(model.patches, SvmPatches)
    weights = {"raw": np.round(model.patches.weights["raw"], 3)}
    small = replace(
        model,
        modes=np.round(model.modes[:, :12], 5),
        variances=model.variances[:12],
        patches=SvmPatches(weights, model.patches.bias),
    )
    target = _RUNTIME_TESTS / "clmtrackr_model.js"
    save(small, target)
    fitter = ClmtrackrFitter(load(target))
    begin = np.round(start(fitter, truth), 6)
    theirs, points = real_clmtrackr.run(target, [frame], begin, first=_ITERATIONS)
    trace = {
        "start": begin.tolist(),
        "parameters": [[float(f"{v:.10g}") for v in row] for row in theirs],
        "points": np.round(points[-1], 6).tolist(),
    }
    (_RUNTIME_TESTS / "clmtrackr_trace.json").write_text(json.dumps(trace), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_common(parser)
    parser.add_argument("--models", type=Path, help="folder of clmtrackr's own models")
    parser.add_argument("--ours", type=Path, help="a model exported before")
    parser.add_argument("--record", action="store_true", help="write the trace of the tests")
    options = parser.parse_args()
    if lacks := real_clmtrackr.missing():
        raise SystemExit(lacks)
    report = Report(options.json)
    frames, truth = clip()
    with TemporaryDirectory() as scratch:
        ours = options.ours or exported(Path(scratch))
        if options.record:
            record(ours, frames[0], truth[0])
            return
        folder = options.models or data_dir() / "clmtrackr_models"
        files = sorted(f for f in folder.iterdir() if f.suffix in (".js", ".json"))
        rows = [
            {"model": f.stem, "frame": i, "px at most": f"{deviation(f, frames[i], truth[i]):.1e}"}
            for f in (*files, ours)
            for i in (0, 60)
        ]
        report.table(f"after each of {_ITERATIONS} iterations", rows)
        report.table("clip", clip_rows(ours, files, frames, truth))


def clip_rows(
    ours: Path, theirs: list[Path], frames: list[np.ndarray], truth: np.ndarray
) -> list[dict[str, object]]:
    """Errors of the exported model in the browser and here, and of others."""
    begin = start(ClmtrackrFitter(load(ours)), truth[0])
    rows: list[dict[str, object]] = []
    for n in (1, 3, 6):
        for webgl in (False, True):
            how = {"first": _ITERATIONS, "iterations": n, "webgl": webgl}
            _, points = real_clmtrackr.run(ours, frames, begin, **how)
            name = f"exported, clmtrackr{' WebGL' if webgl else ''}, {n} iterations a frame"
            rows.append({"what": name, **error(points - 0.5, truth)})
        found = tracked(load(ours), frames, begin, n)
        name = f"exported, our runtime, {n} iterations a frame"
        rows.append({"what": name, **error(found, truth)})
    weights = Conversion.load("face70", "clmtrackr71").weights
    full = Tracker(FaceModel.starter(), backend="cpu").track(frames)
    found = np.array([weights @ result.points for result in full])
    rows.append({"what": "starter, our full runtime", **error(found, truth)})
    for file in theirs:
        model = load(file)
        found = tracked(model, frames, start(ClmtrackrFitter(model), truth[0]), 3)
        name = f"clmtrackr's {file.stem}, our runtime, 3 iterations a frame"
        rows.append({"what": name, **error(found, truth)})
    return rows


if __name__ == "__main__":
    main()
