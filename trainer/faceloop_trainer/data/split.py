"""Splits of the faces into training and held-out sets and into folds, by whole subjects."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .duplicates import count_distinct, join_duplicate_subjects
from .requirements import unmet_requirements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from faceloop_datasets.face import Face
    from faceloop_trainer.config import TrainingConfig


_FEWEST, _OF = 2, 12
"""People held out at least, of so many: none says nothing of a model, and one nothing of others."""


@dataclass(frozen=True)
class Split:
    """Faces to train on, and faces of other people to measure the model with."""

    training: tuple[Face, ...]
    held_out: tuple[Face, ...]


def split_faces(faces: Sequence[Face], config: TrainingConfig) -> Split:
    """Split faces by subject.

    A subject is assigned by its name alone: it stays in its set when faces are added, so that an
    old and a new model can be compared on people that neither was trained on. Subjects that share
    a duplicated face are joined (`join_duplicate_subjects`). Where the names of a dozen would hold
    out fewer than two, the first two are; where too few faces would be left to train on, nobody is.

    Whom a person has put on a side (`faceloop_datasets.Face.side`) is on that one, whatever the
    name, the share and the number of faces say.

    Parameters
    ----------
    faces : sequence of Face
        All annotated faces of a project.
    config : TrainingConfig
        Share held out, limit, seed.
    """
    faces = join_duplicate_subjects(faces)
    subjects = sorted({f.subject_key for f in faces})
    by_hand = {f.subject_key for f in faces if f.side == "held out"}
    kept = {f.subject_key for f in faces if f.side == "training"} - by_hand
    held = _held_out(subjects, config.holdout) - kept | by_hand
    left = [f for f in faces if f.has_image and f.subject_key not in held]
    if held and unmet_requirements(len(left), len(subjects) - len(held), count_distinct(left)):
        held = by_hand
    training = [f for f in faces if f.subject_key not in held]
    if config.limit is not None:
        training = _limited(training, config.limit, config.seed)
    return Split(tuple(training), tuple(f for f in faces if f.subject_key in held))


def _held_out(subjects: Sequence[str], share: float) -> set[str]:
    held = {s for s in subjects if _position(s, "holdout") < share}
    if share and len(held) < _FEWEST and len(subjects) >= _OF:  # of 15, in every sixth project
        held = set(sorted(subjects, key=lambda s: _position(s, "holdout"))[:_FEWEST])
    return held


def _limited(faces: Sequence[Face], limit: int, seed: int) -> list[Face]:
    sizes = Counter(f.subject_key for f in faces)
    chosen: set[str] = set()
    count = 0
    for subject in sorted(sizes, key=lambda s: _position(s, f"limit-{seed}")):
        if count + sizes[subject] <= limit:
            chosen.add(subject)
            count += sizes[subject]
    return [f for f in faces if f.subject_key in chosen]


def fingerprint(text: str) -> str:
    """Return a short digest of a subject or a picture's hash, as kept in models' provenance."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def picture_fingerprints(faces: Iterable[Face]) -> set[str]:
    """Fingerprints of the pictures of faces, which remain the same if a subject is renamed."""
    return {fingerprint(face.media_sha256) for face in faces if face.media_sha256 is not None}


def trained_fingerprints(provenance: Mapping[str, Any]) -> set[str]:
    """Fingerprints of the subjects and pictures that a model was trained on."""
    return {
        *provenance.get("training_subjects", ()),
        *provenance.get("training_pictures", ()),
    }


def unseen_faces(faces: Sequence[Face], *provenances: Mapping[str, Any]) -> list[Face]:
    """Faces with pictures of people that none of these models was trained on, or on duplicates."""
    trained = set().union(*map(trained_fingerprints, provenances))
    people = join_duplicate_subjects(faces)
    seen = {
        known.subject_key
        for face, known in zip(faces, people, strict=True)
        if not trained.isdisjoint({fingerprint(face.subject_key)} | picture_fingerprints([face]))
    }
    return [f for f in people if f.has_image and f.subject_key not in seen]


def fold_of(subject: str, folds: int, seed: int) -> int:
    """Return the fold, 0 to ``folds`` - 1, that all faces of a subject belong to."""
    return int(_position(subject, f"fold-{seed}") * folds)


def subsample_by_content(keys: Sequence[str], count: int) -> list[int]:
    """Choose faces by their keys, so that most of the choice stays if others come and go."""
    return sorted(sorted(range(len(keys)), key=keys.__getitem__)[:count])


def assign_folds(faces: Sequence[Face], folds: int, seed: int) -> dict[str, int]:
    """Assign whole subjects to folds of about as many faces each, for a cross-validation.

    In order of their number of faces, each subject goes to the fold with the fewest faces so far.

    Parameters
    ----------
    faces : sequence of Face
        All annotated faces.
    folds : int
        Number of folds.
    seed : int
        Orders subjects with equally many faces.

    Returns
    -------
    dict
        The fold, 0 to ``folds`` - 1, of each subject; subjects as in `join_duplicate_subjects`.
    """
    faces = join_duplicate_subjects(faces)
    sizes = Counter(f.subject_key for f in faces)
    order = sorted(sizes, key=lambda s: (-sizes[s], _position(s, f"deal-{seed}")))
    filled = [0] * folds
    assigned = {}
    for subject in order:
        assigned[subject] = fold = filled.index(min(filled))
        filled[fold] += sizes[subject]
    return assigned


def _position(subject: str, salt: str) -> float:
    """Map a subject to [0, 1) by a hash of its name."""
    digest = hashlib.sha256(f"{salt}:{subject}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
