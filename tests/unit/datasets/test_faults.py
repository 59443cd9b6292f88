"""Errors of the system and of the video library, as a person reads them."""

from __future__ import annotations

import errno
import os

import pytest

from faceloop_datasets import FaceloopError, Project, Video
from faceloop_datasets.faults import in_words
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_clip


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_no_number_and_no_name_of_the_system_is_told(number):
    said = in_words(OSError(number, os.strerror(number), "/home/ann/x"))
    assert "Errno" not in said
    assert errno.errorcode[number] not in said
    assert "/home" not in said


def test_the_usual_ones_are_in_plain_words():
    assert in_words(OSError(errno.ENOSPC, "No space left on device")) == "the disk is full"
    assert in_words(PermissionError(errno.EACCES, "Permission denied")) == "you are not allowed to"
    assert in_words(OSError("odd")) == "odd"
    rust = "Error while serializing: I/O error: No space left on device (os error 28)"
    assert in_words(RuntimeError(rust)) == "the disk is full"
    assert in_words(RuntimeError("I/O error: Odd thing (os error 9999)")) == "Odd thing"
    assert in_words(ValueError("odd")) == "odd"


def test_a_file_that_is_no_video_or_picture_says_so(tmp_path):
    text, cut = tmp_path / "notes.mp4", tmp_path / "cut.png"
    text.write_text("no video")
    with pytest.raises(FaceloopError, match="it is damaged, or no video") as raised:
        Video(text)
    assert "Errno" not in str(raised.value)
    assert "avformat" not in str(raised.value)
    (tmp_path / "half.mp4").write_bytes(sample_clip().read_bytes()[:2000])
    with pytest.raises(FaceloopError) as raised:
        Video(tmp_path / "half.mp4")
    assert "Errno" not in str(raised.value)
    cut.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    with pytest.raises(FaceloopError, match=r"(damaged|not an image)"):
        read_image(cut)


def test_a_folder_that_cannot_be_made_says_why(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FaceloopError, match="a part of the path is a file") as raised:
        Project.create(tmp_path / "file" / "project")
    assert "Errno" not in str(raised.value)
