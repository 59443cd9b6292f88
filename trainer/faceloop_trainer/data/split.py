"""Who trains and who tests; always whole subjects."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .copies import as_people, different
from .requirements import too_few

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from faceloop_datasets.face import Face
    from faceloop_trainer.config import TrainingConfig

FEWEST_FACES, FEWEST_PEOPLE = 10, 2
"""Fewer cannot be trained on, and so nobody is kept out of them."""


@dataclass(frozen=True)
class Split:
    """Faces to train on, and faces of other people to measure the model with."""

    training: tuple[Face, ...]
    held_out: tuple[Face, ...]


def split_faces(faces: Sequence[Face], config: TrainingConfig) -> Split:
    """Split faces by subject.

    A subject is placed by its name alone: it stays on its side when faces are added, so
    that an old and a new model can be compared on people neither has seen. Subjects that share
    a copied face are one, and the faces returned say so (`as_people`). Where too few would be
    left to train on, nobody is held out.

    Parameters
    ----------
    faces : sequence of Face
        All annotated faces of a project.
    config : TrainingConfig
        Share held out, limit, seed.
    """
    faces = as_people(faces)
    subjects = sorted({_subject(f) for f in faces})
    held = {s for s in subjects if _position(s, "holdout") < config.holdout}
    left = [f for f in faces if f.has_image and _subject(f) not in held]
    if held and too_few(len(left), len(subjects) - len(held), different(left)):
        held = set()
    training = [f for f in faces if _subject(f) not in held]
    if config.limit is not None:
        training = _limited(training, config.limit, config.seed)
    return Split(tuple(training), tuple(f for f in faces if _subject(f) in held))


def _limited(faces: Sequence[Face], limit: int, seed: int) -> list[Face]:
    sizes = Counter(_subject(f) for f in faces)
    chosen: set[str] = set()
    count = 0
    for subject in sorted(sizes, key=lambda s: _position(s, f"limit-{seed}")):
        if count + sizes[subject] <= limit:
            chosen.add(subject)
            count += sizes[subject]
    return [f for f in faces if _subject(f) in chosen]


def fingerprint(text: str) -> str:
    """Return a short digest of a name or of a picture's hash, to remember who was trained on."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def picture_fingerprints(faces: Iterable[Face]) -> set[str]:
    """Fingerprints of the pictures of faces: they stay when somebody calls a subject otherwise."""
    return {fingerprint(face.media_sha256) for face in faces if face.media_sha256 is not None}


def trained_fingerprints(provenance: Mapping[str, Any]) -> set[str]:
    """Fingerprints of the subjects and pictures that a model was trained on."""
    return {
        *provenance.get("training_subjects", ()),
        *provenance.get("training_pictures", ()),
    }


def unseen_faces(faces: Sequence[Face], *provenances: Mapping[str, Any]) -> list[Face]:
    """Faces with pictures of people that none of these models was trained on, nor on a copy."""
    trained = set().union(*map(trained_fingerprints, provenances))
    people = as_people(faces)
    seen = {
        _subject(known)
        for face, known in zip(faces, people, strict=True)
        if not trained.isdisjoint({fingerprint(_subject(face))} | picture_fingerprints([face]))
    }
    return [f for f in people if f.has_image and _subject(f) not in seen]


def fold_of(subject: str, folds: int, seed: int) -> int:
    """Return the fold, 0 to ``folds`` - 1, that all faces of a subject belong to."""
    return int(_position(subject, f"fold-{seed}") * folds)


def subsample_by_content(keys: Sequence[str], count: int) -> list[int]:
    """Choose some faces: other ones may come and go, and most of the choice stays."""
    return sorted(sorted(range(len(keys)), key=keys.__getitem__)[:count])


def assign_folds(faces: Sequence[Face], folds: int, seed: int) -> dict[str, int]:
    """Assign whole subjects to folds of about as many faces each, for a cross-validation.

    The subject with the most faces comes first, and each to the fold with the fewest so far;
    the seed orders subjects with as many.

    Parameters
    ----------
    faces : sequence of Face
        All annotated faces.
    folds : int
        How many parts.
    seed : int
        Another one assigns another way.

    Returns
    -------
    dict
        The fold, 0 to ``folds`` - 1, of each subject's faces; subjects as in `as_people`.
    """
    faces = as_people(faces)
    sizes = Counter(_subject(f) for f in faces)
    order = sorted(sizes, key=lambda s: (-sizes[s], _position(s, f"deal-{seed}")))
    filled = [0] * folds
    assigned = {}
    for subject in order:
        assigned[subject] = fold = filled.index(min(filled))
        filled[fold] += sizes[subject]
    return assigned


def _subject(face: Face) -> str:
    return face.subject or face.name


def _position(subject: str, salt: str) -> float:
    """Place a subject in [0, 1) by its name alone."""
    digest = hashlib.sha256(f"{salt}:{subject}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
