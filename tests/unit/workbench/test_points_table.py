"""The table of fitted points: streamed, complete when interrupted."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from faceloop_datasets import InputError
from faceloop_runtime import HeadPose
from faceloop_workbench.services.points_table import PointsTable

from .fits import POINTS, make_fit

NAMES = ("left", "right", "nose")


def read(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path) if path.suffix.lower() == ".parquet" else pd.read_csv(path)


@pytest.mark.parametrize("name", ["points.parquet", "points.csv", "points.CSV"])
def test_one_row_a_point_and_one_a_frame_without_a_face(tmp_path: Path, name: str) -> None:
    with PointsTable(tmp_path / name, "track", NAMES, {}) as table:
        table.write((0, 0.0), [(0, make_fit()), (1, make_fit(POINTS + 100))])
        table.write((1, 0.04), [])
        table.write((2, 0.08), [(1, make_fit(POINTS + 101))])
        table.write((477, 19.080000000000002), [])
    rows = read(tmp_path / name)
    assert rows["time"].tolist()[-1] == 19.08
    rows = rows[:-1]
    assert list(rows.columns) == [
        "frame", "time", "face", "point", "name", "x", "y", "confidence", "visibility", "score",
        "predicted_error", "error_bound", "yaw", "pitch", "roll", "pose_error", "scale", "start",
    ]  # fmt: skip
    assert rows["frame"].tolist() == [0] * 6 + [1] + [2] * 3
    assert rows["face"].tolist()[:6] == [0, 0, 0, 1, 1, 1]
    assert rows["name"].tolist()[:3] == list(NAMES)
    np.testing.assert_allclose(rows["x"][3:6], [101.5, 103.0, 105.0])
    assert rows.iloc[6][["face", "name", "x", "predicted_error"]].isna().all()
    np.testing.assert_allclose(rows["predicted_error"].dropna(), 0.02, rtol=1e-6)
    assert rows["start"].dropna().tolist() == ["eyes"] * 9
    np.testing.assert_allclose(rows["error_bound"].dropna(), 0.03, rtol=1e-6)
    np.testing.assert_allclose(rows["visibility"][:3], [0.9, 0.5, 0.1], rtol=1e-6)


def test_how_a_head_is_turned_stands_in_every_row_of_its_face(tmp_path: Path) -> None:
    known, unsure = HeadPose(12.5, -3.25, 4.0, 2.0), HeadPose(1.0, 2.0, 3.0, float("nan"))
    with PointsTable(tmp_path / "p.csv", "track", NAMES, {}) as table:
        faces = [make_fit(head_pose=head) for head in (known, unsure, None)]
        table.write((0, 0.0), list(enumerate(faces)))
    rows = read(tmp_path / "p.csv")[["yaw", "pitch", "roll", "pose_error"]]
    np.testing.assert_array_equal(rows[:3], [[12.5, -3.25, 4.0, 2.0]] * 3)
    np.testing.assert_array_equal(rows[3:6], [[1.0, 2.0, 3.0, np.nan]] * 3)
    np.testing.assert_array_equal(rows[6:], [[np.nan, np.nan, 0.0, np.nan]] * 3)
    assert "nan" not in (tmp_path / "p.csv").read_text()


def test_smoothed_points_stand_beside_the_raw_ones(tmp_path: Path) -> None:
    with PointsTable(tmp_path / "p.parquet", "track", NAMES, {}, smoothed=True) as table:
        table.write((0, 0.0), [(7, make_fit())], {7: POINTS + 0.25})
    rows = read(tmp_path / "p.parquet")
    np.testing.assert_allclose(rows[["x", "y"]], POINTS)
    np.testing.assert_allclose(rows[["x_smooth", "y_smooth"]], POINTS + 0.25)


def test_fits_of_pictures_begin_with_the_picture(tmp_path: Path) -> None:
    with PointsTable(tmp_path / "p.parquet", "fit", NAMES, {"scheme": "three"}) as table:
        table.write(("a.jpg",), [(0, make_fit())])
    assert read(tmp_path / "p.parquet")["image"].tolist() == ["a.jpg"] * 3
    metadata = pq.read_schema(tmp_path / "p.parquet").metadata
    assert json.loads(metadata[b"faceloop"]) == {"scheme": "three"}


@pytest.mark.parametrize("name", ["points.parquet", "points.csv", "points.CSV"])
def test_an_interruption_leaves_what_was_written(tmp_path: Path, name: str) -> None:
    def interrupted() -> None:
        with PointsTable(tmp_path / name, "track", NAMES, {}) as table:
            for frame in range(151):
                table.write((frame, frame / 25), [(0, make_fit())])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert read(tmp_path / name)["frame"].max() == 150
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_it_keeps_few_frames_in_memory(tmp_path: Path) -> None:
    table = PointsTable(tmp_path / "p.parquet", "track", NAMES, {})
    for frame in range(1000):
        table.write((frame, 0.0), [(0, make_fit())])
    (part,) = tmp_path.glob(".part-*")
    assert part.stat().st_size > 10_000
    assert not (tmp_path / "p.parquet").exists()
    table.close()
    assert pq.ParquetFile(tmp_path / "p.parquet").num_row_groups > 10


def test_nothing_tracked_is_an_empty_table(tmp_path: Path) -> None:
    PointsTable(tmp_path / "p.csv", "track", NAMES, {}).close()
    assert read(tmp_path / "p.csv").empty
    assert "predicted_error" in read(tmp_path / "p.csv").columns


def test_a_name_without_a_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"points\.xlsx.*\.parquet or \.csv"):
        PointsTable(tmp_path / "points.xlsx", "track", NAMES, {})


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        PointsTable(tmp_path / "file" / "p.csv", "track", NAMES, {})


def test_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    def write_much() -> None:
        with PointsTable(tmp_path / "p.csv", "track", NAMES, {}) as table:
            for frame in range(20_000):
                table.write((frame, 0.0), [(0, make_fit())])

    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then writing fails, as on a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(InputError, match="cannot be written"):
            write_much()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert list(tmp_path.iterdir()) == []
