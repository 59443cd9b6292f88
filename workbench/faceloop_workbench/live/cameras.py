"""Which cameras there are, what they are called, and why one cannot be used."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

ADDRESS = "FACELOOP_CAMERA"
"""Variable of the environment that names one more camera: the address of a stream, or a video file,
which is then played as a camera gives pictures, at its own speed."""

_DEVICES = Path("/dev")
_ABOUT = Path("/sys/class/video4linux")


@dataclass(frozen=True)
class Camera:
    """A camera that may be there.

    Parameters
    ----------
    which : int or str
        Its number, or an address, as `CameraSource` takes it.
    name : str
        For people.
    """

    which: int | str
    name: str


def cameras() -> list[Camera]:
    """Cameras there may be.

    Linux lists its devices. Elsewhere only opening one would tell, which takes seconds: the first
    is offered, and says so if it is not there.
    """
    found = [Camera(0, "Camera 0")]
    if sys.platform.startswith("linux"):
        numbers = (path.name[5:] for path in _DEVICES.glob("video*"))
        found = [_known(number) for number in sorted(int(n) for n in numbers if n.isdigit())
                 if _gives_pictures(number)]  # fmt: skip
    address = os.environ.get(ADDRESS, "")
    return [*found, *([Camera(address, short_name(address))] if address else [])]


def short_name(which: int | str) -> str:
    """Return what to call a camera: of an address the end, without a password that is in it."""
    return str(which).rstrip("/").rpartition("/")[2].rpartition("@")[2]


def why_not(which: int | str) -> str:
    """Say why a camera that could not be opened probably cannot be."""
    if isinstance(which, str):
        return "Check the address, and that this computer can reach it."
    device = _DEVICES / f"video{which}"
    if not sys.platform.startswith("linux"):
        return "Check that it is plugged in, that no other program uses it, and that this user may."
    if not device.exists():
        return "There is none of that number any more. Plug it in, and choose it again."
    if not os.access(device, os.R_OK | os.W_OK):
        return f"This user may not use {device}: on most systems the group video may."
    return "It is plugged in: another program probably uses it. Close that one first."


def _known(number: int) -> Camera:
    try:
        name = (_ABOUT / f"video{number}" / "name").read_text(errors="replace").strip()
    except OSError:
        name = ""
    return Camera(number, f"{name} ({number})" if name else f"Camera {number}")


def _gives_pictures(number: int) -> bool:
    """Whether a device is no second one of a camera, which tells only about pictures."""
    try:
        return (_ABOUT / f"video{number}" / "index").read_text().strip() in ("", "0")
    except OSError:
        return True
