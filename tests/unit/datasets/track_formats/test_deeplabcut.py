"""Predictions of DeepLabCut and Lightning Pose.

What the files look like is from DeepLabCut's documentation ("Standardized names and file formats",
"maDLC user guide") and from Lightning Pose's ("Predictions", "Ensemble Kalman smoothing").
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceloop_datasets import InputError, Scheme
from faceloop_datasets.track_formats import deeplabcut, read_track_file, recognise_track

from .tracks_to_write import same_points, to_write

NET = "DLC_resnet50_talkNov29shuffle1_50000"
SINGLE = (
    f"scorer,{NET},{NET},{NET},{NET},{NET},{NET}\n"
    "bodyparts,chin,chin,chin,nose,nose,nose\n"
    "coords,x,y,likelihood,x,y,likelihood\n"
)
PEOPLE = (
    f"scorer,{NET},{NET},{NET},{NET},{NET},{NET},{NET},{NET},{NET}\n"
    "individuals,ann,ann,ann,bob,bob,bob,single,single,single\n"
    "bodyparts,chin,chin,chin,chin,chin,chin,lamp,lamp,lamp\n"
    "coords,x,y,likelihood,x,y,likelihood,x,y,likelihood\n"
)
EKS = (
    "scorer,ensemble-kalman_tracker" + ",ensemble-kalman_tracker" * 4 + "\n"
    "bodyparts,chin,chin,chin,chin,chin\n"
    "coords,x,y,likelihood,x_ens_median,x_posterior_var\n"
)


def read(tmp_path: Path, text: str, encoding: str = "utf-8") -> deeplabcut.FoundTrack:
    file = tmp_path / f"talk{NET}.csv"
    file.write_bytes(text.encode(encoding))
    assert recognise_track(file).name == "deeplabcut"
    return read_track_file(file)


def test_predictions_of_one_individual(tmp_path: Path) -> None:
    found = read(tmp_path, SINGLE + "0,1.5,2.25,0.9,3,4,1e-05\n1,,,,5,6,1\n")
    assert (found.tool, found.names) == (f"deeplabcut:{NET}", ("chin", "nose"))
    (face,) = found.faces
    assert face.points[0].tolist() == [[1.5, 2.25], [3, 4]]
    assert np.isnan(face.points[1, 0]).all()
    assert face.confidence is not None
    assert face.confidence[0].tolist() == [np.float32(0.9), np.float32(1e-5)]


def test_an_empty_first_row_and_other_ends_of_lines(tmp_path: Path) -> None:
    text = (SINGLE + "0,,,,,,\n1,1,2,1,3,4,1\n").replace("\n", "\r\n")
    found = read(tmp_path, text, "utf-8-sig")
    assert found.frames.tolist() == [0, 1]
    assert np.isnan(found.faces[0].points[0]).all()
    assert found.faces[0].points[1].tolist() == [[1, 2], [3, 4]]


def test_several_individuals_and_a_point_of_its_own(tmp_path: Path) -> None:
    found = read(tmp_path, PEOPLE + "3,1,2,1,3,4,1,5,6,1\n4,1,2,1,,,,5,6,1\n")
    assert [face.name for face in found.faces] == ["ann", "bob", "single"]
    assert found.names == ("chin", "lamp")
    assert np.isnan(found.faces[0].points[:, 1]).all()
    assert found.faces[2].points[0, 1].tolist() == [5, 6]
    assert found.frames.tolist() == [3, 4]


def test_what_ensembles_say_besides_is_left_and_told(tmp_path: Path) -> None:
    found = read(tmp_path, EKS + "0,1,2,.5,1.1,.2\n")
    assert found.tool == "lightning-pose:ensemble-kalman_tracker"
    assert found.left == ("likelihood of each point", "x_ens_median", "x_posterior_var")
    assert found.faces[0].points.tolist() == [[[1, 2]]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SINGLE + "labeled-data/talk/img00.png,1,2,1,3,4,1\n", "these are labelled frames"),
        (SINGLE + "0,1,2,x,3,4,1\n", "cannot be read as predictions"),
        (SINGLE + "1,1,2,1,3,4,1\n0,1,2,1,3,4,1\n", "does not count frames upwards"),
        (SINGLE + "0.5,1,2,1,3,4,1\n", "does not count frames upwards"),
        (SINGLE + "0,1,2\n", "cannot be read as predictions"),
        (SINGLE, "has no frames"),
        (SINGLE.replace("nose", "chin") + "0,1,2,1,3,4,1\n", "a point of an individual twice"),
        (SINGLE.replace("x,", "a,") + "0,1,2,1,3,4,1\n", "has no coordinates x"),
        ("scorer,a\nbodyparts,b,c\ncoords,x,y\n0,1\n", "header rows of different lengths"),
        ("scorer,a\nbodyparts,b\n", "does not begin with rows called"),
        ("", "does not begin with rows called"),
    ],
)
def test_a_broken_file_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "talk.csv"
    file.write_text(text)
    with pytest.raises(InputError, match=r"talk\.csv.*" + said):
        deeplabcut.read(file)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(["imm58", "face70"]), st.integers(1, 3), st.integers(0, 99))
def test_points_come_back_to_the_bit(scheme: str, faces: int, seed: int) -> None:
    import tempfile

    written = to_write(Scheme.load(scheme), faces, seed)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "talk.csv"
        deeplabcut.write(written, out)
        found = read_track_file(out)
        levels = 4 if faces > 1 else 3
        table = pd.read_csv(out, header=list(range(levels)), index_col=0)
    assert same_points(found, written)
    assert found.names == written.scheme.names
    assert found.tool == "deeplabcut:faceloop_net"
    assert table.columns.names[-1] == "coords"
    x = table.xs("x", axis=1, level="coords").to_numpy(np.float32)
    assert np.array_equal(x[:, : len(written.scheme)], written.faces()[0].points[..., 0], True)
    if faces > 1:
        assert [face.name for face in found.faces] == [f"person{k}" for k in range(faces)]
