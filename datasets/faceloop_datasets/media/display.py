"""How a person wants to see a picture: contrast, gamma and turn. Its pixels stay what they are."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from math import isfinite

from faceloop_datasets.errors import InputError
from faceloop_datasets.plain import is_number

_LONGEST = 1000  # characters; what is written here takes a tenth of it
_GRAY = (0.0, 255.0)
_GAMMA = (0.1, 10.0)


@dataclass(frozen=True)
class PictureDisplay:
    """Contrast, gamma and turn of a picture on the screen.

    Parameters
    ----------
    low, high : float
        Gray values, 0 to 255, that are shown black and white; ``low < high``.
    gamma : float
        Exponent of what lies between: below 1 brighter, above darker; 0.1 to 10.
    turn : float
        Degrees by which the picture is turned clockwise, more than -180 and at most 180.

    Raises
    ------
    InputError
        If a value is out of range.
    """

    low: float = _GRAY[0]
    high: float = _GRAY[1]
    gamma: float = 1.0
    turn: float = 0.0

    def __post_init__(self) -> None:
        values = (self.low, self.high, self.gamma, self.turn)
        sound = (
            all(is_number(value) and isfinite(value) for value in values)
            and _GRAY[0] <= self.low < self.high <= _GRAY[1]
            and _GAMMA[0] <= self.gamma <= _GAMMA[1]
            and -180 < self.turn <= 180
        )
        if not sound:
            raise InputError(
                f"A picture cannot be shown with low {self.low!r:.40}, high {self.high!r:.40}, "
                f"gamma {self.gamma!r:.40} and turn {self.turn!r:.40}. Expected are gray values "
                "0 <= low < high <= 255, a gamma of 0.1 to 10, and a turn of at most 180 degrees."
            )

    @classmethod
    def from_text(cls, text: str) -> PictureDisplay:
        """Read what `text` gave.

        Raises
        ------
        InputError
            If it is not that.
        """
        if not text:
            return cls()
        try:
            found = json.loads(text) if len(text) <= _LONGEST else None
        except (ValueError, RecursionError):
            found = None
        names = {field.name for field in fields(cls)}
        if not isinstance(found, dict) or not found.keys() <= names:
            raise InputError(
                f"How a picture is shown reads {text!r:.60}: expected is a JSON object of "
                f"{', '.join(sorted(names))}. Reset it in the window."
            )
        return cls(**found)

    @property
    def text(self) -> str:
        """What the project's table holds of it; empty where the picture is shown as it is."""
        return "" if self == PictureDisplay() else json.dumps(asdict(self))
