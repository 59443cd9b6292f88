"""What a model knows of space, in words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def space_words(provenance: Mapping[str, Any]) -> str:
    """Say from what a model knows the shape of faces in space, or why it does not.

    Parameters
    ----------
    provenance : mapping
        Of the model; its ``shape3d`` is what `faceloop_trainer.pdm3d.learning.SpaceLearning` tells.
    """
    about = provenance.get("shape3d")
    if not isinstance(about, dict):
        return "This model was trained before there was a shape in space. Train it again."
    if "lacking" in about:
        return str(about["lacking"])
    return (
        f"Learned from how the points of {about.get('faces')} faces move as they turn (by "
        f"{about.get('turn')}°, root mean square of the yaw)."
    )
