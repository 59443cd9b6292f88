"""What a person can choose about a training."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Literal, cast

from faceloop_datasets import TrainingError
from faceloop_runtime.imaging.channels import CHANNELS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

ExpertKind = Literal["ridge", "mosse", "svm", "logistic"]
ModeKind = Literal["principal", "varimax", "sparse"]
MODE_KINDS: tuple[ModeKind, ...] = ("principal", "varimax", "sparse")
PriorKind = Literal["sample", "none"]
PRIOR_KINDS: tuple[PriorKind, ...] = ("sample", "none")
EXPERT_KINDS: tuple[ExpertKind, ...] = ("ridge", "mosse", "svm", "logistic")
_MOST = 2**63 - 1


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of a training. The defaults are the best-measured ones.

    Parameters
    ----------
    experts : {"ridge", "mosse", "svm", "logistic"}
        How patch experts are trained: dense-shift ridge regression, MOSSE correlation
        filters, linear SVM (liblinear), or logistic regression.
    channels : tuple of {"raw", "gradient", "lbp"}
        What the experts look at.
    scales : tuple of float
        IOD in pixels of each crop, coarse to fine, whatever a scheme measures faces by.
    components : int
        Most shape components kept.
    modes : {"principal", "varimax", "sparse"}
        Principal components, their varimax rotation, whose components move one part of the face
        each (`faceloop_trainer.pdm.varimax`), or sparse ones, which leave the rest of the face
        exactly where it is (`faceloop_trainer.pdm.sparse`). The others are easier to name and to
        regularise by hand; varimax ones fit alike, sparse ones 1 to 3 % worse
        (docs/explanation/modes.md).
    prior : {"sample", "none"}
        Begin with how the faces of the bundled sample vary, or with nothing. It fades as faces
        are added. Only for schemes that the sample can be converted to (face70, clmtrackr71).
    mirror : bool
        Train on every face and its mirror image, if the scheme knows what mirrors what.
    limit : int, optional
        Train on this many faces at most, whole subjects at a time.
    holdout : float
        Share of the subjects that is kept out of the training and measures the model.
        A subject stays on its side as the project grows.
    seed : int
        Seed of every random choice.

    Raises
    ------
    TrainingError
        If a value is out of range.
    """

    experts: ExpertKind = "ridge"
    channels: tuple[str, ...] = ("gradient", "lbp")
    scales: tuple[float, ...] = (24.0, 36.0, 54.0)
    components: int = 50
    modes: ModeKind = "principal"
    prior: PriorKind = "sample"
    mirror: bool = True
    limit: int | None = None
    holdout: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        self._check("experts", self.experts in EXPERT_KINDS, f"one of {', '.join(EXPERT_KINDS)}")
        some = _is_tuple(self.channels) and bool(self.channels)
        known = some and all(channel in tuple(CHANNELS) for channel in self.channels)
        self._check("channels", known, f"some of {', '.join(CHANNELS)}")
        sizes = _is_tuple(self.scales) and len(self.scales) == 3
        rising = sizes and all(_is_real(s, 8, 500) for s in self.scales)
        rising = rising and self.scales[0] < self.scales[1] < self.scales[2]
        self._check("scales", rising, "three rising sizes from 8 to 500 px")
        self._check("components", _is_whole(self.components, 1, 200), "1 to 200")
        kinds = f"one of {', '.join(MODE_KINDS)} (called natural before)"
        self._check("modes", self.modes in MODE_KINDS, kinds)
        self._check("prior", self.prior in PRIOR_KINDS, f"one of {', '.join(PRIOR_KINDS)}")
        self._check("mirror", isinstance(self.mirror, bool), "true or false")
        limited = self.limit is None or _is_whole(self.limit, 2, _MOST)
        self._check("limit", limited, "2 or more faces")
        share = _is_real(self.holdout, 0, 1) and self.holdout < 1
        self._check("holdout", share, "from 0 up to, not including, 1")
        self._check("seed", is_seed(self.seed), "a whole number from 0 up")

    def _check(self, name: str, good: bool, expected: str) -> None:
        if not good:
            found = getattr(self, name)
            raise TrainingError(
                f"The setting {name} = {found!r:.80} is not usable; expected {expected}."
            )


def with_current_names(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of an earlier training by the names of today.

    Model files and projects of before call varimax components natural.
    """
    renamed = {**settings}
    if renamed.get("modes") == "natural":
        renamed["modes"] = "varimax"
    return renamed


# Settings also come from model files and projects of others, where a value may be of any type.


def is_seed(value: object) -> bool:
    """Whether random numbers can start from a value."""
    return _is_whole(value, 0, _MOST)


def _is_tuple(value: object) -> bool:
    return isinstance(value, tuple)


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, Integral) and _is_real(value, low, high)


def _is_real(value: object, low: float, high: float) -> bool:
    real = isinstance(value, Real) and not isinstance(value, bool)
    return real and low <= cast("float", value) <= high
