"""The queue shows the worst first, and never the same thing over and over."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import (
    Annotation,
    FrameCandidate,
    Media,
    PointState,
    Project,
    ProjectError,
    QueueEntry,
    QueueReason,
    write_video,
)

N = 70


def shape(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 30, (N, 2)) + 100


@pytest.fixture
def project(tmp_path: Path):  # type: ignore[no-untyped-def]
    with Project.create(tmp_path / "project") as made:
        yield made


@pytest.fixture
def video(project: Project, tmp_path: Path) -> Media:
    frames = [np.full((32, 32, 3), i, np.uint8) for i in range(200)]
    write_video(tmp_path / "v.mp4", frames, 25)
    return project.add_media(tmp_path / "v.mp4")


class TestOrder:
    def test_worst_first_and_import_estimates_last(self, project: Project) -> None:
        ids = [project.add_item(None).id for _ in range(6)]
        project.queue.add(ids[0], "imported-estimate")
        project.queue.add(ids[1], "poor-fit", predicted_error=0.05)
        project.queue.add(ids[2], "poor-fit", predicted_error=0.12)
        project.queue.add(ids[3], "lost-track")
        project.queue.add(ids[4], "manual")
        project.queue.add(ids[5], "imported-estimate")
        order = [e.item_id for e in project.queue.list()]
        assert order == [ids[4], ids[3], ids[2], ids[1], ids[0], ids[5]]

    def test_pages_are_parts_of_the_whole(self, project: Project) -> None:
        for number in range(7):
            project.queue.add(project.add_item(None).id, "poor-fit", predicted_error=number % 3)
        project.queue.skip(project.queue.list()[4].id)
        for status, size in (("open", 6), ("skipped", 1), (None, 7)):
            whole = project.queue.list(status)  # type: ignore[arg-type]
            assert project.queue.count(status) == len(whole) == size  # type: ignore[arg-type]
            pages = [project.queue.list(status, limit=2, offset=at) for at in range(0, 8, 2)]  # type: ignore[arg-type]
            assert [entry for page in pages for entry in page] == whole

    def test_only_ones_own_claim_is_given_back(self, project: Project) -> None:
        entry = project.queue.add(project.add_item(None).id, "manual")
        project.queue.claim(entry.id, "ann")
        assert project.queue.release(entry.id, "bob").author == "ann"
        project.queue.done(entry.id, "cho")
        assert project.queue.release(entry.id, "ann").status == "done"
        assert project.queue.release(entry.id).status == "open"
        project.queue.claim(entry.id, "ann")
        assert project.queue.release(entry.id, "ann").status == "open"

    def test_one_entry_an_item(self, project: Project) -> None:
        item = project.add_item(None).id
        project.queue.add(item, "imported-estimate")
        entry = project.queue.add(item, "poor-fit", predicted_error=0.3, model="m", fit=shape(0))
        assert project.queue.list() == [entry]
        assert entry.fit is not None
        assert [why.reason for why in entry.reasons] == ["poor-fit", "imported-estimate"]
        np.testing.assert_array_equal(entry.fit.points, shape(0))
        assert (entry.fit.states == PointState.ESTIMATED).all()
        assert entry.fit.source == "fit:m"
        assert project.annotation(item) is None  # a fit is no annotation

    def test_bad_entries(self, project: Project) -> None:
        item = project.add_item(None).id
        with pytest.raises(ProjectError, match="no item 9"):
            project.queue.add(9, "manual")
        with pytest.raises(ProjectError, match="70 finite points"):
            project.queue.add(item, "poor-fit", fit=np.zeros((3, 2)))
        with pytest.raises(ProjectError, match="no entry 5"):
            project.queue.done(5)
        for wrong in (70, -1):
            with pytest.raises(ProjectError, match=rf"landmarks 0\.\.69 .* got {wrong}"):
                project.queue.add(item, "label-check", points=(3, wrong))
        assert project.queue.list() == []


class TestReasons:
    """An entry has several, each with its sentence and points; the worst ranks it."""

    SENTENCE = "Point 61, nose tip, lies to the right."

    def test_another_keeps_the_others_and_the_fit(self, project: Project) -> None:
        item = project.add_item(None).id
        project.queue.add(item, "poor-fit", predicted_error=0.05, model="m", fit=shape(0), shot=3)
        entry = project.queue.add(item, "label-check", note=self.SENTENCE, points=(61, 3))
        assert entry.reasons == (
            QueueReason("label-check", None, self.SENTENCE, (61, 3)),
            QueueReason("poor-fit", 0.05, "", ()),
        )
        assert (entry.reason, entry.note, entry.predicted_error) == (
            "label-check", self.SENTENCE, None,
        )  # fmt: skip
        assert (entry.model, entry.shot) == ("m", 3)
        assert entry.fit is not None
        assert project.queue.list() == [entry] == [project.queue.of_item(item)]

    def test_the_worst_ranks_it(self, project: Project) -> None:
        ids = [project.add_item(None).id for _ in range(3)]
        for number, error in zip(ids, (0.06, 0.07, 0.3), strict=True):
            project.queue.add(number, "poor-fit", predicted_error=error)
        assert [e.item_id for e in project.queue.list()] == ids[::-1]
        project.queue.add(ids[0], "label-check")
        project.queue.add(ids[2], "label-check")  # milder than what it has
        assert [e.item_id for e in project.queue.list()] == [ids[2], ids[0], ids[1]]
        worst = project.queue.next("ann")
        assert worst is not None
        assert worst.item_id == ids[2]
        following = project.queue.next("ann")
        assert following is not None
        assert following.item_id == ids[0]

    def test_the_same_again_renews_it(self, project: Project) -> None:
        ids = [project.add_item(None).id for _ in range(2)]
        project.queue.add(ids[0], "poor-fit", predicted_error=0.3)
        project.queue.add(ids[1], "poor-fit", predicted_error=0.2)
        project.queue.add(ids[0], "label-check", note="old", points=(1,))
        project.queue.add(ids[0], "label-check", note="new", points=(2, 4))
        entry = project.queue.add(ids[0], "poor-fit", predicted_error=0.15)
        assert entry.reasons == (
            QueueReason("poor-fit", 0.15), QueueReason("label-check", None, "new", (2, 4)),
        )  # fmt: skip
        # It ranks lower than before, too.
        assert [e.item_id for e in project.queue.list()] == [ids[1], ids[0]]

    def test_a_new_fit_takes_the_place_of_the_old_one_whole(self, project: Project) -> None:
        item = project.add_item(None).id
        project.queue.add(item, "poor-fit", model="m", fit=shape(0), time=1.5, shot=2)
        entry = project.queue.add(item, "lost-track", model="n")
        assert (entry.model, entry.fit, entry.time, entry.shot) == ("n", None, 1.5, 2)

    def test_after_done_only_what_is_new_is_there(self, project: Project) -> None:
        item = project.add_item(None).id
        entry = project.queue.add(item, "poor-fit", model="m", fit=shape(0), predicted_error=0.3)
        project.queue.add(item, "manual", note="look")
        done = project.queue.done(entry.id)
        assert len(done.reasons) == 2
        again = project.queue.add(item, "label-check", note=self.SENTENCE)
        assert again.status == "open"
        assert again.reasons == (QueueReason("label-check", None, self.SENTENCE),)
        assert (again.id, again.fit, again.model) == (entry.id, None, None)

    def test_what_is_found_about_saved_points_opens_what_was_skipped_for_another_reason(
        self, project: Project
    ) -> None:
        item = project.add_item(None).id
        entry = project.queue.add(item, "poor-fit", predicted_error=0.3)
        project.queue.skip(entry.id, "blurred", "ann")
        found = project.queue.add(item, "label-check", note=self.SENTENCE)
        assert (found.status, found.author, found.said) == ("open", None, "")
        assert found.note == self.SENTENCE
        assert [why.reason for why in found.reasons] == ["label-check"]
        # Skipped once it was known, it stays so.
        project.queue.skip(entry.id, "it is right")
        still = project.queue.add(item, "label-check", note="moved")
        assert (still.status, still.note) == ("skipped", "it is right")
        assert still.reasons == found.reasons
        assert project.queue.add(item, "disagreement", note="changed").status == "open"

    def test_they_are_found_whichever_is_the_worst(self, project: Project) -> None:
        ids = [project.add_item(None).id for _ in range(5)]
        for number in ids:
            project.queue.add(number, "poor-fit", predicted_error=0.3 - number / 100)
        for number in (ids[1], ids[3], ids[4]):
            project.queue.add(number, "label-check", note=f"wrong {number}")
        project.queue.done(project.queue.list()[4].id)
        listed = project.queue.list(reason="label-check")
        assert [e.item_id for e in listed] == [ids[1], ids[3]]
        assert listed[1:] == project.queue.list(reason="label-check", limit=1, offset=1)
        assert project.queue.count(reason="label-check") == 2
        assert project.queue.count(None, reason="label-check") == 3
        assert project.queue.count(reason="manual") == 0

    def test_what_was_said_is_forgotten_when_it_is_opened(self, project: Project) -> None:
        item = project.add_item(None).id
        entry = project.queue.add(item, "poor-fit", note="left eye")
        assert project.queue.skip(entry.id, "blurred").note == "blurred"
        again = project.queue.release(entry.id)
        assert (again.said, again.note) == ("", "left eye")

    def test_an_item_without_entry(self, project: Project) -> None:
        assert project.queue.of_item(project.add_item(None).id) is None


class TestWork:
    def test_claim_finish_skip_release(self, project: Project) -> None:
        for error in (0.3, 0.2, 0.1):
            project.queue.add(project.add_item(None).id, "poor-fit", predicted_error=error)
        first = project.queue.next("ann")
        second = project.queue.next("bob")
        assert first is not None
        assert second is not None
        assert [first.predicted_error, second.predicted_error] == [0.3, 0.2]
        assert (first.status, first.author) == ("claimed", "ann")
        project.queue.done(first.id)
        project.queue.skip(second.id, "blurred")
        third = project.queue.next("ann")
        assert third is not None
        assert project.queue.next("ann") is None
        assert project.queue.release(third.id).status == "open"
        assert [e.status for e in project.queue.list(None)] == ["done", "skipped", "open"]
        assert project.queue.get(second.id).note == "blurred"
        assert [e.id for e in project.queue.list("done")] == [first.id]

    def test_what_was_decided_stays_decided(self, project: Project) -> None:
        item = project.add_item(None).id
        entry = project.queue.add(item, "poor-fit", predicted_error=0.1)
        project.queue.skip(entry.id, "no face")
        assert project.queue.add(item, "poor-fit", predicted_error=0.4).status == "skipped"
        assert project.queue.add(item, "manual").status == "open"
        project.queue.next("ann")
        assert project.queue.add(item, "poor-fit", predicted_error=0.4).status == "claimed"
        project.queue.done(entry.id)
        assert project.queue.add(item, "poor-fit", predicted_error=0.4).status == "open"

    def test_two_claims_of_one_entry(self, project: Project) -> None:
        for _ in range(12):
            project.queue.add(project.add_item(None).id, "manual")
        claimed: list[QueueEntry] = []

        def claim(author: str) -> None:
            with Project.open(project.path) as mine:
                while (entry := mine.queue.next(author)) is not None:
                    claimed.append(entry)

        threads = [threading.Thread(target=claim, args=(f"t{i}",)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(claimed) == 12
        assert len({e.id for e in claimed}) == 12


class TestFrames:
    def test_near_duplicates_of_a_shot_do_not_fill_the_queue(
        self, project: Project, video: Media
    ) -> None:
        rng = np.random.default_rng(0)
        burst = [  # one second of the same poor fit, moved, scaled and slightly noisy
            FrameCandidate(
                i, i / 25, shape(1) * 1.1 + i + rng.normal(0, 0.2, (N, 2)), 0.2 + i / 1e3
            )
            for i in range(25)
        ]
        other = FrameCandidate(30, 30 / 25, shape(2), 0.1)
        entries = project.queue.add_frames(video, [*burst, other], model="m")
        assert [project.item(e.item_id).frame for e in entries] == [24, 30]

    def test_at_most_a_few_a_shot_worst_first(self, project: Project, video: Media) -> None:
        candidates = [
            FrameCandidate(i, i / 25, shape(i), 0.1 + (i * 37 % 100) / 1000, shot=i // 100)
            for i in range(200)
        ]
        entries = project.queue.add_frames(video, candidates, per_shot=3)
        assert sorted(e.shot or 0 for e in entries) == [0, 0, 0, 1, 1, 1]
        errors = [e.predicted_error or 0 for e in entries]
        assert errors == sorted(errors, reverse=True)
        assert min(errors) >= 0.19
        assert project.queue.list() == entries

    def test_tracking_again_adds_no_near_duplicates(self, project: Project, video: Media) -> None:
        candidates = [FrameCandidate(i, i / 25, shape(1), 0.2) for i in range(40)]
        assert len(project.queue.add_frames(video, candidates)) == 1
        assert project.queue.add_frames(video, candidates) == []
        entry = project.queue.list()[0]
        project.queue.done(entry.id)
        assert project.queue.add_frames(video, candidates) == []
        later = [FrameCandidate(150, 6.0, shape(1), 0.2)]
        assert len(project.queue.add_frames(video, later)) == 1

    def test_annotated_frames_are_left_alone(self, project: Project, video: Media) -> None:
        item = project.add_item(video, 7)
        project.save(item.id, Annotation("face70", shape(0), np.zeros(N)), None)
        known = project.add_item(video, 90)
        entries = project.queue.add_frames(
            video,
            [FrameCandidate(7, 0.28, shape(0), 0.9), FrameCandidate(90, 3.6, shape(3), 0.5)],
        )
        assert [e.item_id for e in entries] == [known.id]

    def test_lost_frames_come_first_and_only_once_a_while(
        self, project: Project, video: Media
    ) -> None:
        lost = [FrameCandidate(i, i / 25, None, None) for i in range(100, 130)]
        poor = [FrameCandidate(10, 0.4, shape(0), 0.4)]
        entries = project.queue.add_frames(video, [*poor, *lost])
        assert [e.reason for e in entries] == ["lost-track", "poor-fit"]
        assert entries[0].fit is None


class TestTies:
    def test_the_first_in_comes_first(self, project: Project) -> None:
        """Of entries that are equally bad, whatever else happened to them."""
        ids = [project.add_item(None).id for _ in range(8)]
        for number in (5, 2, 7, 0):
            project.queue.add(ids[number], "poor-fit", predicted_error=0.1)
        project.queue.add(ids[3], "label-check")  # as bad as an error of 0.1
        project.queue.add(ids[6], "poor-fit", predicted_error=0.2)
        project.queue.add(ids[2], "poor-fit", predicted_error=0.05)
        project.queue.add(ids[2], "poor-fit", predicted_error=0.1)  # renewed: it keeps its place
        first = project.queue.of_item(ids[5])
        assert first is not None
        project.queue.claim(first.id, "ann")
        project.queue.release(first.id)
        order = [ids[n] for n in (6, 5, 2, 7, 0, 3)]
        assert [e.item_id for e in project.queue.list()] == order
        assert [e.item_id for e in project.queue.list(None, limit=3, offset=2)] == order[2:5]
        claimed = [project.queue.next("bob") for _ in range(7)]
        assert [e and e.item_id for e in claimed] == [*order, None]


class TestClaims:
    def test_one_entry_is_claimed_and_no_other(self, project: Project) -> None:
        entries = [project.queue.add(project.add_item(None).id, "manual") for _ in range(3)]
        claimed = project.queue.claim(entries[1].id, "ann")
        assert claimed is not None
        assert (claimed.id, claimed.status, claimed.author) == (entries[1].id, "claimed", "ann")
        assert project.queue.claim(entries[1].id, "bob") is None
        assert project.queue.get(entries[1].id) == claimed
        assert [e.id for e in project.queue.list()] == [entries[0].id, entries[2].id]
        assert project.queue.release(entries[1].id, "ann").author is None
        assert project.queue.get(entries[0].id) == entries[0]

    def test_ones_own_claim_is_one_entry(self, project: Project) -> None:
        first, second = (project.queue.add(project.add_item(None).id, "manual") for _ in range(2))
        for entry in (first, second):
            project.queue.claim(entry.id, "ann")
        project.queue.release(first.id, "ann")
        assert project.queue.get(second.id).status == "claimed"

    def test_who_closed_it_is_known(self, project: Project) -> None:
        entries = [project.queue.add(project.add_item(None).id, "manual") for _ in range(3)]
        for entry in entries:
            project.queue.claim(entry.id, "ann")
        done = project.queue.done(entries[0].id)
        assert (done.status, done.author, done.said) == ("done", "ann", "")
        assert project.queue.done(entries[1].id, "bob").author == "bob"
        skipped = project.queue.skip(entries[2].id, author="cho")
        assert (skipped.status, skipped.author, skipped.said) == ("skipped", "cho", "")


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """How different two shapes are, spelled out: free of where they are and how large."""
    pair = []
    for points in (one, other):
        middle = [sum(points[:, axis]) / len(points) for axis in range(2)]
        away = [(x - middle[0], y - middle[1]) for x, y in points]
        size = (sum(x * x + y * y for x, y in away) / len(away)) ** 0.5
        pair.append([(x / size, y / size) for x, y in away])
    return float(np.mean([np.hypot(a[0] - b[0], a[1] - b[1]) for a, b in zip(*pair, strict=True)]))


def test_a_fit_is_kept_as_the_estimate_that_it_is(project: Project) -> None:
    """Whole numbers too, and where nobody says which model it is of."""
    points = np.arange(2 * N).reshape(N, 2)
    entry = project.queue.add(project.add_item(None).id, "poor-fit", fit=points.tolist())
    assert entry.fit is not None
    assert (entry.fit.scheme, entry.fit.source) == ("face70", "fit:")
    np.testing.assert_array_equal(entry.fit.points, points)
    with pytest.raises(ProjectError, match=r"landmarks 0\.\.69 \(face70\)"):
        project.queue.add(entry.item_id, "manual", points=(N,))


class TestNearDuplicates:
    def taken(self, project: Project, video: Media, *frames: FrameCandidate) -> list[int]:
        entries = project.queue.add_frames(video, frames, model="m")
        assert {e.model for e in entries} <= {"m"}
        return [project.item(e.item_id).frame or 0 for e in entries]

    def test_by_default_shapes_differ_by_eight_hundredths(
        self, project: Project, video: Media
    ) -> None:
        one, off = shape(1), np.random.default_rng(2).normal(0, 1, (N, 2))
        scale = 2.5
        while apart(one, one + scale * off) < 0.079:
            scale *= 1.003
        assert apart(one, one + scale * off) < 0.08 < apart(one, one + 1.03 * scale * off)
        first, near = FrameCandidate(0, 0.0, one, 0.5), one + scale * off
        assert self.taken(project, video, first, FrameCandidate(1, 0.04, near, 0.2)) == [0]
        far = one + 1.03 * scale * off
        assert self.taken(project, video, FrameCandidate(2, 0.08, far, 0.2)) == [2]

    def test_two_seconds_later_it_is_another_frame(self, project: Project, video: Media) -> None:
        frames = [FrameCandidate(i, t, shape(1), 0.3) for i, t in enumerate((0.0, 1.99, 2.0))]
        assert self.taken(project, video, *frames) == [0, 2]
        again = [FrameCandidate(i, t, shape(1), 0.3) for i, t in ((10, 3.99), (11, 4.0))]
        assert self.taken(project, video, *again) == [11]

    def test_another_shot_is_another_frame(self, project: Project, video: Media) -> None:
        frames = [FrameCandidate(i, i / 25, shape(1), 0.3, shot=i // 2) for i in range(6)]
        assert self.taken(project, video, *frames) == [0, 2, 4]
        again = [FrameCandidate(i, i / 25, shape(1), 0.3, shot=i - 5) for i in range(6, 12)]
        assert self.taken(project, video, *again) == [8, 9, 10, 11]  # shots 1 and 2 are taken

    def test_a_lost_face_is_like_another_lost_one_only(
        self, project: Project, video: Media
    ) -> None:
        lost = [FrameCandidate(i, i / 25, None, None) for i in (0, 1)]
        found = [FrameCandidate(i, i / 25, shape(1), 0.3) for i in (2, 3)]
        assert self.taken(project, video, *found, *lost) == [0, 2]
        later = [
            FrameCandidate(4, 0.16, None, None),
            FrameCandidate(5, 0.2, shape(1), 0.3),
            FrameCandidate(6, 0.24, shape(2), 0.3),
        ]
        assert self.taken(project, video, *later) == [6]


class TestShots:
    """At most three entries of a shot wait at a time."""

    def candidates(self, first: int, count: int, shot: int = 0) -> list[FrameCandidate]:
        return [
            FrameCandidate(i, i / 25, shape(i), 0.5 - i / 1000, shot)
            for i in range(first, first + count)
        ]

    def test_three_of_each_shot(self, project: Project, video: Media) -> None:
        frames = [*self.candidates(0, 5), *self.candidates(10, 5, shot=1)]
        entries = project.queue.add_frames(video, frames)
        assert [project.item(e.item_id).frame for e in entries] == [0, 1, 2, 10, 11, 12]
        assert [e.shot for e in entries] == [0, 0, 0, 1, 1, 1]

    @pytest.mark.parametrize("shot", [0, 2])
    def test_those_that_wait_count_and_those_that_are_closed_do_not(
        self, project: Project, video: Media, shot: int
    ) -> None:
        waiting = project.queue.add_frames(video, self.candidates(0, 3, shot))
        project.queue.claim(waiting[0].id, "ann")
        assert project.queue.add_frames(video, self.candidates(10, 3, shot)) == []
        assert len(project.queue.add_frames(video, self.candidates(20, 2, shot + 1))) == 2
        project.queue.done(waiting[0].id)
        project.queue.skip(waiting[1].id)
        assert len(project.queue.add_frames(video, self.candidates(30, 5, shot))) == 2

    def test_an_entry_of_no_shot_is_one_of_the_first(self, project: Project, video: Media) -> None:
        item = project.add_item(video, 50)
        project.queue.add(item.id, "manual", fit=shape(50), time=2.0)
        assert len(project.queue.add_frames(video, self.candidates(0, 5))) == 2
        near = FrameCandidate(51, 2.04, shape(50), 0.3)
        assert project.queue.add_frames(video, [near], per_shot=9) == []
        assert len(project.queue.add_frames(video, self.candidates(100, 5, shot=1))) == 3

    def test_another_video_counts_for_itself(
        self, project: Project, video: Media, tmp_path: Path
    ) -> None:
        frames = [np.full((32, 32, 3), 255 - i, np.uint8) for i in range(30)]
        write_video(tmp_path / "w.mp4", frames, 25)
        other = project.add_media(tmp_path / "w.mp4")
        annotated = project.add_item(other, 1)
        project.save(annotated.id, Annotation("face70", shape(1), np.zeros(N)), None)
        assert len(project.queue.add_frames(other, self.candidates(0, 4))) == 3
        assert len(project.queue.add_frames(video, self.candidates(0, 3))) == 3

    def test_a_frame_is_queued_once(self, project: Project, video: Media) -> None:
        """Though it looks otherwise the second time, and even if nobody knows when it was."""
        twice = [FrameCandidate(3, 0.12, shape(1), 0.3), FrameCandidate(3, 0.12, shape(2), 0.2)]
        assert len(project.queue.add_frames(video, twice)) == 1
        project.queue.add(project.add_item(video, 90).id, "manual")
        assert project.queue.add_frames(video, [FrameCandidate(90, 3.6, shape(4), 0.3)]) == []

    def test_whom_new_entries_show(self, project: Project, video: Media) -> None:
        """Who was named; else whom the video's other faces show."""
        known = project.add_item(video, 7, subject="anna")
        frames = self.candidates(20, 1), self.candidates(40, 1)
        (named,) = project.queue.add_frames(video, frames[0], subject="bob")
        assert project.item(named.item_id).subject == "bob"
        assert project.item(named.item_id).subject_source == "person"
        assert project.item(named.item_id).name == "v.mp4#20"
        project.set_subject([named.item_id], "anna")
        (other,) = project.queue.add_frames(video, frames[1])
        assert project.item(other.item_id).subject == project.item(known.id).subject == "anna"
