"""Moments that are kept are the moments that would be gathered anew, to the bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import Monitor
from faceloop_runtime.imaging.channels import plane_count
from faceloop_runtime.responses.experts import windows
from faceloop_trainer.cache import Cache
from faceloop_trainer.data.completion import CompletedFace, ReferenceFrame
from faceloop_trainer.data.faces import TrainingFace
from faceloop_trainer.experts.moment_cache import gather_moments
from faceloop_trainer.experts.moments import WIDTH, MomentGatherer, Moments
from faceloop_trainer.experts.sampling import Sampling, Targets
from faceloop_trainer.parallel import StepCounter

N, SCALE, FAMILIES = 4, 24.0, ("gradient",)
SHAPE = np.array([[-0.5, -0.3], [0.5, -0.3], [0.1, 0.1], [0.0, 0.5]])


def known(number: int, **changes: object) -> CompletedFace:
    """A picture of noise, under whose name it is in the cache, and points in it."""
    rng = np.random.default_rng(number)
    picture = rng.integers(0, 256, (90, 90), np.uint8)
    points = SHAPE * 24 + 45 + rng.normal(0, 0.5, (N, 2))
    trains = rng.random(N) < 0.8
    trains[0] = True
    face = TrainingFace(
        f"face {number}", f"person {number}", picture, points, trains, trains,
        source=f"{number:032x}",
    )  # fmt: skip
    face = replace(face, **changes)  # type: ignore[arg-type]
    return CompletedFace(face, face.points)


class Trainings:
    """Trainings on some faces, one after the other, with one cache."""

    def __init__(self, folder: Path) -> None:
        self.cache = Cache(folder)
        self.sampled, self.ticks = 0, 0

    def keep_picture(self, one: CompletedFace) -> None:
        assert one.original.picture is not None
        self.cache.save("faces", one.original.source, {"picture": one.original.picture})

    def sampling(self, seed: int = 0, scale: float = SCALE) -> Sampling:
        def use(face: TrainingFace) -> np.ndarray:
            self.sampled += 1
            return face.trains_patches

        target = Targets("marks", lambda points: points, use, None)
        return Sampling(target, ReferenceFrame(SHAPE, 1.0), FAMILIES, scale, seed)

    def gather(self, faces: Sequence[CompletedFace], fold: int = 0, **named: float) -> Moments:
        self.sampled = 0
        told = [0]
        steps = StepCounter(Monitor(lambda progress: told.append(progress.done)))
        steps.total = len(faces)
        for one in faces:
            self.keep_picture(one)
        sampling = self.sampling(**named)  # type: ignore[arg-type]
        made = gather_moments(sampling, N, faces, fold, self.cache, steps)
        self.ticks = told[-1]
        return made

    def anew(self, faces: Sequence[CompletedFace], **named: float) -> Moments:
        """The sum by its definition."""
        sampling = self.sampling(**named)  # type: ignore[arg-type]
        gatherer = MomentGatherer(N, plane_count(FAMILIES))
        for one in faces:
            variant = sampling.sample(one)
            cut = windows(variant.channels.planes, variant.centres, WIDTH)
            gatherer.add(cut, variant.offsets, variant.use)
        return gatherer.sums

    def written(self) -> list[bytes]:
        assert self.cache.folder is not None
        return [file.read_bytes() for file in sorted(self.cache.folder.glob("moments/*"))]


@pytest.fixture
def trainings(tmp_path: Path) -> Trainings:
    return Trainings(tmp_path / "cache")


def same(one: Moments, other: Moments) -> None:
    np.testing.assert_array_equal(one.spectra, other.spectra)
    np.testing.assert_array_equal(one.count, other.count)


FACES = [known(i) for i in range(8)]


def test_the_first_sum_is_that_of_all_faces(trainings: Trainings) -> None:
    found = trainings.gather(FACES)
    assert (trainings.sampled, trainings.ticks) == (8, 8)
    same(found, trainings.anew(FACES))


def test_the_same_faces_are_not_looked_at_again(trainings: Trainings) -> None:
    first = trainings.gather(FACES)
    again = trainings.gather(FACES[::-1])
    assert (trainings.sampled, trainings.ticks) == (0, 8)
    same(again, first)


MOVED = replace(FACES[2].original, points=FACES[2].original.points + 0.25)
CHANGED = CompletedFace(MOVED, MOVED.points)
FEWER_MARKS = known(2, trains_patches=np.array([True, False, False, False]))


@pytest.mark.parametrize(
    ("faces", "looks"),
    [
        (FACES[:7], 1),  # one is gone
        ([*FACES, known(20)], 1),  # one is new
        ([*FACES[:2], CHANGED, *FACES[3:]], 2),  # one was corrected: out, and in again
        ([*FACES[:2], FEWER_MARKS, *FACES[3:]], 2),
        ([*FACES, FACES[0]], 1),  # one is there twice
        ([*FACES, known(20), known(20)], 2),
        (FACES[:5], 3),
        ([*FACES[:3], known(21)], 4),  # as many changes as faces would be: begun anew
        ([known(i) for i in range(30, 36)], 6),  # nobody is the same
    ],
)
def test_what_changed_is_looked_at(
    trainings: Trainings, faces: list[CompletedFace], looks: int
) -> None:
    trainings.gather(FACES)
    found = trainings.gather(faces)
    assert trainings.sampled == looks
    assert trainings.ticks == len(faces)
    same(found, trainings.anew(faces))
    same(trainings.gather(faces), found)  # what was kept of it is right too
    assert trainings.sampled == 0


@pytest.mark.parametrize("left", [0, 1])
def test_a_face_thrice_is_three_faces_when_some_go(trainings: Trainings, left: int) -> None:
    trainings.gather([*FACES, FACES[0], FACES[0]])
    fewer = [*FACES, *FACES[:left]]
    found = trainings.gather(fewer)
    assert trainings.sampled == 2 - left
    same(found, trainings.anew(fewer))


@pytest.mark.parametrize("change", ["missing", "another"])
def test_a_face_whose_picture_is_not_kept_cannot_be_taken_out(
    trainings: Trainings, change: str
) -> None:
    """Then all the others are looked at again."""
    trainings.gather(FACES)
    assert trainings.cache.folder is not None
    if change == "missing":
        (trainings.cache.folder / "faces" / f"{FACES[7].original.source}.bin").unlink()
    else:
        other = known(40).original.picture
        assert other is not None
        trainings.cache.save("faces", FACES[7].original.source, {"picture": other})
    found = trainings.gather(FACES[:7])
    assert trainings.sampled == 7
    same(found, trainings.anew(FACES[:7]))


def test_faces_that_are_kept_nowhere_are_summed_too(trainings: Trainings) -> None:
    faces = [known(i, source="") for i in range(6)]
    sampling = trainings.sampling()
    first = gather_moments(sampling, N, faces, 0, trainings.cache, StepCounter(Monitor()))
    trainings.sampled = 0
    same(gather_moments(sampling, N, faces, 0, trainings.cache, StepCounter(Monitor())), first)
    assert trainings.sampled == 0
    fewer = gather_moments(sampling, N, faces[:5], 0, trainings.cache, StepCounter(Monitor()))
    assert trainings.sampled == 5
    same(fewer, trainings.anew(faces[:5]))


@pytest.mark.parametrize("named", [{"seed": 1}, {"scale": 30.0}, {"fold": 1}])
def test_another_way_to_look_has_a_sum_of_its_own(
    trainings: Trainings, named: dict[str, int]
) -> None:
    trainings.gather(FACES)
    found = trainings.gather(FACES, **named)
    assert trainings.sampled == 8
    same(found, trainings.anew(FACES, **{k: v for k, v in named.items() if k != "fold"}))
    trainings.gather(FACES)
    assert trainings.sampled == 0


def test_few_changes_are_not_worth_writing_the_sum_anew(trainings: Trainings) -> None:
    """One of twenty is a twentieth: it is added again the next time. Two are written."""
    many = [known(i) for i in range(100, 120)]
    trainings.gather(many)
    first = trainings.written()
    trainings.gather(many[:19] + many[:1])  # one out, one in
    assert trainings.written() != first
    trainings.gather(many[:19])
    first = trainings.written()
    trainings.gather(many)
    assert trainings.written() == first
    trainings.gather(many)
    assert trainings.sampled == 1


def test_nothing_kept_is_nothing_read(trainings: Trainings) -> None:
    trainings.cache = Cache(None)
    trainings.gather(FACES)
    same(trainings.gather(FACES), trainings.anew(FACES))
