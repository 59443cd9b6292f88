"""kill -9 at random moments: the project opens, is sound, and holds all that was reported saved.

Each scenario runs once to its end, which says how long it takes and how often it changes a file.
Then it is killed again and again: every other time at a random moment, else at a random one of
those changes (before it, after it, or in the middle of a write), which finds the narrow places.
"""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from nursery import KILLS, LONG, SEED, Fault, Nursery, Outcome
from scenes import begun, check_left

if TYPE_CHECKING:
    from collections.abc import Callable

SHARES: dict[str, float] = {
    "annotate": 4,
    "queue": 3,
    "confirm": 2,
    "label": 1,
    "bring": 3,
    "tracks": 1,
    "create": 2,
    "models": 3,
    "export": 1,
    "migrate": 2,
}
if LONG:
    SHARES |= {"track": 2, "many": 2, "train": 0.4, "retrain": 3}


@dataclass(frozen=True)
class Site:
    """Where victims of one scenario die."""

    nursery: Nursery
    template: Path
    folder: Path
    scenario: str

    def round(self, number: int, fault: Fault) -> Outcome:
        """Let a victim do its work on a copy of the project, and check what is left."""
        place = self.folder / str(number)
        project = begun(self.scenario, self.template, place)
        outcome = self.nursery.run(self.scenario, project, SEED * 1000 + number, fault)
        assert not outcome.of("crash"), outcome.of("crash")[0]["crash"]
        assert not outcome.of("error"), outcome.of("error")
        assert outcome.killed or outcome.code == 0, outcome
        check_left(self.scenario, project, outcome.said)
        shutil.rmtree(place)
        return outcome


@pytest.mark.parametrize("scenario", SHARES)
def test_killed(
    nursery: Nursery,
    template: Path,
    tmp_path: Path,
    tell: Callable[[str], None],
    scenario: str,
) -> None:
    site = Site(nursery, template, tmp_path, scenario)
    whole = site.round(0, Fault())
    kills = max(1, round(KILLS * SHARES[scenario] / sum(SHARES.values())))
    rng = random.Random(f"{SEED} {scenario}")  # noqa: S311 - it shall be repeatable
    died = number = 0
    while died < kills and number < 3 * kills:  # some end before they are killed
        number += 1
        fault = Fault(seconds=max(1e-3, rng.uniform(0, whole.seconds)))
        if number % 2 and nursery.counts_calls and scenario != "train":
            mode = rng.choice(("before", "after", "amid"))
            fault = Fault(mode, rng.randint(1, whole.calls))
        try:
            died += site.round(number, fault).killed
        except AssertionError as error:
            error.add_note(f"{scenario}, round {number} of FACELOOP_SEED={SEED}: {fault}")
            raise
    whole_is = f"{whole.seconds:.1f} s, {whole.calls} calls"
    tell(f"{scenario}: killed {died} in {number} rounds; a whole one: {whole_is}")
    assert died == kills
