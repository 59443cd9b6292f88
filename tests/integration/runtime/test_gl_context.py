"""Contexts of our own beside those of others, and what happens when one is lost."""

from __future__ import annotations

import gc
import logging
import os
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import FaceloopError
from faceloop_runtime.responses import CpuResponses, GlResponses, make_backend
from faceloop_runtime.responses.experts import PatchExperts
from faceloop_runtime.responses.gl import EglContext, GLError, renderer
from faceloop_runtime.responses.gl.egl import library

try:
    egl = library()
except GLError as error:
    pytest.skip(f"no EGL on this machine: {error}", allow_module_level=True)

_SIZE = 41
_ES = 0x30A0


@pytest.fixture(scope="module")
def experts() -> PatchExperts:
    rng = np.random.default_rng(0)
    ones = np.ones(5, np.float32)
    weights = rng.normal(size=(5, 3, 7, 7)).astype(np.float32)
    return PatchExperts(20.0, weights, 0.5 * ones, ones, ones)


@pytest.fixture(scope="module")
def channels() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(3, _SIZE, _SIZE)).astype(np.float32)


@pytest.fixture(scope="module")
def centres() -> np.ndarray:
    return np.random.default_rng(2).integers(8, _SIZE - 8, (5, 2))


@pytest.fixture(scope="module")
def truth(experts: PatchExperts, channels: np.ndarray, centres: np.ndarray) -> np.ndarray:
    return CpuResponses([experts]).responses(0, channels, centres)


def agree(maps: np.ndarray, truth: np.ndarray) -> bool:
    return float(np.abs(maps - truth).max()) <= 1e-5 * float(np.abs(truth).max())


def current() -> tuple[int, int | None, int | None]:
    return egl.eglQueryAPI(), egl.eglGetCurrentContext(), egl.eglGetCurrentDisplay()


@pytest.mark.parametrize("es", [False, True])
def test_other_contexts_stay_current(
    experts: PatchExperts, channels: np.ndarray, centres: np.ndarray, truth: np.ndarray, es: bool
) -> None:
    environment = dict(os.environ)
    assert current()[1] is None
    other = EglContext(es=es)
    with other.current():
        before = current()
        assert before[1] is not None
        backend = GlResponses([experts])
        assert agree(backend.responses(0, channels, centres), truth)
        assert current() == before
        backend.close()
        assert current() == before
    assert current()[1] is None
    other.close()
    assert dict(os.environ) == environment


def test_the_api_that_was_bound_stays_bound() -> None:
    before = egl.eglQueryAPI()
    egl.eglBindAPI(_ES)
    try:
        context = EglContext()
        with context.current():
            assert egl.eglQueryAPI() != _ES
        assert egl.eglQueryAPI() == _ES
    finally:
        egl.eglBindAPI(before)


def test_threads_may_share_a_backend(
    experts: PatchExperts, channels: np.ndarray, centres: np.ndarray, truth: np.ndarray
) -> None:
    backend = GlResponses([experts])
    good: list[bool] = []

    def work() -> None:
        good.extend(agree(backend.responses(0, channels, centres), truth) for _ in range(20))
        assert egl.eglGetCurrentContext() is None

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert good == [True] * 80


def test_a_lost_context_costs_one_warning_and_no_frame(
    experts: PatchExperts,
    channels: np.ndarray,
    centres: np.ndarray,
    truth: np.ndarray,
    caplog: pytest.LogCaptureFixture,
) -> None:
    made: list[EglContext] = []

    def make() -> EglContext:
        made.append(EglContext())
        return made[-1]

    backend = GlResponses([experts], make)
    assert agree(backend.responses(0, channels, centres), truth)
    # Behind the backend's back, as a driver does that resets itself.
    made[0].close()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            np.testing.assert_array_equal(backend.responses(0, channels, centres), truth)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "cpu" in caplog.text
    assert len(made) == 1


@pytest.mark.parametrize("es", [False, True])
def test_a_context_tells_of_a_reset(es: bool) -> None:
    # Drivers may end a process that did not ask for this when their hardware is reset.
    from vispy.gloo.gl import gl2

    context = EglContext(es=es)
    with context.current():
        strategy = gl2.glGetParameter(0x8256)
    context.close()
    assert int(strategy) == 0x8252  # lose the context, and say so


def test_an_error_of_opengl_costs_one_warning_and_no_frame(
    experts: PatchExperts,
    channels: np.ndarray,
    centres: np.ndarray,
    truth: np.ndarray,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from vispy.gloo.gl import gl2

    made: list[EglContext] = []

    def make() -> EglContext:
        made.append(EglContext())
        return made[-1]

    backend = GlResponses([experts], make)
    backend.responses(0, channels, centres)
    with made[0].current():  # the filters and targets vanish
        for handle in range(1, 10):
            gl2.glDeleteFramebuffer(handle)
            gl2.glDeleteProgram(handle)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            np.testing.assert_array_equal(backend.responses(0, channels, centres), truth)
    assert len(caplog.records) == 1
    assert "error 0x" in caplog.text


def test_a_closed_backend_starts_anew(
    experts: PatchExperts, channels: np.ndarray, centres: np.ndarray, truth: np.ndarray
) -> None:
    backend = GlResponses([experts])
    backend.close()
    for _ in range(2):
        assert agree(backend.responses(0, channels, centres), truth)
        backend.close()
        backend.close()


def test_a_forgotten_backend_frees_its_context(
    experts: PatchExperts, channels: np.ndarray, centres: np.ndarray
) -> None:
    made: list[weakref.ref[EglContext]] = []

    def make() -> EglContext:
        context = EglContext()
        made.append(weakref.ref(context))
        return context

    backend = GlResponses([experts], make)
    backend.responses(0, channels, centres)
    assert made[0]() is not None
    del backend
    gc.collect()
    assert made[0]() is None


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts handles in /proc")
def test_many_backends_leave_nothing_open(
    experts: PatchExperts, channels: np.ndarray, centres: np.ndarray
) -> None:
    def use() -> tuple[int, int]:
        backend = GlResponses([experts])
        backend.responses(0, channels, centres)
        backend.close()
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    use()
    first = use()
    assert [use() for _ in range(8)] == [first] * 8


def test_it_is_an_error_where_no_context_is_to_be_had(experts: PatchExperts) -> None:
    def refuse() -> EglContext:
        return EglContext(display=0)

    with pytest.raises(FaceloopError, match="OpenGL driver"):
        GlResponses([experts], refuse).open()


def test_gl_by_name_is_ready_at_once(
    experts: PatchExperts, channels: np.ndarray, centres: np.ndarray, truth: np.ndarray
) -> None:
    backend = make_backend("gl", [experts])
    assert backend.name == "gl"
    assert agree(backend.responses(0, channels, centres), truth)


def test_the_renderer_has_a_name() -> None:
    assert ", OpenGL " in renderer()
