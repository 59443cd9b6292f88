"""Points of a video that is shown otherwise than it was are never mixed with those of now."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from faceloop_datasets import Annotation, InputError, Project
from faceloop_datasets.care import check_project
from faceloop_datasets.media.files import MediaFile
from faceloop_datasets.store.media import OLDER_MEDIA, add

from .test_video_shown import MATRICES, UPRIGHT, write
from .video_files import numbered

WHAT = "A video is shown otherwise than when its faces were annotated"


@pytest.fixture
def anamorphic(tmp_path: Path) -> Path:
    path = tmp_path / "wide.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for image in numbered(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def annotated(tmp_path: Path, video: Path, noted: str) -> Path:
    """A project with a face in the video, and what an older version noted about it."""
    with Project.create(tmp_path / "project") as project:
        item = project.add_item(project.add_media(video), 2)
        states = np.zeros(70, np.uint8)
        project.save(item.id, Annotation("face70", np.full((70, 2), 9.0), states), None)
        with project._database.write() as connection:
            connection.exec_driver_sql(f"UPDATE media SET {noted}")  # noqa: S608
    return tmp_path / "project"


@pytest.mark.parametrize(
    ("noted", "says"),
    [("width = 96", "shown as 96x64 then, and is as 128x64"), ("frames = 7", "counted as 7")],
)
def test_it_is_refused_everywhere_and_found(
    noted: str, says: str, anamorphic: Path, tmp_path: Path
) -> None:
    root = annotated(tmp_path, anamorphic, noted)
    (found,) = [f for f in check_project(root).findings if f.severity == "error"]
    assert found.what == WHAT
    assert says in found.where
    with Project.open(root) as project:
        (face,) = project.faces()
        for read in (face.read_gray, face.read_rgb):
            with pytest.raises(InputError, match=says):
                read()
        with pytest.raises(InputError, match=says):
            project.add_media(anamorphic)
        file = MediaFile.of(anamorphic)
        with project._database.write() as connection, pytest.raises(InputError, match=says):
            add(connection, file, root)


def test_a_mirrored_one_of_an_older_version_is_refused_and_found(tmp_path: Path) -> None:
    """Its size is the same; what tells it is the setting that an update of the tables makes."""
    mirrored = write(tmp_path / "a.mp4", UPRIGHT, MATRICES["front camera"])
    root = annotated(tmp_path, mirrored, "frames = frames")
    assert check_project(root).findings == ()
    with Project.open(root) as project:
        project.faces()[0].read_gray()
        with project._database.write() as connection:
            connection.exec_driver_sql("INSERT INTO settings VALUES (?, '1')", (OLDER_MEDIA,))
        with pytest.raises(InputError, match="turned but not mirrored"):
            project.faces()[0].read_gray()
        with pytest.raises(InputError, match="turned but not mirrored"):
            project.add_media(mirrored)
        other = write(tmp_path / "b.mp4", UPRIGHT[::-1], MATRICES["front camera"])
        project.add_item(project.add_media(other), 0)
        assert project.add_media(other).id == 2
    (found,) = check_project(root).findings
    assert (found.what, "a.mp4" in found.where) == (WHAT, True)


def test_one_that_is_shown_as_it_was_is_fine(anamorphic: Path, tmp_path: Path) -> None:
    root = annotated(tmp_path, anamorphic, "frames = 4")  # the end of a damaged one may be longer
    assert check_project(root).findings == ()
    with Project.open(root) as project:
        assert project.faces()[0].read_gray().shape == (64, 128)
        assert project.add_media(anamorphic).width == 128


def test_a_video_that_cannot_be_read_is_found(anamorphic: Path, tmp_path: Path) -> None:
    root = annotated(tmp_path, anamorphic, "width = 128")
    anamorphic.write_bytes(bytes(anamorphic.stat().st_size))
    (found,) = check_project(root).findings
    assert (found.severity, found.what) == ("error", "A video cannot be read")
