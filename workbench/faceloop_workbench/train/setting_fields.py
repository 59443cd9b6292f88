"""What a person can choose about a training, and what it means. Without Qt."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from faceloop_trainer import TrainingConfig

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class SettingField:
    """One setting of `faceloop_trainer.TrainingConfig`.

    Parameters
    ----------
    name : str
        Name of the field.
    title, help : str
        For people.
    kind : {"one", "some", "number", "share", "flag"}
        One or some of ``options``, a whole number, a share, or yes or no.
    options : tuple of (str, str)
        Values, and what they are called.
    low, high : float
        Least and greatest value.
    """

    name: str
    title: str
    help: str
    kind: Literal["one", "some", "number", "share", "flag"]
    options: tuple[tuple[str, str], ...] = ()
    low: float = 0.0
    high: float = 1.0


SETTING_FIELDS = (
    SettingField(
        "experts",
        "Patch experts",
        "How the filter of each landmark is trained. Ridge regression is the best measured and "
        "quick; MOSSE is the quickest; the others are those of earlier face models.",
        "one",
        (
            ("ridge", "ridge regression (best)"),
            ("mosse", "MOSSE correlation filter"),
            ("svm", "linear SVM"),
            ("logistic", "logistic regression"),
        ),
    ),
    SettingField(
        "channels",
        "Channels",
        "What the filters look at. More channels fit better and take longer.",
        "some",
        (("raw", "gray values"), ("gradient", "gradients"), ("lbp", "local binary patterns")),
    ),
    SettingField(
        "components",
        "Shape components",
        "Most ways in which the shape may vary. Fewer are quicker to look through, and fit worse.",
        "number",
        low=1,
        high=200,
    ),
    SettingField(
        "modes",
        "Kind of components",
        "Principal ones vary most and mix the parts of the face. A varimax rotation of them moves "
        "one part with each, and fits alike. Sparse ones leave the rest of the face exactly where "
        "it is, and fit 1 to 3 % worse. Look inside shows what each component moves.",
        "one",
        (
            ("principal", "principal components"),
            ("varimax", "varimax components"),
            ("sparse", "sparse components"),
        ),
    ),
    SettingField(
        "prior",
        "Begin with",
        "How the faces of the bundled sample vary stands in for faces you have not marked yet. It "
        "fades as you mark more. Only for the schemes face70 and clmtrackr71.",
        "one",
        (("sample", "how the sample's faces vary (best)"), ("none", "your faces only")),
    ),
    SettingField(
        "mirror",
        "Mirrored faces",
        "Train on every face and its mirror image: twice the faces from the same work. Not for "
        "faces that are lopsided in the same way, as in a palsy of one side.",
        "flag",
    ),
    SettingField(
        "holdout",
        "Held out",
        "Share of the people who are kept out of the training to measure the model. They stay "
        "the same as faces are added. Without them models cannot be compared.",
        "share",
        low=0.0,
        high=0.5,
    ),
)


def defaults() -> dict[str, Any]:
    """Return the values that were measured to be best."""
    plain = {f.name: f.default for f in fields(TrainingConfig)}
    return {field.name: plain[field.name] for field in SETTING_FIELDS}


def check(values: Mapping[str, Any]) -> None:
    """Check values before they are used.

    Raises
    ------
    TrainingError
        If one is out of range; it says which and what was expected.
    """
    TrainingConfig(**values)
