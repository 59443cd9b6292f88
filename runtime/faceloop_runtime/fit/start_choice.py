"""Where a fit to a found face starts: what there is to choose, and what a model can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from faceloop_datasets import InputError

if TYPE_CHECKING:
    from faceloop_runtime.model import FaceModel
    from faceloop_runtime.start_network import StartMap

StartChoice = Literal["auto", "network", "eyes", "box"]
START_CHOICES: tuple[StartChoice, ...] = get_args(StartChoice)
"""``network``: where the start network sees the face, brought to the model's points by its start
map. ``eyes``: where eyes and nose are found in the box. ``box``: the mean face in the box.
``auto``: the network, if the model has a start map; else eyes and nose, and
the box too where that looks poor."""


def checked_choice(choice: str, model: FaceModel) -> StartChoice:
    """Return a choice that the model can start by.

    Parameters
    ----------
    choice : str
        One of `START_CHOICES`.
    model : FaceModel
        What shall be fitted.

    Raises
    ------
    InputError
        If there is no such start, or it is the network and the model has no map for it.
    """
    known = known_choice(choice)
    if known == "network" and model.start_map is None:
        why = (
            "it has no start map: an earlier version of faceloop trained it, or the network sees "
            "no faces in its pictures"
            if model.start is None
            else "its start map was trained for the start network of another version of faceloop"
        )
        raise InputError(
            f"This model cannot start from the start network: {why}. Train the model again, or "
            "choose the start 'auto' or 'eyes'."
        )
    return known


def known_choice(choice: str) -> StartChoice:
    """Return a choice if there is such a start.

    Raises
    ------
    InputError
        If there is none.
    """
    for known in START_CHOICES:
        if choice == known:
            return known
    raise InputError(f"There is no start {choice!r}; expected {', '.join(START_CHOICES)}.")


def chosen_map(choice: StartChoice, model: FaceModel) -> StartMap | None:
    """Return the start map that fits to found faces start from; None if from something else."""
    return model.start_map if choice in ("auto", "network") else None
