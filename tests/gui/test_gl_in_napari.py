"""OpenGL in worker threads while napari draws: neither disturbs the other, and nothing is left."""

from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest
from qtpy.QtGui import QOpenGLContext
from vispy.gloo.gl import gl2 as gl

from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import FaceModel, Fitter
from faceloop_runtime.responses import describe, make_backend
from faceloop_runtime.responses.gl.context import GLError
from faceloop_runtime.responses.gl.responses import GlResponses
from faceloop_workbench.widgets.gl_context import QtContexts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytestqt.qtbot import QtBot

_FITS = 80
_NAMES = range(1, 500)
_LOOKS = (("linear", "disc"), ("cubic", "star"), ("bicubic", "cross"), ("gaussian", "ring"))


@pytest.fixture(scope="module")
def starter() -> FaceModel:
    return FaceModel.starter()


@pytest.fixture(scope="module")
def starts() -> list[tuple[np.ndarray, np.ndarray]]:
    """Pictures, and places near their faces."""
    rng = np.random.default_rng(0)
    faces = list(sample_faces())[:20:4]
    return [
        (read_image(f.image.path), f.annotation.points + rng.normal(0, 2, (70, 2))) for f in faces
    ]


@pytest.fixture
def contexts(qapp: object) -> Iterator[QtContexts]:
    made = QtContexts()
    yield made
    made.close()


@pytest.fixture
def viewer(
    make_napari_viewer: Callable[..., object], starts: list[tuple[np.ndarray, np.ndarray]]
) -> object:
    """A window that shows a picture and points."""
    window = make_napari_viewer(show=True)
    picture, points = starts[0]
    window.add_image(picture, name="picture")
    window.add_points(points[:, ::-1], name="points", size=4)
    return window


def canvas(viewer: object) -> object:
    return viewer.window._qt_viewer.canvas.native


def shown(viewer: object) -> np.ndarray:
    return np.asarray(viewer.screenshot(canvas_only=True, flash=False))


def changed(viewer: object, turn: int) -> np.ndarray:
    """Draw with programs that napari has to compile: another interpolation, another visual."""
    interpolation, symbol = _LOOKS[turn % len(_LOOKS)]
    viewer.layers["picture"].interpolation2d = interpolation
    viewer.layers["points"].symbol = symbol
    viewer.add_vectors(np.array([[[9.0, 9.0], [50.0, 90.0]]]), name="extra", edge_width=5)
    picture = shown(viewer)
    viewer.layers.remove("extra")
    return picture


def plain(viewer: object) -> np.ndarray:
    viewer.layers["picture"].interpolation2d = "nearest"
    viewer.layers["points"].symbol = "disc"
    return shown(viewer)


def in_thread(work: Callable[[], None]) -> None:
    """Run something in a thread of its own to the end."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()


def test_fits_while_napari_draws_and_compiles(
    viewer: object,
    contexts: QtContexts,
    starter: FaceModel,
    starts: list[tuple[np.ndarray, np.ndarray]],
    *,
    qtbot: QtBot,
    caplog: pytest.LogCaptureFixture,
) -> None:
    changed(viewer, 0)  # the panel of a new kind of layer is larger, and the canvas follows
    qtbot.wait(100)
    before = plain(viewer)
    cpu = Fitter(starter, "cpu")
    expected = [cpu.fit(*start).points for start in starts]
    found: list[np.ndarray] = []
    working: list[bool] = []

    drawn: list[np.ndarray] = []
    enough = Event()

    def fit() -> None:
        backend = make_backend("gl", starter.experts, contexts)
        fitter = Fitter(starter, backend)
        # However fast a fit is, the window draws each of its looks meanwhile, and one again.
        while len(found) < _FITS or not enough.is_set():
            found.append(fitter.fit(*starts[len(found) % len(starts)]).points)
        working.append(backend.working)
        backend.close()

    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(fit)
        try:
            while not worker.done():
                drawn.append(changed(viewer, len(drawn)))
                qtbot.wait(200)
                if len(drawn) > len(_LOOKS):
                    enough.set()
        finally:
            enough.set()
        worker.result()

    assert working == [True]
    assert not caplog.records
    off = [np.abs(p - expected[i % len(starts)]).max() for i, p in enumerate(found)]
    assert max(off) <= 0.01
    np.testing.assert_array_equal(plain(viewer), before)
    for k, picture in enumerate(drawn):  # nothing strange in between either
        assert (picture != before).any()
        np.testing.assert_array_equal(picture, drawn[k % len(_LOOKS)])
    canvas(viewer).makeCurrent()
    assert gl.glGetError() == gl.GL_NO_ERROR


def test_nothing_is_shared_with_napari(viewer: object, contexts: QtContexts) -> None:
    shown(viewer)
    canvas(viewer).makeCurrent()
    own = QOpenGLContext.currentContext()
    textures = [n for n in _NAMES if gl.glIsTexture(n)]
    assert textures
    with contexts().current():
        assert QOpenGLContext.currentContext() is not own
        assert not any(gl.glIsTexture(n) for n in _NAMES)
        handle = gl.glCreateTexture()
        gl.glBindTexture(gl.GL_TEXTURE_2D, handle)
        gl.glDeleteTexture(textures[0])
    assert QOpenGLContext.currentContext() is own
    assert [n for n in _NAMES if gl.glIsTexture(n)] == textures


def test_one_context_in_another(contexts: QtContexts) -> None:
    outer, inner = contexts(), contexts()
    with outer.current():
        first = QOpenGLContext.currentContext()
        with inner.current():
            assert QOpenGLContext.currentContext() is not first
        assert QOpenGLContext.currentContext() is first
    assert QOpenGLContext.currentContext() is None


def test_threads_may_share_a_backend(
    contexts: QtContexts, starter: FaceModel, starts: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    backend = GlResponses(starter.experts, contexts)
    fitter, cpu = Fitter(starter, backend), Fitter(starter, "cpu")
    found: dict[int, np.ndarray] = {}

    def work(k: int) -> None:
        found[k] = fitter.fit(*starts[k]).points

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    work(4)  # the GUI thread takes over what the others had
    for k, points in found.items():
        np.testing.assert_allclose(points, cpu.fit(*starts[k]).points, rtol=0, atol=0.01)
    assert backend.working
    assert sorted(found) == list(range(5))
    backend.close()


def use_once(starter: FaceModel, start: tuple[np.ndarray, np.ndarray]) -> None:
    """Everything from the surface to the end of the worker."""
    contexts = QtContexts()

    def work() -> None:
        backend = GlResponses(starter.experts, contexts)
        Fitter(starter, backend).fit(*start)
        assert backend.working
        backend.close()

    in_thread(work)
    contexts.close()


def test_ten_workers_leave_nothing(
    qapp: object,
    qtbot: QtBot,
    starter: FaceModel,
    starts: list[tuple[np.ndarray, np.ndarray]],
) -> None:
    process = psutil.Process()

    def left() -> tuple[int, int, int]:
        qtbot.wait(1)
        gc.collect()
        alive = sum(isinstance(o, QOpenGLContext) for o in gc.get_objects())
        return process.num_fds(), process.num_threads(), alive

    for _ in range(4):  # what the driver and numpy keep for good
        use_once(starter, starts[0])
    handles, memory = left(), process.memory_info().rss
    for _ in range(10):
        use_once(starter, starts[0])
        assert left() == handles
    # A context with its filters takes 5 MB and more.
    assert process.memory_info().rss - memory < 20e6


def test_a_forgotten_backend_frees_its_context(
    contexts: QtContexts, starter: FaceModel, starts: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    gone: list[str] = []

    def work() -> None:
        backend = GlResponses(starter.experts, contexts)
        backend.open()
        (context,) = backend._context._held
        context.aboutToBeDestroyed.connect(lambda: gone.append("destroyed"))

    in_thread(work)
    gc.collect()
    assert gone == ["destroyed"]


def test_a_closed_surface_costs_one_warning_and_no_fit(
    contexts: QtContexts,
    starter: FaceModel,
    starts: list[tuple[np.ndarray, np.ndarray]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    backend = GlResponses(starter.experts, contexts)
    fitter, cpu = Fitter(starter, backend), Fitter(starter, "cpu")
    found: list[np.ndarray] = []

    def work() -> None:
        found.append(fitter.fit(*starts[1]).points)

    in_thread(work)
    contexts.close()
    with caplog.at_level(logging.WARNING):
        in_thread(work)
        in_thread(work)
    assert not backend.working
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "no surface" in caplog.text
    expected = cpu.fit(*starts[1]).points
    np.testing.assert_allclose(found[0], expected, rtol=0, atol=0.01)
    np.testing.assert_array_equal(found[1:], [expected, expected])
    with pytest.raises(GLError, match="no surface"):
        contexts()


@pytest.mark.parametrize("application", [True, False])
def test_qt_without_opengl_says_so(application: bool) -> None:
    # In a process of its own: there Qt may draw nowhere, or not be started at all.
    code = (
        "from qtpy.QtGui import QGuiApplication\n"
        "from faceloop_runtime.responses.gl import GLError\n"
        "from faceloop_workbench.widgets.gl_context import QtContexts\n"
        f"running = QGuiApplication([]) if {application} else None\n"
        "try:\n"
        "    QtContexts()()\n"
        "except GLError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"QT_QPA_PLATFORM": "minimal"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "cpu backend" in done.stdout


def test_a_closed_context_says_so(contexts: QtContexts) -> None:
    context = contexts()
    context.close()
    context.close()
    with pytest.raises(GLError, match="closed"), context.current():
        pass


def test_auto_judges_the_renderer_of_the_window(
    contexts: QtContexts, starter: FaceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_module("faceloop_runtime.responses.gl.hardware")
    monkeypatch.setattr(module, "device_nodes", lambda: [Path("/dev/dri/renderD128")])
    with contexts().current():
        renderer = str(gl.glGetParameter(gl.GL_RENDERER))
    name = make_backend("auto", starter.experts, contexts).name
    assert name == ("cpu" if "llvmpipe" in renderer else "gl")
    assert describe(contexts).startswith(f"{name}: ")
    assert renderer in describe(contexts)
