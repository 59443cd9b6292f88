"""OpenGL over a whole video and over hundreds of fits: what is lost, and what is left."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from itertools import islice

import cv2
import numpy as np
import psutil
import pytest

from faceloop_datasets import Video
from faceloop_datasets.sample import sample_clip
from faceloop_runtime import FaceModel, Fitter, FrameResult, Tracker
from faceloop_runtime.fit.schedule import FROM_CLOSE, FROM_START
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.responses import GlResponses
from faceloop_runtime.responses.gl import EglContext, GLError
from faceloop_runtime.responses.gl.egl import library

try:
    egl = library()
except GLError as error:
    pytest.skip(f"no EGL on this machine: {error}", allow_module_level=True)

_FRAMES = 40
_NAMES = range(1, 2000)


class DoomedContext(EglContext):
    """A real context that the driver takes away at its ``life``-th use."""

    def __init__(self, life: int) -> None:
        super().__init__()
        self._life = life

    def current(self) -> object:
        self._life -= 1
        if self._life == 0:
            assert egl.eglDestroyContext(self._display, self._handle)
        return super().current()


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    return [frame.gray() for frame in islice(Video(sample_clip()), _FRAMES)]


@pytest.fixture(scope="module")
def truth(starter: FaceModel, frames: list[np.ndarray]) -> list[FrameResult]:
    return list(Tracker(starter, backend="cpu").track(frames))


def objects() -> dict[str, int]:
    """Count what lives in the current context."""
    from vispy.gloo.gl import gl2

    kinds = ("Texture", "Framebuffer", "Buffer", "Program", "Shader", "Renderbuffer")
    asked: dict[str, Callable[[int], bool]] = {k: getattr(gl2, f"glIs{k}") for k in kinds}
    return {kind: sum(map(bool, map(is_one, _NAMES))) for kind, is_one in asked.items()}


@pytest.mark.parametrize("life", [1, 2, 20, 30])
def test_a_context_lost_in_a_video_costs_one_warning_and_no_frame(
    starter: FaceModel,
    frames: list[np.ndarray],
    truth: list[FrameResult],
    life: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    backend = GlResponses(starter.experts, lambda: DoomedContext(life))
    with caplog.at_level(logging.WARNING):
        results = list(Tracker(starter, backend=backend).track(frames))
    assert not backend.working
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "cpu backend" in caplog.text
    assert [r.index for r in results] == list(range(_FRAMES))
    for result, expected in zip(results, truth, strict=True):
        assert [face.id for face in result.faces] == [face.id for face in expected.faces]
        # Each fit agrees to 0.001, but the next starts from it: now and then a search window, which
        # stands on whole pixels, then stands on another, or a fit is just good enough for the
        # finest scale alone.
        away = np.linalg.norm(result.points - expected.points, axis=1)
        assert away.mean() < 0.3
        assert away.max() < 2.5


def sized(frame: np.ndarray, pose: Similarity) -> Iterator[tuple[np.ndarray, Similarity]]:
    """Yield the same face in 500 sizes."""
    for factor in np.geomspace(0.2, 2.5, 500):
        move = Similarity(factor, 0.0, 0.5 * factor - 0.5, 0.5 * factor - 0.5)
        yield cv2.resize(frame, None, fx=factor, fy=factor), move.after(pose)


@pytest.mark.long
def test_hundreds_of_fits_leave_nothing_in_the_context(
    starter: FaceModel, frames: list[np.ndarray], truth: list[FrameResult]
) -> None:
    made: list[EglContext] = []

    def make() -> EglContext:
        made.append(EglContext())
        return made[-1]

    backend = GlResponses(starter.experts, make)
    fitter = Fitter(starter, backend)
    counts = []
    for k, (picture, pose) in enumerate(sized(frames[0], truth[0].faces[0].fit.pose)):
        fitter.fit_pose(picture, pose, passes=FROM_START if k % 10 == 0 else FROM_CLOSE)
        if k in (0, 250, 499):
            with made[0].current():
                counts.append(objects())
    assert counts[0]["Texture"] > 0
    assert counts[0]["Program"] > 0
    assert counts == counts[:1] * 3
    assert backend.working
    assert len(made) == 1


@pytest.mark.long
def test_fifty_backends_leave_nothing(
    starter: FaceModel, frames: list[np.ndarray], truth: list[FrameResult]
) -> None:
    process = psutil.Process()
    points = truth[0].points
    assert points is not None
    other = EglContext()  # somebody else's, on the same display

    def use() -> tuple[int, int]:
        backend = GlResponses(starter.experts)
        Fitter(starter, backend).fit(frames[0], points)
        assert backend.working
        backend.close()
        return process.num_fds(), process.num_threads()

    with other.current():
        before = objects()
        for _ in range(5):  # what the driver keeps for good
            handles = use()
        memory = process.memory_info().rss
        assert [use() for _ in range(50)] == [handles] * 50
        assert objects() == before
    # A context with its filters takes 5 MB and more.
    assert process.memory_info().rss - memory < 25e6
    other.close()
