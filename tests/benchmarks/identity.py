"""Whether a face recogniser knows anonymised people.

    python tests/benchmarks/identity.py                    # 100 people of MUCT
    python tests/benchmarks/identity.py --people 138

Two pictures of each person, by camera a and by camera b: each picture of b is compared with all of
a, by dlib's network (.9938 on Labeled Faces in the Wild; King 2017), which the package
face-recognition-models holds (100 MB). It is told where eyes and nose are, from the original, so
that it needs to find nothing. Of pictures as they are, anonymised by the average face, and
anonymised by pixels: with those of a as they are, which is what somebody has who knows these
people; and with those of a anonymised too ("parroting", Newton, Sweeney & Malin 2005), which finds
what is left of them by any means.

first: how often the nearest of all is the same person, chance is 1 / people. rank: median place of
the same person, chance is half of them. AUC: probability that the same person is nearer than
another, chance is .5. same: pairs of one person nearer than .6, which its author takes for the
same; others: pairs of two people that are.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from common import Report, add_common, by_name, muct, one_core, roc_auc

from faceloop_runtime import Detector, FaceModel
from faceloop_runtime.render.cover.plan import plan_cover
from faceloop_runtime.render.warp import CpuWarper
from faceloop_workbench.services.drawing import Hiding
from faceloop_workbench.services.render_choice import Rendering

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Face

    Image = np.ndarray

_SAME = 0.6
_WAYS = {"face": Rendering("anonymise"), "pixels": Rendering("anonymise", cover="pixels")}


class Recogniser:
    """dlib's network, told where the face is."""

    def __init__(self) -> None:
        import dlib

        found = find_spec("face_recognition_models")
        if found is None or found.origin is None:
            raise SystemExit("This needs the package face-recognition-models: pip install it.")
        folder = Path(found.origin).parent / "models"
        self._dlib = dlib
        self._points = dlib.shape_predictor(str(folder / "shape_predictor_5_face_landmarks.dat"))
        network = folder / "dlib_face_recognition_resnet_model_v1.dat"
        self._network = dlib.face_recognition_model_v1(str(network))

    def describe(self, original: Image, landmarks: Image, shown: Sequence[Image]) -> Image:
        """Return what it says of versions of one picture, (V, 128)."""
        corners = np.concatenate([landmarks.min(axis=0), landmarks.max(axis=0)])
        box = self._dlib.rectangle(*np.rint(corners).astype(int).tolist())
        place = self._points(original, box)
        return np.array([self._network.compute_face_descriptor(one, place) for one in shown])


class Versions:
    """A picture as it is, and anonymised."""

    def __init__(self) -> None:
        self._model, self._detector = FaceModel.starter(), Detector()
        self._hide = {name: Hiding(way, self._model, CpuWarper()) for name, way in _WAYS.items()}

    def of(self, image: Image) -> list[Image]:
        """Return the picture and one for each way."""
        made = [image]
        for name, way in _WAYS.items():
            cover = plan_cover(self._model, self._detector, image, draw_over=way.draws_over)
            made.append(self._hide[name](image, cover))
        return made


def pairs(faces: Sequence[Face], most: int) -> list[tuple[Face, Face]]:
    """Return the first picture of each person by camera a, and by camera b."""
    found = []
    for subject in sorted({face.subject for face in faces}):
        own = sorted((face for face in faces if face.subject == subject), key=by_name)
        a, b = ([face for face in own if face.name[5] == camera] for camera in "ab")
        if a and b:
            found.append((a[0], b[0]))
    return found[:most]


def row(what: str, probes: Image, gallery: Image) -> dict[str, Any]:
    """Compare what was said of the same people in two pictures, (P, 128) each."""
    apart = np.linalg.norm(probes[:, None] - gallery, axis=2)
    own, same = np.diag(apart)[:, None], np.eye(len(apart), dtype=bool)
    ranks = 1 + (apart < own).sum(axis=1)
    return {
        "compared": what,
        "people": len(apart),
        "first": f"{(ranks == 1).mean():.0%}",
        "rank": float(np.median(ranks)),
        "AUC": round(roc_auc(same.ravel(), -apart.ravel()), 3),
        "same": f"{(apart[same] < _SAME).mean():.0%}",
        "others": f"{(apart[~same] < _SAME).mean():.0%}",
    }


def main() -> None:
    """Compare, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser, seed=False)
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--project", type=Path, help="keep the imported faces here")
    options = parser.parse_args()
    one_core()
    report, recogniser, versions = Report(options.json), Recogniser(), Versions()
    said: list[list[Image]] = []
    with muct(options.project) as project:
        for pair in pairs(list(project.faces()), options.people):
            said.append([])
            for face in pair:
                known, image = face.annotation.present, face.read_rgb()
                landmarks = face.annotation.points[known]
                said[-1].append(recogniser.describe(image, landmarks, versions.of(image)))
    a, b = np.array(said).transpose(1, 2, 0, 3)
    rows = [row("as they are", b[0], a[0])]
    for (k, name), (of, gallery) in product(
        enumerate(_WAYS, start=1), (("as they are", a[:1]), ("anonymised too", a))
    ):
        rows.append(row(f"by {name}, with those {of}", b[k], gallery[min(k, len(gallery) - 1)]))
    report.table("who an anonymised face is taken for", rows)


if __name__ == "__main__":
    main()
