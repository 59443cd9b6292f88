"""Forests and structured SVMs of tests/benchmarks find a mark that they were shown elsewhere."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.optimize import minimize

from faceloop_runtime.imaging.channels import CropChannels
from faceloop_runtime.responses.cpu import CpuResponses
from faceloop_runtime.responses.experts import SEARCH
from faceloop_trainer.experts.sampling import Sample

SIZE = 41
HALF = SEARCH // 2


def benchmark(name: str) -> ModuleType:
    """Load a program of tests/benchmarks, which is no package."""
    file = Path(__file__).parents[2] / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


forests, structured = benchmark("forest_experts"), benchmark("structured_svm")


def marks(count: int, seed: int) -> list[Sample]:
    """Noisy crops with a bright corner somewhere in the window of each of two landmarks."""
    rng, samples = np.random.default_rng(seed), []
    for _ in range(count):
        crop = rng.normal(100.0, 6.0, (SIZE, SIZE)).astype(np.float32)
        offset = rng.integers(-4, 5, 2)
        x, y = SIZE // 2 + offset
        crop[y : y + 7, x : x + 7] += 80.0
        centres = np.full((2, 2), SIZE // 2)
        offsets = np.array([offset, offset], float)
        channels = CropChannels(crop, ("gradient", "lbp"))
        samples.append(Sample(channels, centres, offsets, np.array([True, True])))
    return samples


def peaks_off(responses: np.ndarray, sample: Sample) -> np.ndarray:
    """Return how far the peak of each map is from the truth, in pixels."""
    peak = responses.reshape(len(responses), -1).argmax(axis=1)
    found = np.stack([peak % SEARCH, peak // SEARCH], axis=1) - HALF
    return np.asarray(np.linalg.norm(found - sample.offsets, axis=1))


def test_cutting_planes_end_at_the_least_of_the_objective() -> None:
    rng = np.random.default_rng(0)
    slopes, heights = rng.normal(size=(2, 12, 3)), rng.uniform(0.5, 1.5, (2, 12))
    planes = structured.CuttingPlanes(2, 3, 0.5)
    for _ in range(40):
        values = np.einsum("nkd,nd->nk", slopes, planes.weights) + heights
        most = values.argmax(axis=1)
        risk = np.maximum(values.max(axis=1), 0.0)
        planes.add(slopes[np.arange(2), most] * (risk > 0)[:, None], risk)
        assert (planes.bound <= planes.least + 1e-9).all()
    for n in range(2):

        def slack(z: np.ndarray, n: int = n) -> np.ndarray:
            return np.append(z[3] - slopes[n] @ z[:3] - heights[n], z[3])

        right = minimize(
            lambda z: 0.25 * (z[:3] ** 2).sum() + z[3],
            np.array([0.0, 0.0, 0.0, 9.0]),
            constraints={"type": "ineq", "fun": slack},
        )
        assert planes.least[n] == pytest.approx(right.fun, abs=2e-3)
        assert planes.bound[n] == pytest.approx(right.fun, abs=2e-3)


def test_a_structured_svm_puts_the_true_place_ahead_of_every_other() -> None:
    experts = structured.train_structured(54.0, marks(20, 0))
    backend = CpuResponses([experts])
    for sample in marks(10, 1):
        assert peaks_off(backend.responses(0, sample.channels, sample.centres), sample).max() == 0


@pytest.mark.parametrize(("kind", "within"), [("classifier", 1.5), ("voting", 1.0)])
def test_forests_peak_at_the_true_place(kind: str, within: float) -> None:
    experts = forests.train_forests(kind, 54.0, marks(40, 0), 0)
    backend = forests.ForestResponses([experts])
    off = [
        peaks_off(backend.responses(0, sample.channels, sample.centres), sample).max()
        for sample in marks(10, 1)
    ]
    assert max(off) <= within


def test_votes_add_up_where_they_agree() -> None:
    votes = np.array([[[2.0, 2.0, -4.0], [-3.0, -3.0, 4.0]]], np.float32)
    (found,) = forests.vote_maps(votes)
    assert np.unravel_index(found.argmax(), found.shape) == (HALF - 3, HALF + 2)
    assert found[HALF - 3, HALF + 2] == pytest.approx(2 / 3, abs=1e-3)
    assert found[HALF + 4, HALF - 4] == pytest.approx(1 / 3, abs=1e-3)
