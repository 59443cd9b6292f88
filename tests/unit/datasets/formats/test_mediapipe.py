"""Results as MediaPipe's Python and web packages give them and as people save them.

The shapes are those of the Face Landmarker's guides (``face_landmarks``, ``faceLandmarks``), of
Face Mesh's messages as JSON, and of recorders that add frames and time stamps.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceloop_datasets import Conversion, InputError, PointState, Project
from faceloop_datasets.formats import (
    FaceRecord,
    Refusal,
    Skip,
    read_faces,
    recognise,
    source_scheme,
)
from faceloop_datasets.media.video import write_video

ANGLE = np.linspace(0, 6, 478)
SHARES = np.column_stack([0.5 + 0.3 * np.cos(ANGLE), 0.5 + 0.4 * np.sin(ANGLE)])
FACE = [{"x": x, "y": y, "z": -0.01, "visibility": 0.0} for x, y in SHARES.tolist()]
WIDE, HIGH = 200, 100


def picture(file: Path) -> Path:
    Image.new("L", (WIDE, HIGH), 90).save(file)
    return file


def written(file: Path, value: object) -> Path:
    file.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return file


def faces(*sources: Path) -> list[FaceRecord]:
    found = [one for one in read_faces("mediapipe", sources) if not isinstance(one, Skip)]
    assert all(isinstance(face, FaceRecord) for face in found), found
    return found  # type: ignore[return-value]


@pytest.mark.parametrize(
    "value",
    [
        {"face_landmarks": [FACE], "face_blendshapes": []},
        {"faceLandmarks": [FACE], "facialTransformationMatrixes": []},
        {"multiFaceLandmarks": [{"landmark": FACE}]},
        {"name": "Ada", "frames": [{"image": "a.png", "faceLandmarks": [FACE]}]},
        [{"image": "a.png", "timestamp": 1710921600000, "results": {"faceLandmarks": [FACE]}}],
        {"faceLandmarks": FACE},
        {"face_landmarks": [[[p["x"], p["y"], p["z"]] for p in FACE]]},
    ],
    ids=["python", "web", "face mesh", "of a person", "recorder", "one face", "lists"],
)
def test_what_people_save(value: object, tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    file = written(tmp_path / "a.json", value)
    (face,) = faces(file)
    np.testing.assert_allclose(face.annotation.points, SHARES * [WIDE, HIGH] - 0.5)
    assert set(face.annotation.states.tolist()) == {PointState.ESTIMATED}
    assert face.image is not None
    assert recognise([file]).format == recognise([tmp_path]).format == "mediapipe"
    assert len(source_scheme("mediapipe", [file])) == 478


def test_without_irises_their_points_are_missing(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    (face,) = faces(written(tmp_path / "a.json", {"faceLandmarks": [FACE[:468]]}))
    assert np.flatnonzero(~face.annotation.present).tolist() == list(range(468, 478))


def test_lines_of_pictures_and_several_faces(tmp_path: Path) -> None:
    lines = [
        {"file": "a.png", "face_landmarks": [FACE, FACE]},
        {"file": "b.png", "face_landmarks": []},
        {"file": "b.png", "face_landmarks": [FACE]},
    ]
    for name in "ab":
        picture(tmp_path / f"{name}.png")
    file = written(tmp_path / "all.jsonl", "\n".join(map(json.dumps, lines)) + "\n{broken}\n")
    *found, refusal = read_faces("mediapipe", [file])
    kinds = [type(one) for one in found]
    assert kinds == [FaceRecord, FaceRecord, Skip, FaceRecord]
    assert [face.name for face in found if isinstance(face, FaceRecord)] == [
        "a.png", "a.png#2", "b.png",
    ]  # fmt: skip
    assert isinstance(refusal, Refusal)
    assert refusal.line == 4
    assert "this is no JSON" in refusal.reason


def test_frames_of_a_video(tmp_path: Path) -> None:
    frames = (np.full((HIGH, WIDE, 3), 60 + k, np.uint8) for k in range(3))
    write_video(tmp_path / "clip.mp4", frames, 25)
    results = {"fps": 25, "frames": [{"faceLandmarks": [FACE]}, {"faceLandmarks": []},
                                     {"faceLandmarks": [FACE]}]}  # fmt: skip
    found = faces(written(tmp_path / "clip.json", results))
    assert [face.frame for face in found] == [0, 2]
    numbered = {"video": "clip.mp4", "frames": [{"frame": 1, "faceLandmarks": [FACE]}]}
    (face,) = faces(written(tmp_path / "other.json", numbered))
    assert face.frame == 1


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"faceLandmarks": [FACE[:40]]}, "a face is 40 points; expected 478 points, or 468"),
        ({"faceLandmarks": 3}, "face_landmarks is 3; expected a list of faces"),
        ({"faceLandmarks": [[*FACE[:-1], {"x": None, "y": 0}]]}, "x of point 477 is None"),
        ({"faceLandmarks": [[*FACE[:-1], {"x": 240.0, "y": 0}]]}, "expected a share"),
        ({"faceLandmarks": [[*FACE[:-1], {"x": float("nan"), "y": 0}]]}, "x of point 477 is nan"),
        ({"faceLandmarks": [[*FACE[:-1], "x"]]}, "point 477 is 'x'; expected x and y"),
        ({"file": "no.png", "faceLandmarks": [FACE]}, "no.png is not there, and the points are"),
        ('{"faceLandmarks": [', "this is no JSON"),
        ('{"faceLandmarks": ' + "[" * 100_000, "nested too deep"),
    ],
)
def test_refusals(value: object, reason: str, tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    picture(tmp_path / "c.png")
    bad = written(tmp_path / "a.json", value)
    good = written(tmp_path / "c.json", {"faceLandmarks": [FACE]})
    refusal, face = read_faces("mediapipe", [bad, good])
    assert isinstance(refusal, Refusal)
    assert refusal.file == bad
    assert reason in refusal.reason
    assert isinstance(face, FaceRecord)


def test_other_json_is_not_taken(tmp_path: Path) -> None:
    other = written(tmp_path / "a.json", {"images": [], "annotations": [], "categories": []})
    assert recognise([other]).sure["mediapipe"] == 0
    with pytest.raises(InputError, match="no results of MediaPipe"):
        list(read_faces("mediapipe", [tmp_path]))


@pytest.mark.parametrize("scheme", ["face70", "ibug68"])
def test_all_points_of_a_project_are_estimates(scheme: str, tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    file = written(tmp_path / "a.json", {"faceLandmarks": [FACE]})
    assert not Conversion.load("mediapipe478", scheme).same_mark.any()
    project = Project.create(tmp_path / "p", scheme=scheme)
    report = project.import_from("mediapipe", [file])
    assert (report.new, report.points_estimated) == (1, len(project.scheme))
    project.close()
