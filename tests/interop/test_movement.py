"""Tracks that faceloop writes, read by movement, and the other way round."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import FaceTrack, InputError, Scheme, Track
from faceloop_datasets.track_formats import (
    TrackToWrite,
    deeplabcut,
    from_xarray,
    movement,
    read_track_file,
    sleap,
    to_xarray,
)

load_poses = pytest.importorskip("movement.io").load_poses


@pytest.fixture(params=[1, 2])
def track(request: pytest.FixtureRequest) -> TrackToWrite:
    """A track of one face, or of two; a frame is lost, and a point missing."""
    frames, scheme = 9, Scheme.load("face70")
    faces = []
    for number in range(request.param):
        points = np.random.default_rng(number).uniform(0, 99, (frames, 70, 2)).astype(np.float32)
        points[3], points[5, 2] = np.nan, np.nan
        kind = np.where(np.arange(frames) == 3, 1, 2).astype(np.uint8)
        error = np.where(kind == 2, 0.03, np.nan)
        face = FaceTrack.unseen(number, frames, 70)
        faces.append(face.with_rows(slice(None), points=points, kind=kind, predicted_error=error))
    value = Track("ab" * 32, "face70", "net", 25.0, np.arange(frames) / 25, tuple(faces))
    return TrackToWrite(value, scheme, Path("talk.mp4"), (640, 480), 0, frames - 1)


def test_movement_loads_what_is_written_for_deeplabcut(track: TrackToWrite, tmp_path: Path) -> None:
    out = tmp_path / "talk.csv"
    deeplabcut.write(track, out)
    loaded = [load_poses.from_dlc_file(out, fps=25)]
    if len(track.track.faces) == 1:
        loaded.append(load_poses.from_lp_file(out, fps=25))
    for ds in loaded:
        assert ds.position.dims == ("time", "space", "keypoints", "individuals")
        assert tuple(ds.keypoints.values) == track.scheme.names
        for number, face in enumerate(track.faces()):
            theirs = ds.position.values[..., number].transpose(0, 2, 1)
            assert np.array_equal(theirs.astype(np.float32), face.points, equal_nan=True)
            sure = ds.confidence.values[..., number]
            assert np.allclose(sure, face.confidence, equal_nan=True)


def test_what_movement_writes_for_deeplabcut_is_read(track: TrackToWrite, tmp_path: Path) -> None:
    from movement.io import save_poses

    position = np.stack([f.points.transpose(0, 2, 1) for f in track.faces()], axis=-1)
    ds = load_poses.from_numpy(
        position.astype(float),
        np.ones((len(position), 70, len(track.faces()))),
        [f.name for f in track.faces()],
        track.scheme.names,
        fps=25,
    )
    out = tmp_path / "talk.csv"
    save_poses.to_dlc_file(ds, out, split_individuals=False)
    found = read_track_file(out)
    for ours, face in zip(found.faces, track.faces(), strict=True):
        assert ours.name == face.name
        assert np.array_equal(ours.points, face.points, equal_nan=True)


def test_movement_works_on_what_is_written_for_it(track: TrackToWrite, tmp_path: Path) -> None:
    import xarray as xr
    from movement.kinematics import compute_velocity
    from movement.validators.datasets import ValidPosesInputs

    out = tmp_path / "talk.nc"
    movement.write(track, out)
    with xr.open_dataset(out) as ds:
        ValidPosesInputs.validate(ds)
        velocity = compute_velocity(ds.position)
        assert ds.attrs["fps"] == 25
        ds.load()
    assert set(velocity.dims) >= {"time", "space", "keypoints", "individuals"}
    move = track.faces()[0].points[1, 0] - track.faces()[0].points[0, 0]
    first = velocity.isel(time=0, keypoints=0, individuals=0).values
    assert np.allclose(first, move * 25, rtol=1e-4)
    ds.to_netcdf(tmp_path / "again.nc")
    for found in (read_track_file(tmp_path / "again.nc"), read_track_file(out)):
        assert (found.tool, found.scheme) == ("net", "face70")
        assert found.names == track.scheme.names
        for ours, face, kept in zip(found.faces, track.faces(), track.track.faces, strict=True):
            assert np.array_equal(ours.points, face.points, equal_nan=True)
            assert np.array_equal(ours.predicted_error, kept.predicted_error, equal_nan=True)
            assert np.array_equal(ours.kind, kept.kind)


def test_data_sets_of_movement_alone_are_read(track: TrackToWrite, tmp_path: Path) -> None:
    points = track.faces()[0].points[..., None].transpose(0, 2, 1, 3).astype(float)
    for fps in (25, None):
        ds = load_poses.from_numpy(
            points, keypoint_names=track.scheme.names, fps=fps, source_software="SLEAP"
        )
        ds.to_netcdf(tmp_path / f"{fps}.nc")
        for found in (from_xarray(ds), read_track_file(tmp_path / f"{fps}.nc")):
            assert found.frames.tolist() == list(range(9))
            assert np.array_equal(found.faces[0].points, track.faces()[0].points, equal_nan=True)
    del ds.attrs["time_unit"]
    with pytest.raises(InputError, match="no fps"):
        from_xarray(ds)


def test_a_track_in_memory_is_the_same(track: TrackToWrite) -> None:
    ds = to_xarray(track.track, track.scheme)
    assert ds.position.shape == (9, 2, 70, len(track.track.faces))
    assert ds.time.values[1] == 0.04


def test_movement_reads_what_is_written_for_sleap(track: TrackToWrite, tmp_path: Path) -> None:
    pytest.importorskip("sleap_io")
    out = tmp_path / "talk.slp"
    sleap.write(track, out)
    ds = load_poses.from_sleap_file(out, fps=25)
    for number, face in enumerate(track.faces()):
        theirs = ds.position.values[..., number].transpose(0, 2, 1).astype(np.float32)
        assert np.array_equal(theirs, face.points, equal_nan=True)
