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
