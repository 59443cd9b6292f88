"""OpenGL and the CPU fit the same: on all channels, sizes of pictures, and at their edges."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest

from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import FaceModel, Fitter
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.imaging.channels import CropChannels, channel_count, channel_stack
from faceloop_runtime.imaging.crop import FaceImage
from faceloop_runtime.quality import VALIDATOR_SCALE, FaceValidator, whole_face_features
from faceloop_runtime.regressor import GRID, ShapeRegressor
from faceloop_runtime.responses import CpuResponses, GlResponses
from faceloop_runtime.responses.experts import PatchExperts, windows
from faceloop_runtime.responses.gl import EglContext, GLError
from faceloop_runtime.responses.gl.egl import library

try:
    library()
except GLError as error:
    pytest.skip(f"no EGL on this machine: {error}", allow_module_level=True)

Face = tuple[np.ndarray, np.ndarray]
FAMILIES = [("raw",), ("gradient",), ("lbp",), ("raw", "gradient", "lbp")]
PIXELS = 0.01


@pytest.fixture(scope="module")
def sample() -> list[Face]:
    faces = list(sample_faces())[:24:3]
    return [(read_image(face.image.path), face.annotation.points) for face in faces]


def templates(
    model: FaceModel, families: tuple[str, ...], level: int, faces: list[Face]
) -> PatchExperts:
    """Experts that look for the mean appearance of each landmark: crude, but of any channels."""
    like = model.experts[level]
    size = model.crop_size(like.scale, like.patch)
    mean = np.zeros((len(model.pdm), channel_count(families), like.patch, like.patch))
    for picture, points in faces:
        pose, _ = model.pdm.parameters(points)
        crop = FaceImage(picture, pose, model.extent, like.scale).crop(pose, like.scale, size)
        places = pose.inverse().apply(points) * like.scale + (size - 1) / 2
        cut = windows(channel_stack(crop, families), np.rint(places).astype(int), like.patch)
        mean += cut.transpose(1, 0, 2, 3)
    mean -= mean.mean(axis=(2, 3), keepdims=True)
    mean /= np.sqrt((mean**2).sum(axis=(1, 2, 3), keepdims=True))
    ones = np.ones(len(mean), np.float32)
    return PatchExperts(like.scale, mean.astype(np.float32), 0 * ones, 2 * ones, ones)


def template_model(model: FaceModel, families: tuple[str, ...], faces: list[Face]) -> FaceModel:
    """The starter's shapes with other channels, and nothing learned after the mean-shift."""
    count, size = channel_count(families), model.crop_size(VALIDATOR_SCALE, 1)
    whole = len(whole_face_features(np.zeros((count, size, size), np.float32)))
    modes = len(model.pdm.variances)
    features = len(model.pdm) * count * GRID**2 + whole + modes
    none = np.zeros((features, 4 + modes), np.float32)
    return replace(
        model,
        channels=families,
        experts=tuple(templates(model, families, k, faces) for k in range(len(model.experts))),
        regressor=ShapeRegressor(none, none[0]),
        validator=FaceValidator(np.zeros(whole, np.float32), 0.0),
        point_predictor=None,
        expressions=None,
        expression_names=(),
    )


def resized(face: Face, width: int) -> Face:
    picture, points = face
    factor = width / picture.shape[1]
    sized = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return sized, (points + 0.5) * factor - 0.5


def part_of(face: Face, part: str) -> np.ndarray:
    picture, points = face
    x, y = points.mean(axis=0).astype(int)
    return {
        "whole": picture,
        "left half": picture[:, : x + 20],
        "upper half": picture[: y + 20],
        "corner": picture[:y, :x],
    }[part]


def apart(model: FaceModel, faces: list[Face], part: str, gl: GlResponses | None = None) -> float:
    """Largest distance of a coordinate, in pixels of the picture."""
    backend = gl or GlResponses(model.experts)
    backend.open()
    drawn, computed = Fitter(model, backend), Fitter(model, "cpu")
    rng = np.random.default_rng(0)
    worst = 0.0
    for face in faces:
        picture, points = part_of(face, part), face[1]
        iod = model.pdm.parameters(points)[0].scale
        start = points + rng.normal(0, 0.03 * iod, points.shape)
        off = drawn.fit(picture, start).points - computed.fit(picture, start).points
        worst = max(worst, float(np.abs(off).max()))
    assert backend.working
    backend.close()
    return worst


@pytest.mark.parametrize("width", [80, 320, 1280, 3840])
@pytest.mark.parametrize("part", ["whole", "left half", "upper half", "corner"])
def test_sizes_and_edges(starter: FaceModel, sample: list[Face], width: int, part: str) -> None:
    assert apart(starter, [resized(face, width) for face in sample[:4]], part) <= PIXELS


@pytest.mark.parametrize("families", FAMILIES)
@pytest.mark.parametrize("part", ["whole", "left half"])
def test_channels(
    starter: FaceModel, sample: list[Face], families: tuple[str, ...], part: str
) -> None:
    model = template_model(starter, families, sample)
    found = Fitter(model, "cpu").fit(sample[0][0], sample[0][1] + 2.0).points
    assert np.linalg.norm(found - sample[0][1], axis=1).mean() < 4.0  # it does look at the face
    assert apart(model, sample, part) <= PIXELS


@pytest.mark.parametrize("es", [False, True])
def test_packed_into_bytes(starter: FaceModel, sample: list[Face], es: bool) -> None:
    gl = GlResponses(starter.experts, partial(EglContext, es=es), packed=True)
    assert apart(starter, sample, "whole", gl) <= PIXELS


def test_a_small_face_in_a_4k_picture(starter: FaceModel, sample: list[Face]) -> None:
    picture, points = resized(sample[0], 200)
    height, width = picture.shape
    large = np.full((2160, 3840), 90, np.uint8)
    large[2160 - height :, 3840 - width :] = picture
    face = large, points + np.array([3840 - width, 2160 - height])
    assert apart(starter, [face], "whole") <= PIXELS


@pytest.mark.parametrize("families", FAMILIES)
def test_responses_at_every_scale(
    starter: FaceModel, sample: list[Face], families: tuple[str, ...]
) -> None:
    model = template_model(starter, families, sample)
    cpu, gl = CpuResponses(model.experts), GlResponses(model.experts)
    gl.open()
    rng = np.random.default_rng(0)
    for level, experts in enumerate(model.experts):
        size = model.crop_size(experts.scale, experts.patch)
        for width in (80, 640, 3840):
            picture, points = resized(sample[level], width)
            pose, _ = model.pdm.parameters(points)
            pose = pose.after(Similarity(tx=0.5))  # a fifth of the crop is beyond some edge
            picture = picture[:, : int(pose.tx)]
            crop = FaceImage(picture, pose, model.extent, experts.scale).crop(
                pose, experts.scale, size
            )
            channels = CropChannels(crop, families)
            centres = rng.integers(11, size - 11, (len(model.pdm), 2))
            drawn, truth = (b.responses(level, channels, centres) for b in (gl, cpu))
            assert np.abs(drawn - truth).max() <= 1e-5 * np.abs(truth).max()
    assert gl.working
    gl.close()
