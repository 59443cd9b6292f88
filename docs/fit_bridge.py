r"""Fit the nose bridge of muct76-to-face70, and measure that conversion.

MUCT marks nothing on the bridge between the eyes. clmtools' annotations of the same images do,
so they tell which weights of MUCT's marks come nearest::

    python docs/fit_bridge.py --clmtools annotations.csv --muct muct-landmarks-v1.tar.gz

prints the weights as a line of the conversion's file, their error on subjects that they were
not fitted on, and the error of every converted point.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import Conversion, FaceloopError, InputError, Scheme
from faceloop_datasets.formats import FaceRecord, read_faces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Annotation

BRIDGE = 33
"""The bridge in face70."""

SUPPORT = ((67,), (29, 34), (18, 24))
"""Marks of muct76 that the bridge hangs on: nose tip, inner eye corners, inner ends of the
brows. Both of a pair get the same weight, so that mirroring and converting commute. Of all
sets of up to five marks or pairs near it, this one predicts unseen subjects best, and none of
its marks is ever hidden in MUCT."""

PUPILS = (27, 32)
"""The pupils in face70, whose distance is the unit of every error here."""


@dataclass(frozen=True)
class Pair:
    """One image, annotated in MUCT's way and in clmtools' way (as face70)."""

    subject: str
    muct: Annotation
    clmtools: Annotation

    @property
    def pupil_distance(self) -> float:
        """Pixels between the pupils in clmtools' annotation."""
        a, b = self.clmtools.points[list(PUPILS)]
        return float(np.linalg.norm(a - b))


def read_pairs(clmtools: Path, muct: Path) -> list[Pair]:
    """Annotations of the images that are in both sources.

    Raises
    ------
    InputError
        If a source cannot be read, or they have no image in common.
    """
    to_face70 = Conversion.load("clmtrackr71", "face70")
    by_stem = {
        PurePosixPath(face.image_name).stem: to_face70.apply(face.annotation)
        for face in read_faces("clmtools", [clmtools])
        if isinstance(face, FaceRecord)
    }
    pairs = [
        Pair(face.subject, face.annotation, by_stem[face.name])
        for face in read_faces("muct", [muct])
        if isinstance(face, FaceRecord) and face.name in by_stem
    ]
    if not pairs:
        raise InputError(f"{clmtools} and {muct} have no image in common.")
    return pairs


def conversion_errors(pairs: Sequence[Pair]) -> NDArray[np.float64]:
    """Distance of each converted point from clmtools' point, in pupil distances.

    Returns
    -------
    ndarray, shape (images, 70)
        NaN where MUCT's mark is missing.
    """
    convert = Conversion.load("muct76", "face70")
    return np.array(
        [
            np.linalg.norm(convert.apply(p.muct).points - p.clmtools.points, axis=1)
            / p.pupil_distance
            for p in pairs
        ]
    )


def fit_weights(pairs: Sequence[Pair]) -> NDArray[np.float64]:
    """Least-squares weights of `SUPPORT` in the bridge, shape (3,); they sum to 1.

    The sum makes the conversion commute with translation, rotation and scale. With one weight
    taken as 1 minus the others, what is left is an ordinary least-squares problem.
    """
    support, bridge = _design(pairs)
    base = support[:, 0]
    left = (support[:, 1:] - base[:, None]).transpose(0, 2, 1).reshape(-1, len(SUPPORT) - 1)
    free = np.linalg.lstsq(left, (bridge - base).ravel(), rcond=None)[0]
    return np.concatenate([[1 - free.sum()], free])


def cross_validate(pairs: Sequence[Pair]) -> NDArray[np.float64]:
    """Error of the bridge in pupil distances, each subject left out of its own fit."""
    errors = np.empty(len(pairs))
    for subject in {p.subject for p in pairs}:
        weights = fit_weights([p for p in pairs if p.subject != subject])
        held_out = [k for k, p in enumerate(pairs) if p.subject == subject]
        support, bridge = _design([pairs[k] for k in held_out])
        guess = np.einsum("k,nkd->nd", weights, support)
        errors[held_out] = np.linalg.norm(guess - bridge, axis=1)
    return errors


def toml_line(weights: NDArray[np.float64]) -> str:
    """Write the weights as they stand in the conversion's file; they sum to 1 exactly."""
    digits = [round(w / len(g), 4) for w, g in zip(weights, SUPPORT, strict=True)]
    rest = 1 - sum(d * len(g) for d, g in zip(digits[1:], SUPPORT[1:], strict=True))
    row = {SUPPORT[0][0]: round(rest, 4)}
    row |= {p: d for d, group in zip(digits[1:], SUPPORT[1:], strict=True) for p in group}
    return "weights = { " + ", ".join(f"{p} = {row[p]}" for p in sorted(row)) + " }"


def _design(pairs: Sequence[Pair]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Support (images, 3, 2) and bridge (images, 2), in pupil distances."""
    support = [
        [p.muct.points[list(group)].mean(axis=0) / p.pupil_distance for group in SUPPORT]
        for p in pairs
    ]
    bridge = [p.clmtools.points[BRIDGE] / p.pupil_distance for p in pairs]
    return np.array(support), np.array(bridge)


def _report(pairs: Sequence[Pair]) -> str:
    unseen, errors = cross_validate(pairs), conversion_errors(pairs)
    per_point = np.nanmedian(errors, axis=0)
    names = Scheme.load("face70").names
    return "\n".join(
        [
            f"{len(pairs)} images of {len({p.subject for p in pairs})} subjects",
            toml_line(fit_weights(pairs)),
            f"bridge of unseen subjects: mean {unseen.mean():.4f}, median {np.median(unseen):.4f}",
            "",
            "point  median  (in pupil distances)",
            *(f"{k:5d}  {v:.4f}  {names[k]}" for k, v in enumerate(per_point)),
            f"median over the points: {np.median(per_point):.4f}",
            "",
        ]
    )


def main() -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clmtools", type=Path, required=True, help="clmtools' annotations.csv")
    parser.add_argument("--muct", type=Path, required=True, help="muct-landmarks-v1.tar.gz")
    options = parser.parse_args()
    try:
        sys.stdout.write(_report(read_pairs(options.clmtools, options.muct)))
    except FaceloopError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
