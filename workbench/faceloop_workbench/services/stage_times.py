"""How long the stages of a training take, and so how long one will still take."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from faceloop_datasets import Progress

    Clock = Callable[[], float]

_MARKS = 20  # as many are kept of a stage, about


@dataclass(frozen=True)
class Stage:
    """One stage of a training, as it went.

    Parameters
    ----------
    what : str
        What was done, as `faceloop_datasets.Progress` said.
    seconds : float
        How long it took.
    marks : tuple of (float, float)
        Seconds into the stage, and how much of its counter was done then, 0 to 1. Steps do not
        come evenly, and while something is solved there are none at all; also, some stages share
        a counter.
    """

    what: str
    seconds: float
    marks: tuple[tuple[float, float], ...]

    def to_dict(self) -> dict[str, Any]:
        """Values for JSON; `from_dict` is the way back."""
        marks = [[round(t, 3), round(share, 4)] for t, share in self.marks]
        return {"what": self.what, "seconds": round(self.seconds, 3), "marks": marks}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], factor: float = 1.0) -> Stage:
        """Read what `to_dict` made, for work that takes ``factor`` times as long."""
        marks = tuple((factor * t, share) for t, share in values["marks"])
        return cls(values["what"], factor * values["seconds"], marks)

    def window(self, share: float) -> tuple[float, float]:
        """Return when so much was done, and when the next step came, in seconds."""
        at = 0.0
        for (t, s), (t2, s2) in pairwise([(0.0, 0.0), *self.marks]):
            if s2 > share:
                inside = (share - s) / (s2 - s) if share > s else 0.0
                return max(at, t + inside * (t2 - t)), t2
            at = t2
        return at, self.seconds


class Stopwatch:
    """Notes how each stage of a piece of work goes.

    Parameters
    ----------
    clock : callable
        Gives seconds.
    """

    def __init__(self, clock: Clock = time.perf_counter) -> None:
        self._clock = clock
        self._stages: list[tuple[str, list[tuple[float, float]]]] = []
        self._done = 0

    def __call__(self, step: Progress) -> None:
        """Take the next step."""
        if not self._stages or begins_stage(step, self._stages[-1][0], self._done):
            self._stages.append((step.what, []))
        self._stages[-1][1].append((self._clock(), _share(step)))
        self._done = step.done

    def stages(self) -> list[Stage]:
        """Return the stages so far; the last one ends now."""
        ends = [marks[0][0] for _, marks in self._stages[1:]] + [self._clock()]
        return [
            Stage(what, end - marks[0][0], _thinned(marks, end))
            for (what, marks), end in zip(self._stages, ends, strict=True)
        ]


class TimeLeft:
    """Tells how far a training is, from how the stages of an earlier one went.

    Parameters
    ----------
    plans : sequence of sequence of Stage
        The stages to come, the likeliest first; see `expected_stages`. Which one it is shows
        when a stage begins that only another one has.
    clock : callable
        Gives seconds.
    """

    def __init__(self, plans: Sequence[Sequence[Stage]], clock: Clock = time.perf_counter) -> None:
        self._plans, self._clock = plans, clock
        self._expected: Sequence[Stage] = plans[0] if plans else []
        self._begun = self._stepped = clock()
        self._at = -1  # the stage it is in
        self._what, self._done, self._part = "", 0, 0.0
        self._shown = 0.0

    def step(self, step: Progress) -> None:
        """Take the next step."""
        if begins_stage(step, self._what, self._done):
            self._at = self._place(step.what)
        self._what, self._done, self._part = step.what, step.done, _share(step)
        self._stepped = self._clock()

    def _place(self, what: str) -> int:
        """Return the number of the stage that begins, after looking for the plan that has it."""
        for plan in (self._expected, *self._plans):
            for i in range(self._at + 1, len(plan)):
                if plan[i].what == what:
                    self._expected = plan
                    return i
        return self._at

    @property
    def _total(self) -> float:
        return sum(stage.seconds for stage in self._expected)

    def share_passed(self) -> float:
        """Return the share of the time that has passed, 0 to 1, as far as one can tell.

        It never falls: people would think that something is done once more.
        """
        if self._total:
            self._shown = max(self._shown, self._passed() / self._total)
        return self._shown

    def seconds_left(self) -> float:
        """Return the seconds that are left, as far as one can tell."""
        passed = self._passed()
        return (self._total - passed) * self._pace(passed)

    def _passed(self) -> float:
        """Return how many of the expected seconds have passed."""
        if self._at < 0:
            return 0.0
        reached, following = self._expected[self._at].window(self._part)
        # Between two steps the clock goes on, but never past the next mark.
        waited = (self._clock() - self._stepped) / self._pace(self._past() + reached)
        return self._past() + min(reached + waited, following)

    def _past(self) -> float:
        return sum(stage.seconds for stage in self._expected[: self._at])

    def _pace(self, passed: float) -> float:
        """Return how slow this is against what was expected, shrunk to 1 in the beginning."""
        doubt = 0.1 * self._total
        until = self._stepped - self._begun
        return (until + doubt) / (passed + doubt) if self._total else 1.0


def expected_stages(history: Sequence[Mapping[str, Any]], faces: int) -> list[list[Stage]]:
    """Return the stages that a training on so many faces may have.

    Parameters
    ----------
    history : sequence of mapping
        Metrics of the models that were trained in this project, the newest first, with ``stages``
        and ``trained_faces``.
    faces : int
        Faces that will train.

    Returns
    -------
    list of list of Stage
        First as the last training went; then, since one either learns everything or takes in
        what changed, as the last one of each kind did, or as on the bundled sample.
    """
    plans: list[list[Stage]] = []
    for metrics in (*history, _SAMPLE, _RETRAINED_SAMPLE):
        names = [values["what"] for values in metrics["stages"]]
        if not any(names == [stage.what for stage in plan] for plan in plans):
            factor = faces / max(metrics["trained_faces"], 1)
            plans.append([Stage.from_dict(values, factor) for values in metrics["stages"]])
    return plans


def rough_time(seconds: float) -> str:
    """Say a time roughly, as people do."""
    if seconds < 5:
        return "a few seconds"
    if seconds < 50:
        return f"{5 * round(seconds / 5)} s"
    if seconds < 3570:
        return f"{max(round(seconds / 60), 1)} min"
    return f"{seconds / 3600:.1f} h"


def begins_stage(step: Progress, what: str, done: int) -> bool:
    """Whether a step begins another stage than that of the step before, ``what`` and ``done``."""
    return step.what != what or step.done < done


def _share(step: Progress) -> float:
    return step.done / step.total if step.total else 0.0


def _thinned(marks: list[tuple[float, float]], end: float) -> tuple[tuple[float, float], ...]:
    """Return the marks from the stage's begin, without those that lie on a line with others."""
    begin, span = marks[0][0], max(end - marks[0][0], 1e-9)
    kept: list[tuple[float, float]] = []
    for here, following in pairwise([*marks, (end, 2.0)]):
        near = kept and (here[0] - begin - kept[-1][0]) < span / _MARKS
        if not near or following[0] - here[0] > span / _MARKS:
            kept.append((here[0] - begin, here[1]))
    return tuple(kept)


def _stage(what: str, seconds: float, *marks: tuple[float, float]) -> dict[str, Any]:
    return Stage(what, seconds, marks).to_dict()


# The bundled sample on two cores of 2026. After a while only the proportions matter.
_SAMPLE: dict[str, Any] = {
    "trained_faces": 320,
    "stages": [
        _stage("reading faces", 1.0, (0.0, 0.0), (0.9, 1.0)),
        _stage(
            "training patch experts",
            15.6,
            (0.0, 0.0),
            (4.6, 0.21),  # faces are read in; then their filters are solved for, without steps
            (10.8, 0.22),
            (11.6, 0.31),
            (12.4, 0.5),
            (12.9, 0.53),
            (15.2, 0.54),
        ),
        _stage("learning corrections", 7.5, (0.0, 0.57), (7.2, 0.79)),
        _stage("learning to judge fits", 13.0, (0.0, 0.79), (8.0, 1.0)),
        _stage("measuring fits", 1.5, (0.0, 0.0), (1.4, 1.0)),
        _stage("measuring fits", 1.5, (0.0, 0.0), (1.4, 1.0)),  # the one before, or the starter
    ],
}
_RETRAINED_SAMPLE: dict[str, Any] = {
    "trained_faces": 320,
    "stages": [
        _stage("reading faces", 0.8, (0.0, 0.0), (0.3, 1.0)),
        _stage("taking in what changed", 1.5, (0.0, 0.0), (0.4, 1.0)),
        _stage("measuring fits", 1.5, (0.0, 0.0), (1.4, 1.0)),
        _stage("measuring fits", 0.1, (0.0, 0.0), (0.1, 1.0)),  # its fits are known
    ],
}
