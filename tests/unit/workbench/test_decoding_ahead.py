"""Frames are decoded while earlier ones are fitted: in order, and only a few ahead."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

from faceloop_datasets import InputError, Video
from faceloop_datasets.sample import sample_clip
from faceloop_workbench.services.tracking import _AHEAD, _FrameReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faceloop_datasets import VideoFrame


class Counted(Video):
    """A video that counts what was decoded of it, and breaks after so many frames."""

    decoded, breaks = 0, 1000

    def __iter__(self) -> Iterator[VideoFrame]:
        for frame in islice(super().__iter__(), self.breaks):
            self.decoded += 1
            yield frame
        raise InputError("it breaks here")


def test_a_few_frames_are_decoded_ahead_in_order() -> None:
    video = Counted(sample_clip())
    with ThreadPoolExecutor(1) as thread:
        reader = _FrameReader(video, thread)
        for taken, frame in enumerate(islice(reader, 40)):
            assert frame.index == taken
            assert reader.frame is frame
            thread.submit(int).result()  # what is waiting there is decoded by now
            assert video.decoded == taken + 1 + _AHEAD
    assert video.decoded <= 40 + _AHEAD


def test_what_breaks_is_told_after_the_frames_before() -> None:
    video = Counted(sample_clip())
    video.breaks = 10
    with ThreadPoolExecutor(1) as thread:
        reader = _FrameReader(video, thread)
        assert [frame.index for frame in reader] == list(range(10))
    assert reader.error == "it breaks here"
    assert len(reader.seconds) == 10
