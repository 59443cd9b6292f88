"""How much is needed to train a model."""

from __future__ import annotations

from faceloop_datasets.subjects import count_of

FEWEST_FACES, FEWEST_PEOPLE = 10, 2
"""Fewer cannot be trained on."""


def too_few(faces: int, people: int, different: int, why: str = "", *, kind: str = "person") -> str:
    """Say that there is too little to train on, or nothing.

    Parameters
    ----------
    faces, people : int
        Usable faces, and whom they show.
    different : int
        As many of them are no copies of others.
    why : str
        What is known of the reasons, in whole sentences.
    kind : str
        What the people are, see `faceloop_datasets.subjects`.
    """
    if different >= FEWEST_FACES and people >= FEWEST_PEOPLE:
        return ""
    said = f"{faces} usable {'face' if faces == 1 else 'faces'} of {count_of(people, kind)}"
    copied = "" if different == faces else f", only {different} of them different,"
    said = f"There {'is' if faces == 1 else 'are'} {said}{copied} to train on; "
    needed = f"at least {FEWEST_FACES} different faces of {FEWEST_PEOPLE} people are needed."
    return " ".join(filter(None, (said + needed, why, "Annotate or import more.")))
