"""Files as COFW and 300W-LP have them, of points of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets.schemes.layout import scheme_layout
from faceloop_datasets.schemes.scheme import Scheme

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def drawn(scheme: str) -> NDArray[np.float64]:
    """Points of a face that looks ahead, in a picture of 300 x 300."""
    layout = scheme_layout(Scheme.load(scheme))
    assert layout is not None
    return (layout * 90 + [150, 110]).round(2)


def write_cofw(
    file: Path, rows: NDArray[np.float64], pictures: list[Any], part: str = "Tr"
) -> Path:
    """Write what Matlab's save -v7.3 makes: HDF5 behind 512 bytes, all axes turned over."""
    import h5py

    with h5py.File(file, "w", userblock_size=512) as out:
        refs = np.empty((1, len(pictures)), h5py.ref_dtype)
        for k, pixels in enumerate(pictures):
            data = out.create_dataset(f"#refs#/{k}", data=np.asarray(pixels).T)
            refs[0, k] = data.ref
        if pictures:
            out.create_dataset(f"Is{part}", data=refs)
        out.create_dataset(f"phis{part}", data=rows.T)
        out.create_dataset(f"bboxes{part}", data=np.ones((4, len(rows))))
    with file.open("rb+") as out:
        out.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return file


def cofw_row(points: NDArray[np.float64], occluded: tuple[int, ...] = ()) -> NDArray[np.float64]:
    """Make a row of phis: all x, all y, what is occluded; the top-left pixel is (1, 1)."""
    return np.concatenate([*(points + 1).T, np.isin(np.arange(29), occluded)])
