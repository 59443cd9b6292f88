"""Which backend is picked, and what is said about it."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from faceloop_datasets import FaceloopError
from faceloop_runtime.responses import GlResponses, describe, make_backend
from faceloop_runtime.responses.gl import EglContext, GLError, hardware
from faceloop_runtime.responses.gl.hardware import device_nodes

if TYPE_CHECKING:
    from pathlib import Path

    from faceloop_runtime import FaceModel


def ask(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, where OpenGL was not yet touched."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_auto_follows_the_hardware(small_model: FaceModel) -> None:
    expected = "gl" if hardware().usable else "cpu"
    assert make_backend("auto", small_model.experts).name == expected
    assert describe().startswith(f"{expected}: ")
    assert len(describe()) > len("cpu: ")


def test_hardware_is_looked_for_once() -> None:
    assert hardware() is hardware()


def test_other_contexts_are_asked_themselves(
    small_model: FaceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = import_module("faceloop_runtime.responses.gl.hardware")
    monkeypatch.setattr(nodes, "device_nodes", lambda: ["/dev/dri/renderD128"])

    def refuse() -> EglContext:
        raise GLError("no context today")

    assert describe(refuse) == "cpu: no context today"
    assert make_backend("auto", small_model.experts, refuse).name == "cpu"
    made: list[EglContext] = []

    def make() -> EglContext:
        made.append(EglContext(es=True))
        return made[-1]

    try:
        EglContext(es=True).close()
    except GLError as error:
        pytest.skip(f"no OpenGL ES on this machine: {error}")
    kind, why = describe(make).split(": ", 1)
    assert kind == ("cpu" if "software" in why else "gl")
    with pytest.raises(GLError, match="closed"), made[0].current():
        pass
    # On a machine whose renderer is none of the known programs.
    monkeypatch.setattr(import_module("faceloop_runtime.responses.gl.device"), "_SOFTWARE", ())
    assert describe(make).startswith("gl: OpenGL is drawn by ")
    backend = make_backend("auto", small_model.experts, make)
    assert isinstance(backend, GlResponses)
    count = len(made)
    backend.open()
    assert len(made) == count + 1  # it draws in these contexts, not in one of its own
    backend.close()


def test_unknown_names_are_refused(small_model: FaceModel) -> None:
    with pytest.raises(FaceloopError, match="'cuda'; expected one of: auto, cpu, gl"):
        make_backend("cuda", small_model.experts)


def test_only_nodes_that_may_be_opened_count(tmp_path: Path) -> None:
    assert not device_nodes(tmp_path)
    (tmp_path / "dri").mkdir()
    (tmp_path / "dri" / "card0").touch()
    assert not device_nodes(tmp_path)
    (tmp_path / "dri" / "renderD128").touch()
    (tmp_path / "nvidia0").touch()
    assert len(device_nodes(tmp_path)) == 2


def test_auto_without_a_driver_is_the_cpu_without_noise() -> None:
    # glvnd finds no driver in an empty folder: the state of a machine without one.
    done = ask(
        "from faceloop_runtime.responses import describe; print(describe())",
        __EGL_VENDOR_LIBRARY_DIRS=os.devnull,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("cpu: ")
    assert not done.stderr


def test_auto_on_a_machine_without_devices_loads_no_driver() -> None:
    done = ask(
        "import sys\n"
        "from faceloop_runtime import FaceModel, Fitter\n"
        "from faceloop_runtime.responses.gl import hardware\n"
        "Fitter(FaceModel.starter())\n"
        "loaded = [name for name in sys.modules if name.startswith('vispy')]\n"
        "print(hardware().reason.startswith('there is no graphics device'), loaded)\n"
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    if done.stdout.startswith("True"):
        assert done.stdout == "True []\n"


@pytest.mark.parametrize(
    "gone",
    [
        "egl.LIBRARIES = ('libGL.so.none', 'libEGL.so.none')",
        # vispy looks for fonts even where it only draws; servers have none
        "ctypes.cdll.LoadLibrary = lambda name: ctypes.CDLL('libfontconfig.so.none')",
    ],
    ids=["OpenGL", "fonts"],
)
def test_gl_without_a_library_says_what_to_install(gone: str) -> None:
    done = ask(
        "import ctypes\n"
        "from faceloop_runtime import FaceModel\n"
        "from faceloop_runtime.responses import make_backend\n"
        "from faceloop_runtime.responses.gl import egl\n"
        f"{gone}\n"
        "from faceloop_datasets import FaceloopError\n"
        "try:\n"
        "    make_backend('gl', FaceModel.starter().experts)\n"
        "except FaceloopError as error:\n"
        "    print(error)\n"
    )
    assert done.returncode == 0, done.stderr
    assert "libegl1" in done.stdout
    assert "cpu backend" in done.stdout
    assert not done.stderr
