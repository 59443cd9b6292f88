"""What is drawn over the faces of a video that plays."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import Video
from faceloop_datasets.sample import sample_clip, sample_clip_truth, sample_dir, sample_negatives
from faceloop_runtime import FaceModel
from faceloop_runtime.render.cover.hide import pixelated_whole
from faceloop_workbench.live.model_in_use import FitSettings
from faceloop_workbench.live.player import Player
from faceloop_workbench.live.sources import VideoSource
from faceloop_workbench.services.model_choice import ChosenModel
from faceloop_workbench.services.render_choice import Rendering

from .test_live_player import STARTER, Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAVES = 164
"""Frame in which the face of the sample clip is at the edge, going out."""


@pytest.fixture
def clip() -> Iterator[Watcher]:
    player = Player()
    watcher = Watcher(player)
    player.open(lambda: VideoSource(sample_clip()))
    yield watcher
    player.close()


def frame(index: int) -> np.ndarray:
    with Video(sample_clip()) as video:
        return video[index].image


def bare_points(image: np.ndarray, index: int) -> int:
    """How many of the visible points look as they did: a pixel and those round it."""
    truth = sample_clip_truth()
    before, found = frame(index).astype(int), 0
    for x, y in np.rint(truth.points[index][truth.visible[index]]).astype(int):
        part = np.s_[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
        found += np.abs(image[part].astype(int) - before[part]).max() == 0
    return found


def test_frames_are_hidden_before_anybody_has_looked_at_them(clip: Watcher) -> None:
    clip.player.draw_over(Rendering("anonymise"))
    clip.player.use_model(STARTER)
    clip.fitted(0)
    clip.player.seek(60)
    first = clip.take(lambda s: s.index == 60)
    assert first.result is None
    assert first.drawn_over
    assert np.array_equal(first.image, pixelated_whole(frame(60)))
    hidden = clip.fitted(60)
    assert bare_points(hidden.image, 60) == 0
    assert np.array_equal(hidden.image[:, :20], frame(60)[:, :20])


def test_without_a_model_all_is_hidden(clip: Watcher) -> None:
    clip.player.draw_over(Rendering("anonymise", cover="pixels"))
    shown = clip.take(lambda s: s.drawn_over)
    assert np.array_equal(shown.image, pixelated_whole(frame(0)))


def test_a_face_that_leaves_stays_hidden_while_it_plays_and_in_steps(clip: Watcher) -> None:
    clip.player.draw_over(Rendering("anonymise"))
    clip.player.use_model(STARTER)
    clip.fitted(0)
    clip.player.seek(LEAVES - 3)
    clip.fitted(LEAVES - 3)
    for index in range(LEAVES - 2, LEAVES + 6):
        clip.player.step(1)
        shown = clip.fitted(index)
        assert bare_points(shown.image, index) == 0, index
    for index in range(LEAVES + 4, LEAVES - 3, -1):
        clip.player.step(-1)
        assert bare_points(clip.fitted(index).image, index) == 0, index
    clip.player.play()
    moving = clip.take(lambda s: s.moving and s.drawn_over)
    assert not np.array_equal(moving.image, frame(moving.index))
    clip.player.pause()


def test_each_view_is_drawn_and_points_come_back(clip: Watcher) -> None:
    clip.player.use_model(STARTER)
    clip.fitted(0)
    seen = [frame(0)]
    for rendering in (
        Rendering("mesh"),
        Rendering("mask"),
        Rendering("mask", face=sample_dir() / "stills" / "s0040.jpg"),
        Rendering("caricature", strength=2.0),
    ):
        clip.player.draw_over(rendering)
        shown = clip.take(lambda s: s.drawn_over)
        assert not any(np.array_equal(shown.image, other) for other in seen)
        assert not shown.responses
        seen.append(shown.image)
    clip.player.draw_over(None)
    assert np.array_equal(clip.take(lambda s: not s.drawn_over).image, frame(0))


def test_a_mask_without_a_face_is_said_and_the_view_stays(clip: Watcher) -> None:
    clip.player.use_model(STARTER)
    clip.fitted(0)
    clip.player.draw_over(Rendering("mesh"))
    mesh = clip.take(lambda s: s.drawn_over)
    clip.player.draw_over(Rendering("mask", face=sample_negatives()[0]))
    clip.until(lambda: bool(clip.errors))
    assert "finds no face" in str(clip.errors[0])
    clip.player.seek(0)
    assert np.array_equal(clip.fitted(0).image, mesh.image)


def test_a_model_that_does_not_find_the_average_face_hides_by_pixels(clip: Watcher) -> None:
    model = FaceModel.starter()
    sees_no_face = replace(model.validator, bias=-1e6)
    scheme = replace(model.scheme, name="another")
    blind = replace(model, scheme=scheme, validator=sees_no_face, start=None)
    clip.player.use_model(FitSettings(lambda: ChosenModel("blind", blind), "blind", "cpu"))
    clip.take(lambda s: s.result is not None)
    clip.player.draw_over(Rendering("anonymise"))
    shown = clip.take(lambda s: s.drawn_over)
    assert not clip.errors
    assert bare_points(shown.image, 0) == 0
    assert (shown.image == frame(0)).all(axis=2).mean() > 0.3


def test_a_frame_is_fitted_though_something_else_is_to_be_drawn_meanwhile(clip: Watcher) -> None:
    clip.player.use_model(STARTER)
    clip.fitted(0)

    def chosen_while_it_opens() -> VideoSource:
        clip.player.draw_over(Rendering("mesh"))
        return VideoSource(sample_clip())

    clip.player.open(chosen_while_it_opens)
    shown = clip.take(lambda s: s.drawn_over and s.result is not None)
    assert not np.array_equal(shown.image, frame(0))
