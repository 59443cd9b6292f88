"""The first fit of heads turned to the profile: rendered people kept aside, by 15 degrees of yaw.

    python tests/benchmarks/rendered.py FOLDER
    python tests/benchmarks/rendered.py FOLDER --model FILE --every 4

FOLDER holds rendered faces of face70 with ``annotations.csv``; the people that
`faceloop_trainer.start_network.rendered.is_aside` names were trained on neither by the start
network nor by the starter model. Each picture is searched and fitted as by `faceloop fit`. Errors
are means over the points that can be seen, in units of the size that the face would have if it
looked ahead (`Scheme.frontal_iod`). A face that was not found fails.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from common import Report, add_common, error_row

from faceloop_datasets.media.images import read_image
from faceloop_runtime import FaceModel, Fitter
from faceloop_runtime.detect.detector import Detector
from faceloop_runtime.start.finding import find_faces
from faceloop_trainer.start_network.rendered import RenderedTable

_STEP = 15
"""Degrees of yaw that are shown together."""


def first_fits(model: FaceModel, table: RenderedTable, chosen: np.ndarray) -> np.ndarray:
    """Errors of the first fits, infinite where no face was found."""
    detector, fitter = Detector(), Fitter(model)
    errors = []
    for k in chosen:
        picture, truth = read_image(table.files[k], "rgb"), table.points[k].astype(np.float64)
        boxes = find_faces(detector, model, picture)
        found = [fitter.fit(picture, box).points for box in boxes]
        size = model.scheme.frontal_iod(truth)
        away = [np.linalg.norm(points - truth, axis=1)[table.seen[k] > 0] for points in found]
        errors.append(min((float(one.mean()) / size for one in away), default=np.inf))
    return np.array(errors)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser, seed=False)
    parser.add_argument("folder", type=Path, help="rendered faces: annotations.csv and pictures")
    parser.add_argument("--model", type=Path, help="of face70; the starter by default")
    parser.add_argument("--every", type=int, default=1, help="take every n-th picture")
    args = parser.parse_args()
    model = FaceModel.load(args.model) if args.model else FaceModel.starter()
    table = RenderedTable.read(args.folder)
    chosen = np.flatnonzero(table.aside)[:: args.every]
    errors = first_fits(model, table, chosen)
    parts = (np.abs(table.turns[chosen, 0]) // _STEP).astype(int)
    rows = [
        {"yaw": f"{part * _STEP} to {(part + 1) * _STEP}", **error_row(errors[parts == part])}
        for part in sorted(set(parts))
    ]
    report = Report(args.json)
    report.table("rendered people kept aside", [*rows, {"yaw": "all", **error_row(errors)}])


if __name__ == "__main__":
    main()
