"""What the timeline shows, in a few lines with its own colours."""

from __future__ import annotations

import numpy as np

from faceloop_datasets.tracks.face_track import FrameKind, Verdict

from .canvas_rows import KIND_COLOURS, VERDICT_COLOURS
from .colours import error_colours

_KINDS = {
    FrameKind.CORRECTED: "corrected by hand (solid)",
    FrameKind.SPREAD: "spread from a correction (thin)",
    FrameKind.INTERPOLATED: "interpolated (dashed)",
    FrameKind.SMOOTHED: "smoothed (dotted)",
}
_VERDICTS = {Verdict.ACCEPTED: "accepted", Verdict.REJECTED: "rejected (broken)"}


def _block(colour: tuple[int, ...]) -> str:
    red, green, blue = (int(value) for value in colour)
    return f"<span style='color: rgb({red}, {green}, {blue})'>■</span>"


def _legend() -> str:
    good, fair, poor, unseen = (
        _block(tuple(c)) for c in error_colours([0.0, 1.0, 2.0, np.nan], threshold=1.0)
    )
    kinds = [f"{_block(KIND_COLOURS[kind])} {said}" for kind, said in _KINDS.items()]
    verdicts = [f"{_block(VERDICT_COLOURS[v])} {said}" for v, said in _VERDICTS.items()]
    lines = [
        f"Bars, higher where worse: {good} good {fair} fair {poor} poor {unseen} not seen",
        "Stripes: no face",
        f"Thin line: {', '.join(kinds)}",
        f"Line below it: {', '.join(verdicts)}",
        "◆ annotated &nbsp; ○ in the review queue",
        "Click or drag: go there. Shift + drag: select a range. Wheel: zoom.",
        "Shift + wheel, or middle button: move. Keys: ← → Home End + &minus; 0 Esc",
    ]
    return "<p>" + "<br>".join(lines) + "</p>"


LEGEND = _legend()
