"""How small, turned and dark a face may be: what is found, and how well it is fitted.

    python tests/benchmarks/limits.py
    python tests/benchmarks/limits.py --faces 60

With the starter model, on faces that it has never seen: MUCT's (one picture a person; needs
FACELOOP_DATA) and every 20th frame of the bundled clip in which nine tenths of the points can be
seen. Each picture is searched and fitted like a picture that is given to
`faceloop fit`: by the product's own detection, one face.

found: a face was reported. failures: of all faces, those that were not found or whose NME is more
than .10. median: NME of those found.

width: the face, as wide as its points, is scaled to a share of the width of a picture of 480 x 360
to 3840 x 2160 pixels, in its middle; what the photograph does not cover is gray. Faces that would
have to be enlarged more than 2 times are left out, and those below 16 pixels. roll: the picture is
turned about the middle of the face, both ways. darkness: gray values times a gain, or by a gamma
curve, rounded to 8 bits: no noise is added, as a camera would.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from common import Report, add_common, muct

from faceloop_datasets import Video
from faceloop_datasets.sample import sample_clip, sample_clip_truth
from faceloop_runtime import FaceModel, Tracker
from faceloop_runtime.quality.thresholds import FAILURE
from faceloop_trainer.data.faces import whole_pictures

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_GRAY = 128
_SIZES = ((480, 360), (960, 540), (1920, 1080), (3840, 2160))
_SHARES = (0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.3, 0.5)
_LEAST, _ENLARGED = 16, 2.0
_ROLLS = (0, 10, 15, 20, 25, 30, 45, 60, 90, 180)
_GAINS = (1.0, 0.5, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05)
_GAMMAS = (1.5, 2.0, 3.0, 4.0)


@dataclass(frozen=True, eq=False)
class Shown:
    """A gray picture (H, W) and the true points in it (N, 2), NaN where unknown."""

    picture: np.ndarray
    points: np.ndarray

    @property
    def middle(self) -> np.ndarray:
        """The middle of the face, (x, y)."""
        return (np.nanmin(self.points, axis=0) + np.nanmax(self.points, axis=0)) / 2

    @property
    def width(self) -> float:
        """How wide the points are, in pixels."""
        return float(np.ptp(self.points[~np.isnan(self.points[:, 0]), 0]))

    def moved(self, matrix: np.ndarray, size: tuple[int, int]) -> Shown:
        """Return it in another picture, by a matrix (2, 3); size is (width, height)."""
        scale = float(np.hypot(matrix[0, 0], matrix[0, 1]))
        picture, points = self.picture, self.points
        if scale < 1:  # as a picture is made smaller, without aliasing
            small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            fx, fy = small.shape[1] / picture.shape[1], small.shape[0] / picture.shape[0]
            own = np.array([[fx, 0, 0.5 * fx - 0.5], [0, fy, 0.5 * fy - 0.5], [0, 0, 1]])
            step = matrix @ np.linalg.inv(own)
            picture = small
        else:
            step = matrix
        made = cv2.warpAffine(
            picture,
            step,
            size,
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=_GRAY,
        )
        return Shown(made, points @ matrix[:, :2].T + matrix[:, 2])


def muct_faces(most: int, model: FaceModel) -> list[Shown]:
    """One picture of each of so many people, in the order of their names."""
    with muct(None) as project:
        people = {face.subject: face for face in reversed(project.faces()) if face.has_image}
        chosen = [people[name] for name in sorted(people)][:most]
        faces = whole_pictures(model.scheme, chosen)
        return [Shown(f.picture, np.where(f.measured[:, None], f.points, np.nan)) for f in faces]


def clip_faces() -> list[Shown]:
    """Every 20th frame of the clip in which the face is not turned far, nor leaving."""
    truth = sample_clip_truth()
    found = []
    for number, frame in enumerate(Video(sample_clip())):
        if number % 20 == 0 and truth.visible[number].mean() > 0.9:
            found.append(Shown(frame.gray(), truth.points[number]))
    return found


def by_width(faces: Sequence[Shown]) -> Iterator[tuple[str, list[Shown]]]:
    """The faces at each share of the width of pictures of each size."""
    for width, height in _SIZES:
        for share in _SHARES:
            goal = share * width
            made = []
            for face in faces:
                scale = goal / face.width
                if scale <= _ENLARGED and goal >= _LEAST:
                    shift = np.array([width - 1, height - 1]) / 2 - scale * face.middle
                    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
                    made.append(face.moved(matrix, (width, height)))
            if made:
                yield f"{width} x {height}: {share:.0%}, {goal:.0f} px", made


def by_roll(faces: Sequence[Shown]) -> Iterator[tuple[str, list[Shown]]]:
    """The faces turned in the picture, whole in a square one."""
    for angle in _ROLLS:
        ways = (angle,) if angle in (0, 180) else (angle, -angle)
        made = []
        for face in faces:
            side = round(1.5 * max(face.picture.shape))
            for way in ways:
                matrix = cv2.getRotationMatrix2D(tuple(map(float, face.middle)), way, 1.0)
                matrix[:, 2] += (side - 1) / 2 - face.middle
                made.append(face.moved(matrix, (side, side)))
        yield f"{angle} degrees", made


def by_darkness(faces: Sequence[Shown]) -> Iterator[tuple[str, list[Shown]]]:
    """The faces with fewer and fewer gray values."""
    for gain in _GAINS:
        yield f"gain {gain:g}", [_toned(face, gain, 1.0) for face in faces]
    for gamma in _GAMMAS:
        yield f"gamma {gamma:g}", [_toned(face, 1.0, gamma) for face in faces]


def _toned(face: Shown, gain: float, gamma: float) -> Shown:
    values = np.rint(255 * gain * (face.picture / 255.0) ** gamma)
    return Shown(values.astype(np.uint8), face.points)


def measured(what: str, faces: Sequence[Shown], model: FaceModel) -> dict[str, Any]:
    """Find and fit each face, and compare."""
    errors = np.array([_error(face, model) for face in faces])
    found = errors[np.isfinite(errors)]
    face_gray = [np.mean(f.picture[_inside(f)]) for f in faces]
    return {
        "what": what,
        "faces": len(faces),
        "gray": round(float(np.mean(face_gray))),
        "found": f"{len(found) / len(errors):.0%}",
        "failures": f"{(errors > FAILURE).mean():.0%}",
        "median": f"{np.median(found):.4f}" if len(found) else "",
    }


def _inside(face: Shown) -> tuple[slice, slice]:
    low = np.clip(np.nanmin(face.points, axis=0), 0, None).astype(int)
    high = np.nanmax(face.points, axis=0).astype(int) + 1
    return slice(low[1], high[1]), slice(low[0], high[0])


def _error(face: Shown, model: FaceModel) -> float:
    """NME of the face that `faceloop fit` reports; infinite if there is none."""
    (frame,) = Tracker(model).track([face.picture])
    if frame.points is None:
        return float("inf")
    distance = np.linalg.norm(frame.points - face.points, axis=1)
    return float(np.nanmean(distance)) / model.scheme.inter_ocular_distance(face.points)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser, seed=False)
    parser.add_argument("--faces", type=int, default=20, help="people of MUCT")
    args = parser.parse_args()
    model = FaceModel.starter()
    sets = {"MUCT": muct_faces(args.faces, model), "clip": clip_faces()}
    report = Report(args.json)
    for title, change in (("width", by_width), ("roll", by_roll), ("darkness", by_darkness)):
        for name, faces in sets.items():
            rows = [measured(what, made, model) for what, made in change(faces)]
            report.table(f"{name}: {title}", rows)


if __name__ == "__main__":
    main()
