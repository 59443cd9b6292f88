"""OpenGL and the CPU compute the same responses."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from itertools import combinations

import numpy as np
import pytest

from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import FaceModel
from faceloop_runtime.imaging.channels import CHANNELS, CropChannels, channel_count, channel_stack
from faceloop_runtime.responses import CpuResponses, GlResponses
from faceloop_runtime.responses.experts import SEARCH, PatchExperts, crop_size
from faceloop_runtime.responses.gl import EglContext, GLError
from faceloop_runtime.responses.gl.device import Device
from faceloop_runtime.responses.gl.egl import library

try:
    library()
except GLError as error:
    pytest.skip(f"no EGL on this machine: {error}", allow_module_level=True)

FLOATS, BYTES = 1e-5, 1e-4
"""How far OpenGL may be off, relative to the largest response: by way of the target."""
WAYS = [
    pytest.param(False, False, FLOATS, id="floats"),
    pytest.param(True, False, BYTES, id="bytes"),
    pytest.param(False, True, FLOATS, id="es-floats"),
    pytest.param(True, True, BYTES, id="es-bytes"),
]


@pytest.fixture(scope="module")
def starter() -> FaceModel:
    return FaceModel.starter()


def random_experts(landmarks: int, channels: int, patch: int) -> PatchExperts:
    rng = np.random.default_rng(landmarks)
    weights = rng.normal(size=(landmarks, channels, patch, patch)).astype(np.float32)
    bias, ones = rng.normal(size=landmarks).astype(np.float32), np.ones(landmarks, np.float32)
    return PatchExperts(24.0, weights, bias, ones, ones)


def random_centres(rng: np.random.Generator, count: int, patch: int, size: int) -> np.ndarray:
    """Places all over a crop, two of them as far in the corners as they may be."""
    border = (SEARCH + patch - 1) // 2
    centres = rng.integers(border, size - border, (count, 2))
    centres[0], centres[-1] = border, size - border - 1
    return centres


def error(maps: np.ndarray, truth: np.ndarray) -> float:
    assert maps.shape == truth.shape
    assert maps.dtype == np.float32
    return float((np.abs(maps - truth).max(axis=(1, 2)) / np.abs(truth).max()).max())


@pytest.mark.parametrize(("packed", "es", "tolerance"), WAYS)
def test_all_scales_of_the_starter_model(
    starter: FaceModel, packed: bool, es: bool, tolerance: float
) -> None:
    cpu = CpuResponses(starter.experts)
    gl = GlResponses(starter.experts, partial(EglContext, es=es), packed)
    gl.open()
    rng = np.random.default_rng(0)
    picture = read_image(next(iter(sample_faces())).image.path).astype(np.float32)
    for _ in range(2):  # the second time from textures of the right size
        for level, experts in enumerate(starter.experts):
            size = crop_size(starter.extent, experts.scale, experts.patch)
            channels = channel_stack(picture[40 : 40 + size, 60 : 60 + size], starter.channels)
            centres = random_centres(rng, len(experts.weights), experts.patch, size)
            truth = cpu.responses(level, channels, centres)
            assert error(gl.responses(level, channels, centres), truth) <= tolerance
    assert gl.working


@pytest.mark.parametrize("packed", [False, True])
def test_any_number_of_channels_landmarks_and_pixels(packed: bool) -> None:
    cases = [(1, 1, 3, 15), (3, 4, 5, 64), (58, 9, 7, 41), (130, 15, 11, 150), (2, 14, 1, 12)]
    banks = [random_experts(*case[:3]) for case in cases]
    cpu, gl = CpuResponses(banks), GlResponses(banks, packed=packed)
    gl.open()
    rng = np.random.default_rng(0)
    for level, (landmarks, maps, patch, size) in enumerate(cases):
        for width in (size, size + 3, size):
            channels = rng.normal(size=(maps, size, width)).astype(np.float32)
            centres = random_centres(rng, landmarks, patch, size)
            truth = cpu.responses(level, channels, centres)
            drawn = gl.responses(level, channels, centres)
            assert error(drawn, truth) <= (BYTES if packed else FLOATS)
    assert gl.working


@pytest.mark.parametrize(
    "families", [*combinations(CHANNELS, 1), ("gradient", "lbp"), tuple(CHANNELS)]
)
@pytest.mark.parametrize(("packed", "es", "tolerance"), WAYS)
def test_channels_come_from_the_gray_crop(
    families: tuple[str, ...], packed: bool, es: bool, tolerance: float
) -> None:
    bank = random_experts(9, channel_count(families), 7)
    gl = GlResponses([bank], partial(EglContext, es=es), packed)
    gl.open()
    rng = np.random.default_rng(0)
    picture = read_image(next(iter(sample_faces())).image.path).astype(np.float32)
    noise = rng.uniform(0, 255, (60, 90)).astype(np.float32)
    flat = np.full((60, 90), 128, np.float32)
    for crop in (picture[40:120, 60:140], noise, noise.T.copy(), flat, picture[:17, :17]):
        height, width = crop.shape
        centres = np.stack([rng.integers(8, n - 8, 9) for n in (width, height)], axis=1)
        channels = CropChannels(np.ascontiguousarray(crop), families)
        drawn = gl.responses(0, channels, centres)
        assert ("maps" in vars(channels)) == packed  # computed by the processor
        truth = CpuResponses([bank], np.float64).responses(0, channels, centres)
        assert error(drawn, truth) <= tolerance
    assert gl.working


def test_tiles_in_several_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    # What a driver with small textures makes of it.
    ask = Device.ask
    monkeypatch.setattr(Device, "ask", lambda: replace(ask(), limit=300))
    bank = random_experts(70, 7, 11)
    gl = GlResponses([bank])
    channels = np.random.default_rng(0).normal(size=(7, 80, 80)).astype(np.float32)
    centres = random_centres(np.random.default_rng(1), 70, 11, 80)
    gl.open()
    truth = CpuResponses([bank]).responses(0, channels, centres)
    assert error(gl.responses(0, channels, centres), truth) <= FLOATS
    assert gl.working


def test_too_many_landmarks_for_a_driver_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Device.ask
    monkeypatch.setattr(Device, "ask", lambda: replace(ask(), limit=64))
    with pytest.raises(GLError, match="64 a side"):
        GlResponses([random_experts(70, 7, 11)]).open()


def test_flat_pictures_and_empty_filters(starter: FaceModel) -> None:
    bank = random_experts(3, 2, 5)
    bank.weights[1] = 0.0
    channels = np.zeros((2, 40, 40), np.float32)
    centres = np.full((3, 2), 20)
    for packed in (False, True):
        gl = GlResponses([bank], packed=packed)
        gl.open()
        for filling in (0.0, 1.0):
            channels[:] = filling
            truth = CpuResponses([bank]).responses(0, channels, centres)
            assert error(gl.responses(0, channels, centres), truth) <= BYTES
        assert gl.working


@pytest.mark.parametrize(
    ("channels", "centres", "said"),
    [
        (np.zeros((3, 40, 40), np.float32), np.full((3, 2), 20), "channels"),
        (np.zeros((2, 40, 40)), np.full((3, 2), 20), "float64"),
        (np.zeros((2, 40, 40), np.float32), np.full((2, 2), 20), "centres"),
        (np.zeros((2, 40, 40), np.float32), np.full((3, 2), 33), "7 pixels"),
        (np.zeros((2, 40, 30), np.float32), np.full((3, 2), 6), "30 x 40"),
        (CropChannels(np.zeros((40, 40), np.float32), ["lbp"]), np.full((3, 2), 20), "(4, 40, 40)"),
        (CropChannels(np.zeros((40, 40)), ["raw"]), np.full((3, 2), 20), "float64"),
    ],
)
def test_what_does_not_fit_is_refused(
    channels: np.ndarray | CropChannels, centres: np.ndarray, said: str
) -> None:
    gl = GlResponses([random_experts(3, 2, 5)])
    with pytest.raises(ValueError, match=re.escape(said)):
        gl.responses(0, channels, centres)
