"""Makes the starter model that ships with faceloop.

Run ``python -m faceloop_trainer.starter FOLDER [FILE]`` to train it again on the bundled sample and
on the rendered faces of a folder, of the kind that the start network is trained on
(`faceloop_trainer.start_network`), which show heads turned as far as the profile.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

import faceloop_runtime
from faceloop_datasets import Annotation, Face, PointState, Project, Scheme
from faceloop_datasets.face import snapshot_hash
from faceloop_datasets.sample import sample_turns
from faceloop_runtime.model import FaceModel
from faceloop_trainer.data.faces import load_faces
from faceloop_trainer.start_network.rendered import RenderedTable

from .config import TrainingConfig
from .train import train_faces

if TYPE_CHECKING:
    from faceloop_datasets.progress import ProgressLike

_CORRECTION = 0.65
"""The starter is used on photographs, but learns its last step on rendered faces: two thirds of it
are a mean (94 MUCT faces from the detector, and HELEN: with half of it NME .0337 and .0400, with
.65 .0339 and .0396, with three quarters .0341 and .0394, with all HELEN .0393)."""
_RENDERED = 1500
"""Faces in wide poses that are added to the sample's 400."""
_CONFIG = TrainingConfig(holdout=0.0, prior="none", components=40)


def make_starter(folder: Path, progress: ProgressLike = None) -> FaceModel:
    """Train on the bundled sample and on rendered faces.

    Default settings, but for a softer last step, and fewer shape components: with 50 the file,
    which everybody downloads, is larger, and the fits are as good. What the faces express is
    learned from both, too.

    Parameters
    ----------
    folder : Path
        Rendered faces: ``annotations.csv`` and the pictures it names. People that are kept aside
        (`faceloop_trainer.start_network.rendered.is_aside`) are left out.
    progress : Monitor or callable, optional
        Told each step.

    Raises
    ------
    FaceloopError
        If the folder has no such faces.
    """
    scheme = Scheme.load("face70")
    with TemporaryDirectory() as place:
        project = Project.create(Path(place) / "sample", sample=True)
        try:
            table = RenderedTable.read(folder)
            faces = [*project.faces(), *rendered_faces(table)]
            read, _ = load_faces(scheme, faces, _CONFIG.scales[-1], progress=progress)
        finally:
            project.close()
    turns = {**sample_turns(), **_rendered_turns(table)}
    told = [replace(face, turn=turns[face.name]) for face in read]
    model = train_faces(scheme, told, _CONFIG, progress=progress)
    provenance = {
        **model.provenance,
        "snapshot": snapshot_hash(faces),
        "unusable": len(faces) - len(read),
        "metrics": {},
    }
    regressor = model.regressor.scaled(_CORRECTION)
    return replace(model, regressor=regressor, provenance=provenance)


def rendered_faces(table: RenderedTable) -> list[Face]:
    """Return a seeded choice of the faces as the faces of a project, hidden points occluded."""
    known = np.flatnonzero(~table.aside)
    chosen = np.random.default_rng(_CONFIG.seed).permutation(known)[:_RENDERED]
    states = np.where(table.seen > 0, PointState.VISIBLE, PointState.OCCLUDED)
    return [
        Face(
            item_id=-1 - int(k),
            revision_id=-1 - int(k),
            name=table.files[k].name,
            subject=f"rendered {table.people[k]}",
            annotation=Annotation("face70", table.points[k], states[k]),
            media=table.files[k],
            frame=None,
            media_sha256=None,
            expression=table.expressions[k],
        )
        for k in np.sort(chosen)
    ]


def _rendered_turns(table: RenderedTable) -> dict[str, tuple[float, float, float]]:
    names = [file.name for file in table.files]
    rows = table.turns.astype(np.float64).tolist()
    return {name: (yaw, pitch, roll) for name, (yaw, pitch, roll) in zip(names, rows, strict=True)}


def main() -> None:
    """Write the starter model to the file named, or to its place in the package."""
    own = Path(faceloop_runtime.__file__).parent / "starter" / "face70.safetensors"
    parser = argparse.ArgumentParser(prog="python -m faceloop_trainer.starter", description=__doc__)
    parser.add_argument("folder", type=Path, help="rendered faces: annotations.csv and pictures")
    parser.add_argument("file", type=Path, nargs="?", default=own, help="where to write the model")
    options = parser.parse_args()
    options.file.parent.mkdir(exist_ok=True)
    make_starter(options.folder).save(options.file)


if __name__ == "__main__":
    main()
