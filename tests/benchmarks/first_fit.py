"""The first fit of faces in the wild, from the product's own detection, beside MediaPipe.

    python tests/benchmarks/first_fit.py
    python tests/benchmarks/first_fit.py --mediapipe PYTHON --model FILE

helen_train and afw (ibug68) with a model of face70, the starter by default, on eleven points that
both schemes have: corners of the eyes and of the mouth, its upper and lower edge, tip and base of
the nose, and the chin. Every picture is searched as a still; of the faces found the one nearest to
the annotated one counts (others may be in the picture). The error is over the outer corners of the
eyes; a face that was not found fails.

fit: `Detector` and `Fitter`, as they are put together in `faceloop fit`. start: where the search
starts. network: the points of the start network alone. tracker: the first frame of a `Tracker` for
five faces. MediaPipe 0.10 needs older libraries: name the interpreter of an environment that has
it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from common import Report, add_common, data_dir, error_row, imported

from faceloop_runtime import FaceModel, Fitter, Tracker
from faceloop_runtime.detect.detector import Detector
from faceloop_runtime.start_network import describe, frame_of_box

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from faceloop_datasets import Face

_SHARED = np.array(
    [
        *((23, 36), (25, 39), (30, 42), (28, 45), (43, 48), (49, 54)),
        *((46, 51), (52, 57), (61, 30), (37, 33), (7, 8)),
    ]
)
"""Points of face70 and of ibug68 that are the same mark."""
_MESH = (33, 133, 362, 263, 61, 291, 0, 17, 1, 2, 152)
"""The same in MediaPipe's mesh."""
_OUTER = (36, 45)
_MEDIAPIPE = """
import json, sys, cv2, mediapipe
mesh = mediapipe.solutions.face_mesh.FaceMesh(
    static_image_mode=True, max_num_faces=8, min_detection_confidence=0.3
)
for line in sys.stdin:
    rgb = cv2.cvtColor(cv2.imread(line.strip()), cv2.COLOR_BGR2RGB)
    faces = mesh.process(rgb).multi_face_landmarks or []
    height, width = rgb.shape[:2]
    found = [[(p.x * width - .5, p.y * height - .5) for p in f.landmark] for f in faces]
    print(json.dumps([[face[k] for k in MESH] for face in found]), flush=True)
"""


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture (H, W, 3), the file it is in, and the eleven true points of one of its faces."""

    picture: np.ndarray
    file: Path
    truth: np.ndarray
    iod: float

    def error(self, found: list[np.ndarray]) -> float:
        """Error of the face that is nearest to the annotated one; infinite if there is none."""
        middle = self.truth.mean(axis=0)
        if not found:
            return np.inf
        nearest = min(found, key=lambda p: float(np.linalg.norm(p.mean(axis=0) - middle)))
        return float(np.linalg.norm(nearest - self.truth, axis=1).mean() / self.iod)


def shown(faces: list[Face]) -> Iterator[Shown]:
    for face in faces:
        points = face.annotation.points
        iod = float(np.linalg.norm(points[_OUTER[0]] - points[_OUTER[1]]))
        assert face.media is not None
        yield Shown(face.read_rgb(), face.media, points[_SHARED[:, 1]], iod)


def ways(model: FaceModel) -> dict[str, Callable[[np.ndarray], list[np.ndarray]]]:
    """Ways to find the eleven points of all faces of a picture."""
    detector, fitter, mine = Detector(), Fitter(model), _SHARED[:, 0]

    def looks(picture: np.ndarray) -> list:
        from faceloop_runtime.imaging.pictures import as_gray

        gray = as_gray(picture)
        return [describe(gray, frame_of_box(box)) for box in detector.detect(picture)]

    def started(picture: np.ndarray) -> list[np.ndarray]:
        assert model.start_map is not None
        starts = [model.start_map(look) for look in looks(picture)]
        return [one.pose.apply(model.pdm.shape(one.b))[mine] for one in starts]

    def tracked(picture: np.ndarray) -> list[np.ndarray]:
        (frame,) = Tracker(model, max_faces=5).track([picture])
        return [face.fit.points[mine] for face in frame.faces]

    return {
        "network": lambda picture: [look.points[mine] for look in looks(picture)],
        "start": started,
        "fit": lambda picture: [
            fitter.fit(picture, box).points[mine] for box in detector.detect(picture)
        ],
        "tracker": tracked,
    }


def mediapipe(interpreter: str, pictures: list[Shown]) -> np.ndarray:
    """Errors of MediaPipe's mesh."""
    program = f"MESH = {_MESH}\n{_MEDIAPIPE}"
    names = "\n".join(str(one.file) for one in pictures)
    done = subprocess.run(
        [interpreter, "-c", program], input=names, capture_output=True, text=True, check=True
    )
    found = [[np.array(face) for face in json.loads(line)] for line in done.stdout.splitlines()]
    return np.array([one.error(faces) for one, faces in zip(pictures, found, strict=True)])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("--model", type=Path, help="of face70; the starter by default")
    parser.add_argument("--every", type=int, default=1, help="take every n-th picture")
    parser.add_argument("--mediapipe", help="Python interpreter that has mediapipe 0.10")
    args = parser.parse_args()
    report = Report(args.json)
    model = FaceModel.load(args.model) if args.model else FaceModel.starter()
    for name in ("helen_train", "afw"):
        with imported("ibug", [data_dir() / name], "ibug68", None) as project:
            faces = sorted(project.faces(), key=lambda face: face.name)[:: args.every]
            pictures = list(shown(faces))
        rows = []
        for what, way in ways(model).items():
            if what != "start" or model.start_map is not None:
                errors = np.array([one.error(way(one.picture)) for one in pictures])
                rows.append({"what": what, **error_row(errors)})
                sys.stderr.write(f"{name}: {what}\n")
        if args.mediapipe:
            theirs = mediapipe(args.mediapipe, pictures)
            rows.append({"what": "mediapipe", **error_row(theirs)})
        report.table(name, rows)


if __name__ == "__main__":
    main()
