"""The smallest training set."""

from __future__ import annotations

from faceloop_datasets.subjects import count_of

MIN_FACES, MIN_PEOPLE = 10, 2
"""Fewer faces, or people, cannot be trained on."""


def limit_reason(limit: int | None) -> str:
    """Return why there are no more faces if a person has limited them; else an empty text."""
    if limit is None:
        return ""
    return f"The setting limit = {limit} leaves all others out, whole subjects at a time."


def unmet_requirements(
    faces: int, people: int, different: int, why: str = "", *, kind: str = "person"
) -> str:
    """Return a message if there are too few faces or people to train on; else an empty text.

    Parameters
    ----------
    faces, people : int
        Numbers of usable faces, and of people in them.
    different : int
        Number of faces without duplicates.
    why : str
        Known reasons, in whole sentences.
    kind : str
        What the people are, see `faceloop_datasets.subjects`.
    """
    if different >= MIN_FACES and people >= MIN_PEOPLE:
        return ""
    said = f"{faces} usable {'face' if faces == 1 else 'faces'} of {count_of(people, kind)}"
    copied = "" if different == faces else f", only {different} of them different,"
    said = f"There {'is' if faces == 1 else 'are'} {said}{copied} to train on; "
    needed = f"at least {MIN_FACES} different faces of {MIN_PEOPLE} people are needed."
    return " ".join(filter(None, (said + needed, why, "Annotate or import more.")))
