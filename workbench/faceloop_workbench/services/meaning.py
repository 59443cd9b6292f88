"""What a measured error means, in sentences for people who have never heard of an NME."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faceloop_datasets.plain import is_number
from faceloop_datasets.subjects import count_of
from faceloop_datasets.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from faceloop_datasets import Scheme
    from faceloop_trainer.evaluation.weak_spots import WeakSpot

_FEW_PIXELS = 3.0
"""Below so many, tenths of a pixel are told."""


def per_cent(error: float) -> str:
    """Return an error in units of IOD as it is told: ``3.1 %``."""
    return f"{100 * error:.1f} %"


def size_word(scheme: Scheme) -> str:
    """Return what errors are a share of: schemes without both eyes have a length of their own."""
    measured_by_eyes = scheme.has_level_iod or scheme.size_in_iod is not None
    return "the distance between the eyes" if measured_by_eyes else "the size of the face"


def meaning_text(metrics: Mapping[str, Any], scheme: Scheme) -> str:
    """Say how far off a model is, in pictures as in numbers; empty if it was not measured.

    Parameters
    ----------
    metrics : mapping
        Of the model, as the project has them.
    scheme : Scheme
        The project's.
    """
    error, faces = metrics.get("nme_mean"), metrics.get("faces")
    if not is_number(error) or not is_number(faces):
        return ""
    people = count_of(int(metrics.get("subjects", 0)), metrics.get("subject_kind", "person"))
    mean = f"{per_cent(error)} of {size_word(scheme)}{_pixels(metrics.get('pixels'))}"
    said = [
        f"On average a point is off by {mean}.",
        f"Measured on {counted(int(faces), 'face')} of {people} that it has not seen.",
    ]
    if text := baseline_text(metrics):
        said.append(text)
    return " ".join(said)


def baseline_text(metrics: Mapping[str, Any]) -> str:
    """Compare with the starter on the same faces; empty if that was not measured."""
    error, starter = metrics.get("nme_mean"), metrics.get("baseline")
    if not is_number(error) or not is_number(starter) or starter <= 0:
        return ""
    if round(1000 * error) == round(1000 * starter):
        return f"The starter, without any training, is as good: {per_cent(starter)}."
    if starter < error:
        return f"The starter is better here: {per_cent(starter)} on the same faces."
    less = f"{100 * (1.0 - error / starter):.0f} %"
    return f"That is {less} less than the starter's {per_cent(starter)} on the same faces."


def weak_spots_text(spots: Sequence[WeakSpot]) -> str:
    """Say where a model errs most, in one or two sentences; empty if it errs alike everywhere."""
    if not spots:
        return ""
    parts = [_spot_name(s) + f" ({per_cent(s.error)}, else {per_cent(s.rest)})" for s in spots]
    text = f"It errs most on {' and on '.join(parts)}."
    few = next((spot for spot in spots if spot.trained is not None), None)
    if few is None:
        return text
    count = counted(few.trained or 0, "face")
    return f"{text} It was trained on {count} {few.name}: more would help."


def _spot_name(spot: WeakSpot) -> str:
    if spot.kind == "points":
        return f"the points of the {spot.name.replace('_', ' ')}"
    return f"faces {spot.name}" if spot.kind == "pose" else f"faces like those of {spot.name}"


def _pixels(pixels: object) -> str:
    if not is_number(pixels):
        return ""
    count = f"{pixels:.1f}" if pixels < _FEW_PIXELS else f"{pixels:.0f}"
    return f": about {count} pixels in your pictures"
