"""OpenCV: which one this process has loaded.

Several packages bring the module ``cv2`` (`opencv-python-headless`, which faceloop asks for,
`opencv-python`, both with ``contrib`` in their names, and those of conda and of Linux
distributions). Any of them will do, so nothing may ask for one of them by name.
"""

from __future__ import annotations

from cv2 import __version__ as _library

try:
    from cv2.version import opencv_version as _build
except ImportError:  # built by conda or by a Linux distribution
    _build = _library


def opencv_version() -> str:
    """Return the version of OpenCV, with that of its build where it came from PyPI: 5.0.0.93."""
    return str(_build)
