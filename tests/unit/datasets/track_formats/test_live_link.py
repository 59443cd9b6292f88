"""Blend shapes for animators: what points tell, on the subject's side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceloop_datasets import Conversion, FaceTrack, InputError, Scheme, Track
from faceloop_datasets.sample import sample_clip_truth
from faceloop_datasets.track_formats import TrackToWrite, live_link, read_track_file

IBUG = Scheme.load("ibug68")
FRAMES, POSED = 30, 20
"""Frames, and from which on the face does what a test wants; before it is neutral."""


def neutral() -> np.ndarray:
    """A face of the sample as 68 points, many times."""
    weights = Conversion.load("face70", "ibug68").weights
    return np.repeat((weights @ sample_clip_truth().points[0])[None], FRAMES, axis=0)


def iod(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[0, 45] - points[0, 36]))


def posed(what: str) -> np.ndarray:
    """The face, which from frame POSED on winks, gapes, smiles, frowns or raises its brows."""
    points = neutral()
    there, size = points[POSED:], iod(points)
    if what == "wink":  # the eye on the left of the picture
        there[:, [37, 38]] = there[:, [41, 40]]
    elif what == "gape":
        there[:, 55:60, 1] += size / 3
        there[:, 65:, 1] += size / 3
    elif what == "smile":
        there[:, [48, 54], 1] -= size / 10
        there[:, 48, 0] -= size / 20
        there[:, 54, 0] += size / 20
    elif what == "frown":
        there[:, [48, 54], 1] += size / 10
    elif what == "brows":
        there[:, 17:27, 1] -= size / 8
    elif what == "scowl":
        there[:, 17:27, 1] += size / 12
    elif what == "pucker":
        there[:, 48, 0] += size / 10
        there[:, 54, 0] -= size / 10
    return points


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("wink", {"EyeBlinkRight"}),
        ("gape", {"JawOpen"}),
        ("smile", {"MouthSmileLeft", "MouthSmileRight"}),
        ("frown", {"MouthFrownLeft", "MouthFrownRight"}),
        ("brows", {"BrowInnerUp", "BrowOuterUpLeft", "BrowOuterUpRight"}),
        ("scowl", {"BrowDownLeft", "BrowDownRight"}),
        ("pucker", {"MouthPucker"}),
    ],
)
def test_each_expression_is_told_by_its_shapes(what: str, told: set[str]) -> None:
    shapes = live_link.blend_shapes(posed(what), IBUG)
    assert all(abs(values[:POSED]).max() < 1e-9 for values in shapes.values())
    assert {name for name, values in shapes.items() if values[POSED] > 0.5} == told
    assert all(shapes[name][POSED] > 0.9 for name in told)


@settings(max_examples=20, deadline=None)
@given(st.floats(-60, 60), st.floats(0.3, 4), st.sampled_from(["wink", "smile", "gape"]))
def test_size_place_and_lean_of_the_face_change_nothing(
    degrees: float, size: float, what: str
) -> None:
    turn = np.deg2rad(degrees)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    plain = live_link.blend_shapes(posed(what), IBUG)
    moved = live_link.blend_shapes(posed(what) @ matrix.T * size + [70, -30], IBUG)
    assert all(np.allclose(moved[name], plain[name], atol=1e-6) for name in plain)


def test_trembling_stays_small_and_missing_points_unknown() -> None:
    points = neutral() + np.random.default_rng(0).normal(0, iod(neutral()) / 200, (FRAMES, 68, 2))
    points[3, 37] = np.nan
    shapes = live_link.blend_shapes(points, IBUG)
    assert np.isnan(shapes["EyeBlinkRight"][3])
    assert not np.isnan(shapes["EyeBlinkLeft"][3])
    assert max(np.nanmax(values) for values in shapes.values()) < 0.4


def track(points: np.ndarray, scheme: Scheme, *, faces: int = 1) -> TrackToWrite:
    pose = np.tile(np.float32([30, 10, 20]), (len(points), 1))
    kind = np.full(len(points), 2, np.uint8)
    points, kind[4] = points.astype(np.float32), 1
    points[4], pose[4] = np.nan, np.nan
    rows = {"points": points, "kind": kind, "head_pose": pose, "predicted_error": 0.02}
    one = FaceTrack.unseen(0, len(points), len(scheme)).with_rows(slice(None), **rows)
    made = tuple(replace(one, id=number) for number in range(faces))
    value = Track("ab" * 32, scheme.name, "net", 25.0, np.arange(len(points)) / 25, made)
    return TrackToWrite(value, scheme, Path("talk.mp4"), (640, 480), 0, len(points) - 1)


def test_the_file(tmp_path: Path) -> None:
    out = tmp_path / "talk.csv"
    live_link.write(track(posed("wink"), IBUG), out)
    table = pd.read_csv(out)
    assert len(table.columns) == 63
    assert table.columns[:4].tolist() == [
        "Timecode", "BlendShapeCount", "EyeBlinkLeft", "EyeLookDownLeft",
    ]  # fmt: skip
    assert table.columns[17:20].tolist() == ["JawRight", "JawLeft", "JawOpen"]
    assert len(set(table.columns)) == 63
    assert table["Timecode"].iloc[26] == "00:00:01:01.000"
    assert table["BlendShapeCount"].tolist() == [61] * 4 + [0] + [61] * (FRAMES - 5)
    assert table["EyeBlinkRight"].iloc[-1] == 1
    assert table["EyeBlinkLeft"].iloc[-1] == 0
    head = table.loc[0, ["HeadYaw", "HeadPitch", "HeadRoll"]].astype(float)
    assert np.allclose(np.rad2deg(head), [30, 10, -20], atol=1e-3)
    assert not table[["TongueOut", "LeftEyeYaw", "CheekPuff"]].to_numpy().any()
    part = tmp_path / "part.csv"
    live_link.write(replace(track(posed("wink"), IBUG), first=22, last=24), part)
    assert pd.read_csv(part)["EyeBlinkRight"].tolist() == [1, 1, 1]  # the whole track calibrates
    with pytest.raises(InputError, match="is of Live Link Face: blend shapes"):
        read_track_file(out)


def test_what_cannot_be_written(tmp_path: Path) -> None:
    out = tmp_path / "talk.csv"
    with pytest.raises(InputError, match="hold one face, and this track has 2"):
        live_link.write(track(neutral(), IBUG, faces=2), out)
    imm = Scheme.load("imm58")
    with pytest.raises(InputError, match="those of imm58 cannot be brought"):
        live_link.write(track(neutral()[:, :58], imm), out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("seconds", "rate", "code"),
    [
        (0, 25, "00:00:00:00.000"),
        (3661.52, 25, "01:01:01:13.000"),
        (1 / 3, 29.97, "00:00:00:10.000"),
        (0.99999999, 30, "00:00:01:00.000"),
        (0.1, 24, "00:00:00:02.400"),
    ],
)
def test_timecodes(seconds: float, rate: float, code: str) -> None:
    assert live_link.timecode(seconds, rate) == code
