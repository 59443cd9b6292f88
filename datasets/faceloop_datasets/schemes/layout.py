"""Where the points of a scheme are on a drawn face that looks ahead."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .scheme import Scheme


def scheme_layout(scheme: Scheme) -> NDArray[np.float64] | None:
    """Return where the points are, shape (N, 2); None if that is not known.

    What the scheme says itself, or for one that comes with faceloop the mean of the bundled
    sample's faces: the distance of the outer corners of the eyes is 1 there.
    """
    if scheme.layout:
        return np.array(scheme.layout, dtype=np.float64)
    return _bundled(scheme.name).copy() if scheme.has_points_of(scheme.name) else None


@cache
def _bundled(name: str) -> NDArray[np.float64]:
    file = resources.files(__package__) / "layouts" / f"{name}.toml"
    return np.array(tomllib.loads(file.read_text(encoding="utf-8"))["layout"], dtype=np.float64)
