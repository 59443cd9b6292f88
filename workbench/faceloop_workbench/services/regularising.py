"""Holding or letting go single modes of a model by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets import InputError

from .model_choice import ChosenModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from faceloop_runtime import FaceModel
    from faceloop_runtime.pdm import PointDistributionModel

MOST = 10.0
"""Largest factor that a person can give."""
_AS_LEARNED = "metrics_as_learned"


def factors_of(pdm: PointDistributionModel) -> NDArray[np.float64]:
    """Return the factors of a shape model's prior, 1 for modes that are as learned, (K,)."""
    learned: NDArray[np.float64] = np.ones(len(pdm.variances))
    return learned if pdm.regularisation is None else pdm.regularisation


def regularised(chosen: ChosenModel, factors: Mapping[int, float]) -> ChosenModel:
    """Give modes of a model other factors of their prior in a fit.

    Parameters
    ----------
    chosen : ChosenModel
        The model; it stays as it is.
    factors : mapping of int to float
        By number of the component, from 1: 0 leaves it free, 1 is as learned, up to `MOST` holds
        it. Others keep theirs.

    Raises
    ------
    InputError
        If there is no such component, or a factor is out of range.
    """
    values = factors_of(chosen.model.pdm).copy()
    for number, factor in factors.items():
        _check(chosen, number, factor)
        values[number - 1] = factor
    return ChosenModel(f"{chosen.name}, by hand", _with_factors(chosen, values), kept=False)


def factors_text(model: FaceModel) -> str:
    """Say which components are regularised otherwise than learned."""
    changed = [(n, f) for n, f in enumerate(factors_of(model.pdm), 1) if f != 1]
    said = (f"{n} free" if f == 0 else f"{n} held {f:g} times as firmly" for n, f in changed)
    return ", ".join(f"component {one}" for one in said) or "all components as learned"


def _with_factors(chosen: ChosenModel, values: NDArray[np.float64]) -> FaceModel:
    model = chosen.model
    learned = bool((values == 1).all())
    pdm = replace(model.pdm, regularisation=None if learned else values)
    made = replace(model, pdm=pdm)
    return replace(made, provenance=_provenance(chosen, "" if learned else factors_text(made)))


def _provenance(chosen: ChosenModel, what: str) -> dict[str, Any]:
    """Return where a copy comes from; what was measured of the model it is made of is not its own.

    ``what`` is empty where all is as learned again: then the copy is that model.
    """
    known = dict(chosen.model.provenance)
    before = known.pop("regularised", None)
    metrics = before.get(_AS_LEARNED) if isinstance(before, dict) else known.get("metrics")
    if "metrics" in known:
        known["metrics"] = {} if what else metrics or {}
    if not what:
        return known
    kept = {_AS_LEARNED: metrics} if metrics else {}
    return known | {"regularised": {"from": chosen.name, "what": what, **kept}}


def _check(chosen: ChosenModel, number: int, factor: float) -> None:
    count = len(chosen.model.pdm.variances)
    if not 1 <= number <= count:
        raise InputError(
            f"The model {chosen.name} has no component {number}; expected a number from 1 to "
            f"{count}. Look inside it in the tab Train to see what each moves."
        )
    if not 0 <= factor <= MOST:
        raise InputError(
            f"The factor {factor:g} of component {number} is out of range; expected 0 (free) to "
            f"{MOST:g}, 1 being as learned."
        )
