"""How long the stages of a training take, and so how long one will still take. Without Qt."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from faceloop_datasets import Progress, ProgressCallback

    Clock = Callable[[], float]


@dataclass(frozen=True)
class Stage:
    """One stage of a training, as it went.

    Parameters
    ----------
    what : str
        What was done, as `faceloop_datasets.Progress` said.
    first, last : float
        Share of its counter at its first and its last step: some stages share a counter.
    stepping : float
        Seconds from its first to its last step.
    silent : float
        Seconds from its last step to the next stage: solving, writing.
    """

    what: str
    first: float
    last: float
    stepping: float
    silent: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.stepping + self.silent

    def to_dict(self) -> dict[str, Any]:
        """Values for JSON; ``Stage(**values)`` is the way back."""
        return {k: v if isinstance(v, str) else round(v, 4) for k, v in asdict(self).items()}


class Stopwatch:
    """Notes when each stage of a piece of work begins and ends.

    Parameters
    ----------
    progress : callable, optional
        Is told each step too.
    clock : callable
        Gives seconds.
    """

    def __init__(
        self, progress: ProgressCallback | None = None, clock: Clock = time.perf_counter
    ) -> None:
        self._progress, self._clock = progress, clock
        self._stages: list[tuple[str, float, float, float, float]] = []
        self._done = 0

    def __call__(self, step: Progress) -> None:
        """Take the next step."""
        now, share = self._clock(), _share(step)
        if not self._stages or begins(step, self._stages[-1][0], self._done):
            self._stages.append((step.what, share, share, now, now))
        else:
            what, first, _, begun, _ = self._stages[-1]
            self._stages[-1] = (what, first, share, begun, now)
        self._done = step.done
        if self._progress is not None:
            self._progress(step)

    def stages(self) -> list[Stage]:
        """Return the stages so far; the last one ends now."""
        ends = [begun for _, _, _, begun, _ in self._stages[1:]] + [self._clock()]
        return [
            Stage(what, first, last, stepped - begun, end - stepped)
            for (what, first, last, begun, stepped), end in zip(self._stages, ends, strict=True)
        ]


class TimeLeft:
    """Tells how far a training is, from how long the stages of an earlier one took.

    Counters alone would not do: a step of one stage takes ten times as long as one of another,
    and the longest solve has no steps at all.

    Parameters
    ----------
    expected : sequence of Stage
        The stages to come; see `expect`.
    clock : callable
        Gives seconds.
    """

    def __init__(self, expected: Sequence[Stage], clock: Clock = time.perf_counter) -> None:
        self._expected, self._clock = list(expected), clock
        self._begun = self._stepped = clock()
        self._at = -1  # the stage it is in
        self._what, self._done, self._inside = "", 0, 0.0

    def step(self, step: Progress) -> None:
        """Take the next step."""
        if begins(step, self._what, self._done):
            later = range(self._at + 1, len(self._expected))
            self._at = next((i for i in later if self._expected[i].what == step.what), self._at)
        self._what, self._done, self._stepped = step.what, step.done, self._clock()
        self._inside = self._part(_share(step))

    def share(self) -> float:
        """Return the share of the work that is done, 0 to 1, in time."""
        total = sum(stage.seconds for stage in self._expected)
        if self._at < 0 or not total:
            return 0.0
        now = self._expected[self._at]
        past = sum(stage.seconds for stage in self._expected[: self._at])
        spent = now.stepping * self._inside
        if self._inside >= 1.0:  # in the part without steps only the clock can tell
            spent += min(self._clock() - self._stepped, 0.95 * now.silent)
        return min((past + spent) / total, 1.0)

    def left(self) -> float:
        """Return the seconds that are left, as far as one can tell."""
        expected = sum(stage.seconds for stage in self._expected)
        share, elapsed = self.share(), self._clock() - self._begun
        # This machine, now, against the machine then: believed the more, the more it has done.
        doubt = 0.1 * expected
        pace = (elapsed + doubt) / (share * expected + doubt) if expected else 1.0
        return (1.0 - share) * expected * pace

    def _part(self, share: float) -> float:
        if self._at < 0:
            return 0.0
        stage = self._expected[self._at]
        width = stage.last - stage.first
        return 1.0 if width <= 0 else min(max((share - stage.first) / width, 0.0), 1.0)


def expect(history: Mapping[str, Any] | None, faces: int) -> list[Stage]:
    """Return the stages that a training on so many faces will have.

    Parameters
    ----------
    history : mapping or None
        Metrics of the last model trained in this project, with ``stages`` and
        ``trained_faces``; None for a first training, which is expected to take as long as the
        bundled sample's on two cores.
    faces : int
        Faces that will train.
    """
    known = history if history and history.get("stages") else _SAMPLE
    factor = faces / max(known["trained_faces"], 1)
    stages = (Stage(**values) for values in known["stages"])
    return [Stage(s.what, s.first, s.last, s.stepping * factor, s.silent * factor) for s in stages]


def words(seconds: float) -> str:
    """Say a time roughly, as people do."""
    if seconds < 5:
        return "a few seconds"
    if seconds < 50:
        return f"{5 * round(seconds / 5)} s"
    if seconds < 3570:
        return f"{max(round(seconds / 60), 1)} min"
    return f"{seconds / 3600:.1f} h"


def begins(step: Progress, what: str, done: int) -> bool:
    """Whether a step begins another stage than that of the step before, ``what`` and ``done``."""
    return step.what != what or step.done < done


def _share(step: Progress) -> float:
    return step.done / step.total if step.total else 0.0


_SAMPLE: dict[str, Any] = {"trained_faces": 1, "stages": []}
