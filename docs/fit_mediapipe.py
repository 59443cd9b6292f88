r"""Learn the conversions from MediaPipe's 478 points to face70 and ibug68, and write their files.

MediaPipe's results on the pictures of the bundled sample (CC0), whose 70 points are known and whose
68 are made of them (``docs/fit_ibug.py``), say where a point of either scheme is between points of
the mesh. Each is a sum of few, by weights that hold for people they were not learned from. With a
table of results, as `faceloop import` reads it::

    python docs/fit_mediapipe.py results.json

prints what the points are off by, in inter-ocular distances of people left out, beside what a
published list of 68 points of the mesh (Mediapipe_2_Dlib_Landmarks) is off by.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from fit_ibug import CONVERSIONS, FACE70, IBUG68, ibug_points

from faceloop_datasets import Conversion
from faceloop_datasets.formats import FaceRecord, read_faces, source_scheme
from faceloop_datasets.sample import sample_faces
from faceloop_datasets.schemes.learning import PairedFaces, learn_conversion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme

    Floats = NDArray[np.float64]

LISTED: Sequence[Sequence[int]] = (
    (127,), (234,), (93,), (132, 58), (58, 172), (136,), (150,), (176,), (152,), (400,), (379,),
    (365,), (397, 288), (361,), (323,), (454,), (356,), (70,), (63,), (105,), (66,), (107,), (336,),
    (296,), (334,), (293,), (300,), (168, 6), (197, 195), (5,), (4,), (75,), (97,), (2,), (326,),
    (305,), (33,), (160,), (158,), (133,), (153,), (144,), (362,), (385,), (387,), (263,), (373,),
    (380,), (61,), (39,), (37,), (0,), (267,), (269,), (291,), (321,), (314,), (17,), (84,), (91,),
    (78,), (82,), (13,), (312,), (308,), (317,), (14,), (87,),
)  # fmt: skip
"""Which points of the mesh the published list takes for each of the 68; the mean of two."""

OUTLINE = (
    10,
    338,
    297,
    332,
    284,
    251,
    389,
    356,
    454,
    323,
    361,
    288,
    397,
    365,
    379,
    378,
    400,
    377,
    152,
    148,
    176,
    149,
    150,
    136,
    172,
    58,
    132,
    93,
    234,
    127,
    162,
    21,
    54,
    103,
    67,
    109,
)
BROWS = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46, 336, 296, 334, 293, 300, 285, 295, 282, 283, 276)
EYES = (
    33,
    7,
    163,
    144,
    145,
    153,
    154,
    155,
    133,
    173,
    157,
    158,
    159,
    160,
    161,
    246,
    263,
    249,
    390,
    373,
    374,
    380,
    381,
    382,
    362,
    398,
    384,
    385,
    386,
    387,
    388,
    466,
    468,
    473,
)
LIPS = (
    61,
    146,
    91,
    181,
    84,
    17,
    314,
    405,
    321,
    375,
    291,
    185,
    40,
    39,
    37,
    0,
    267,
    269,
    270,
    409,
    78,
    95,
    88,
    178,
    87,
    14,
    317,
    402,
    318,
    324,
    308,
    191,
    80,
    81,
    82,
    13,
    312,
    311,
    310,
    415,
)
NOSE = (168, 6, 197, 195, 5, 4, 1, 19, 94, 2, 97, 326, 98, 327, 64, 294, 129, 358, 48, 278, 75, 305)
SOURCES = (*OUTLINE, *BROWS, *EYES, *LIPS, *NOSE)
"""Points of the mesh on lines of the face, of which sums are made: MediaPipe's
``FACEMESH_CONTOURS``, pupils and nose."""


INNER_LIP = dict(zip((60, 59, 58, 57, 56, 55), (61, 62, 63, 65, 66, 67), strict=True))
BETTER = {
    "ibug68": {k: k for k in (*range(17, 27), *range(48, 68))},
    "face70": {43 + k: 48 + k for k in range(12)} | INNER_LIP,
}
"""Points that are taken from the list, by its places: on photographs (every tenth of Helen's)
brows (.061, learned .072) and mouth (.025, learned .036) are better so, the others are not."""


def listed(points: Floats) -> Floats:
    """Return the 68 points (F, 68, 2) by the published list, of meshes (F, 478, 2)."""
    return np.stack([points[:, list(row)].mean(axis=1) for row in LISTED], axis=1)


def paired(results: Path, stills: Path) -> tuple[Scheme, Floats, Floats, list[str]]:
    """Meshes (F, 478, 2), the sample's points (F, 70, 2) of the same pictures, and people."""
    known = {face.image.name: face for face in sample_faces() if face.image is not None}
    found = [
        (face.annotation.points, known[face.image.name])
        for face in read_faces("mediapipe", [results], images=stills)
        if isinstance(face, FaceRecord) and face.image is not None and face.image.name in known
    ]
    meshes = np.array([mesh for mesh, _ in found])
    truth = np.array([face.annotation.points for _, face in found])
    return source_scheme("mediapipe", [results]), meshes, truth, [f.subject for _, f in found]


def learned(
    scheme: Scheme, meshes: Floats, goal: Scheme, points: Floats, people: Sequence[str]
) -> Conversion:
    """Learn a conversion of which every point is an estimate: a program found its sources."""
    seen = np.full_like(meshes, np.nan)
    seen[:, SOURCES] = meshes[:, SOURCES]
    found = learn_conversion(PairedFaces(scheme, goal, seen, points, people))
    weights, error = found.weights.copy(), found.expected.copy()
    for target, row in BETTER[goal.name].items():
        weights[target], error[target] = 0.0, np.nan
        weights[target, list(LISTED[row])] = 1 / len(LISTED[row])
    same = np.zeros(len(goal), dtype=bool)
    return replace(
        found, weights=weights, same_mark=same, expected_error=error, measured_on="rendered faces"
    )


def main() -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    stills = Path(str(next(iter(sample_faces())).image)).parent
    scheme, meshes, truth, people = paired(options.results, stills)
    size = np.linalg.norm(truth[:, 28] - truth[:, 23], axis=1)[:, None]
    off = np.linalg.norm(listed(meshes) - ibug_points(truth), axis=2) / size
    sys.stdout.write(f"{len(people)} faces of {len(set(people))} people\n")
    sys.stdout.write(f"published list to ibug68: {off.mean():.4f}\n")
    for goal, points in ((IBUG68, ibug_points(truth)), (FACE70, truth)):
        found = learned(scheme, meshes, goal, points, people)
        sys.stdout.write(f"learned to {goal.name}: {np.nanmean(found.expected):.4f}\n")
        if not options.check:
            file = CONVERSIONS / f"{found.source}-to-{found.target}.toml"
            head = "# Learned by docs/fit_mediapipe.py in faceloop's repository.\n"
            file.write_text(head + found.to_toml(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
