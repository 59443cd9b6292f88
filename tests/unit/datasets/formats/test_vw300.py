"""300-VW as it is unpacked: NNN/vid.avi and NNN/annot/000001.pts, one for every frame."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from faceloop_datasets.formats import FaceRecord, read_faces, recognise, write_faces
from faceloop_datasets.media.video import write_video
from faceloop_datasets.schemes.scheme import Scheme

from .mat_files import drawn

IBUG = Scheme.load("ibug68")


def text(points: np.ndarray) -> str:
    return "version: 1\nn_points: 68\n{\n" + "".join(f"{x} {y}\n" for x, y in points + 1) + "}\n"


def clips(folder: Path) -> Path:
    for clip in ("001", "002"):
        (folder / clip / "annot").mkdir(parents=True)
        frames = (np.full((100, 120, 3), 50 + k, np.uint8) for k in range(3))
        write_video(folder / clip / "vid.avi", frames, 25)
        for frame in (1, 2, 3):
            points = drawn("ibug68") + frame
            (folder / clip / "annot" / f"{frame:06d}.pts").write_text(text(points))
    return folder


def read(*sources: Path) -> list[FaceRecord]:
    found = list(read_faces("ibug", sources))
    assert all(isinstance(face, FaceRecord) for face in found), found
    return found  # type: ignore[return-value]


def test_frames_count_from_0_and_a_clip_is_a_subject(tmp_path: Path) -> None:
    folder = clips(tmp_path / "300VW")
    found = read(folder)
    assert [face.frame for face in found] == [0, 1, 2] * 2
    assert {face.image.path.name for face in found if face.image} == {"vid.avi"}
    assert len({face.subject for face in found}) == 2
    assert {face.subject_source for face in found} == {"video"}
    assert recognise([folder]).format == recognise([folder / "001"]).format == "ibug"
    alone = read(folder / "001")
    assert [face.frame for face in alone] == [0, 1, 2]
    assert len({face.subject for face in alone}) == 1


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    faces = read(clips(tmp_path / "300VW"))
    out = tmp_path / "out"
    assert write_faces("300vw", [*faces, faces[1]], out, scheme=IBUG).lost == (
        "2 subjects are not written.",
    )
    listed = [line.split() for line in (out / "clips.txt").read_text().splitlines()]
    assert [clip for clip, _ in listed] == ["001", "002", "003"]
    for clip in ("001", "002", "003"):
        shutil.copy(tmp_path / "300VW" / "001" / "vid.avi", out / clip)
    again = read(out)
    assert sorted((face.frame for face in again), key=str) == sorted([0, 1, 2, 0, 1, 2, 1])
    for face in again:
        points = drawn("ibug68") + face.frame + 1
        np.testing.assert_allclose(face.annotation.points, points, atol=1e-9)


def test_pictures_lie_beside_the_clips(tmp_path: Path) -> None:
    (face, *_) = read(clips(tmp_path / "300VW"))
    still = FaceRecord("a", "s", None, "../a.jpg", face.annotation, "here")
    write_faces("300vw", [still, still], tmp_path / "out", scheme=IBUG)
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "a-2.pts", "a.pts", "clips.txt",
    ]  # fmt: skip
