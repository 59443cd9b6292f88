"""Expressions: how often faces of people never seen are named as they are labelled.

Run ``python tests/benchmarks/expressions.py``: the people of the bundled sample are parted; each
part is fitted from the detector's boxes by a model that was trained on the others, and named. Nine
of the sample's thirteen expressions have one meaning: *talk* and *mixed* may look like any other,
*pucker* and *sneer* have 3 and 5 faces. ``--all`` takes all that can be learned.

``--rendered FOLDER`` trains on rendered faces too, as the starter is (`faceloop_trainer.starter`).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from common import CONSOLE, Clock, Report, add_common

from faceloop_datasets import Project, Scheme
from faceloop_runtime import Detector, Fitter
from faceloop_runtime.expressions import shares_of
from faceloop_trainer import TrainingConfig
from faceloop_trainer.data.faces import load_faces
from faceloop_trainer.expressions import ExpressionAssessment
from faceloop_trainer.expressions.people import own_of_others
from faceloop_trainer.start_network.rendered import RenderedTable
from faceloop_trainer.starter import rendered_faces
from faceloop_trainer.train import train_faces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Face
    from faceloop_runtime import Fit

NINE = (
    "closed_eyes", "frown", "neutral", "open", "press", "smile", "smile_open", "surprise", "wink",
)  # fmt: skip


@dataclass
class Named:
    """What faces were named, by models that have not seen their people."""

    names: tuple[str, ...] = NINE
    truth: list[str] = field(default_factory=list)
    strangers: list[np.ndarray] = field(default_factory=list)
    known: list[np.ndarray] = field(default_factory=list)
    people: set[str] = field(default_factory=set)
    lost: int = 0

    def assessment(self, *, known: bool = False) -> ExpressionAssessment:
        """Compare with the labels, as strangers or as people whose other faces are known."""
        kept = [k for k, label in enumerate(self.truth) if label in self.names]
        truth = np.array([self.names.index(self.truth[k]) for k in kept])
        shares = np.array(self.known if known else self.strangers)[kept]
        return ExpressionAssessment.of(self.names, truth, shares, shares, len(self.people))


def main() -> None:
    """Measure what was asked for."""
    options = _options()
    report, named, timed = Report(options.json), Named(), []
    with TemporaryDirectory() as folder, Project.create(Path(folder) / "p", sample=True) as project:
        faces = [_relabelled(face, options.all) for face in project.faces()]
        extra = _rendered(options.rendered, options.all)
        people = sorted({face.subject for face in faces})
        order = np.random.default_rng(options.seed).permutation(len(people))
        part_of = {people[p]: k % options.parts for k, p in enumerate(order)}
        for part in range(options.parts):
            training = [face for face in faces if part_of[face.subject] != part]
            testing = [face for face in faces if part_of[face.subject] == part]
            timed.append(_measure(project.scheme, [*training, *extra], testing, named))
            CONSOLE.print(f"part {part}: {_row(named.assessment())}")
    report.table("training", timed)
    _show(report, named)


def _show(report: Report, named: Named) -> None:
    """Show how often faces were named rightly; the tables after that are of strangers."""
    strangers, known = named.assessment(), named.assessment(known=True)
    rows = [
        {"people": "strangers", **_row(strangers), "lost": named.lost},
        {"people": "their other faces known", **_row(known), "lost": named.lost},
    ]
    report.table("expressions of people not trained on", rows)
    table = zip(strangers.names, strangers.confusion, strict=True)
    rows = [{"labelled": n, **dict(zip(strangers.names, row, strict=True))} for n, row in table]
    report.table("how many were named what", rows)
    rows = [
        {"said": round(said, 3), "right": round(right, 3), "faces": count}
        for said, right, count in strangers.reliability
    ]
    report.table("reliability", rows)


def _row(found: ExpressionAssessment) -> dict[str, object]:
    return {
        "faces": found.faces,
        "named rightly": round(found.accuracy, 3),
        "each expression alike": round(found.balanced_accuracy, 3),
        "log loss": round(found.log_loss, 3),
        "calibration error": round(found.calibration_error, 3),
    }


def _measure(
    scheme: Scheme, training: Sequence[Face], testing: Sequence[Face], named: Named
) -> dict[str, object]:
    """Train on some faces, name the others; return how long that took."""
    config = TrainingConfig(holdout=0.0)
    read, _ = load_faces(scheme, training, config.scales[-1])
    with Clock() as clock:
        model = train_faces(scheme, read, config)
    named.names = model.expression_names
    fitter, detector = Fitter(model, "cpu"), Detector()
    fits = [(face, fit) for face in testing if (fit := _fit(fitter, detector, face)) is not None]
    named.lost += len(testing) - len(fits)
    shares = np.array([list(fit.expressions.values()) for _, fit in fits])
    odds = np.log(np.maximum(shares, 1e-6))
    beyond = odds - shares @ model.expressions.typical
    own = own_of_others(beyond - beyond.mean(axis=1, keepdims=True), [f.subject for f, _ in fits])
    named.truth += [face.expression for face, _ in fits]
    named.strangers += list(shares)
    named.known += list(shares_of(odds - own))
    named.people |= {face.subject for face, _ in fits}
    return {"faces": len(read), **clock.row("training")}


def _fit(fitter: Fitter, detector: Detector, face: Face) -> Fit | None:
    """Fit the face that is annotated, from where it was detected."""
    gray = face.read_gray()
    x, y = np.nanmean(face.annotation.points, axis=0)
    for box in detector.detect(gray):
        left, top, width, height = box.upright()
        if abs(x - left - width / 2) < 0.6 * width and abs(y - top - height / 2) < 0.8 * height:
            return fitter.fit(gray, box)
    return None


def _rendered(folder: Path | None, every: bool) -> list[Face]:
    if folder is None:
        return []
    return [_relabelled(face, every) for face in rendered_faces(RenderedTable.read(folder))]


def _relabelled(face: Face, every: bool) -> Face:
    return face if every or face.expression in NINE else replace(face, expression="")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", type=int, default=5, help="parts of the people")
    parser.add_argument("--all", action="store_true", help="all expressions that can be learned")
    parser.add_argument("--rendered", type=Path, help="folder of rendered faces to train on too")
    add_common(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
