"""Tracks as values: what is done to them, undone, and kept in a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from faceloop_datasets import FaceTrack, FrameKind, InputError, Track, Verdict
from faceloop_datasets.tracks import editing
from faceloop_datasets.tracks.blending import blend
from faceloop_datasets.tracks.change import TrackChange
from faceloop_datasets.tracks.file import read_track, write_track
from faceloop_datasets.tracks.folder import TrackFolder
from faceloop_datasets.tracks.history import TrackHistory

SHA = "ab" * 32
POINTS = 6


def face(number: int, kinds: list[int], seed: int = 0) -> FaceTrack:
    """A face of random points with given kinds."""
    rng, kind = np.random.default_rng([seed, number]), np.array(kinds, np.uint8)
    one = FaceTrack.unseen(number, len(kind), POINTS, expressions=2)
    there = np.flatnonzero(kind >= FrameKind.FITTED)
    rows: dict[str, Any] = {
        "points": rng.uniform(0, 200, (len(there), POINTS, 2)),
        "predicted_error": rng.uniform(0, 0.2, len(there)),
        "head_pose": rng.uniform(-40, 40, (len(there), 3)),
    }
    return one.with_rows(there, **rows).with_rows(slice(None), kind=kind)


def track(*faces: FaceTrack, frames: int = 0) -> Track:
    """A track of faces."""
    count = frames or len(faces[0])
    return Track(SHA, "six", "starter", 25.0, np.arange(count) / 25, faces, ("calm", "glad"))


def same(one: Track, other: Track) -> bool:
    """Whether two tracks are the same, NaN included."""
    if [(f.id, f.name) for f in one.faces] != [(f.id, f.name) for f in other.faces]:
        return False
    pairs = zip(one.faces, other.faces, strict=True)
    return one.model == other.model and all(
        np.array_equal(a, b, equal_nan=a.dtype == np.float32)
        for f, g in pairs
        for a, b in zip(f.arrays().values(), g.arrays().values(), strict=True)
    )


def two_faces() -> Track:
    return track(face(0, [2, 2, 1, 2, 2, 3, 2, 0]), face(1, [1, 1, 1, 1, 2, 2, 2, 0]))


def test_worst_error_tells_unseen_from_lost() -> None:
    value = two_faces()
    worst = value.worst_error
    assert np.isnan(worst[7])
    assert np.isinf(worst[2])
    both = max(value.faces[0].predicted_error[4], value.faces[1].predicted_error[4])
    assert worst[4] == both
    assert worst[0] == value.faces[0].predicted_error[0]
    unknown = value.face(0).with_rows([0, 4], predicted_error=np.nan)
    worst = value.with_face(unknown).worst_error
    assert np.isnan(worst[0])  # it is there, and nobody said how good it is
    assert worst[4] == value.faces[1].predicted_error[4]


def test_arrays_cannot_be_written_and_have_to_agree() -> None:
    one = face(0, [2, 2])
    with pytest.raises(ValueError, match="read-only"):
        one.points[0] = 0
    with pytest.raises(InputError, match=r"predicted_error of face 0 as float32 of shape \(2,\)"):
        replace(one, predicted_error=np.zeros(3, np.float32))
    with pytest.raises(InputError, match="Expected 5 frames but face 0 has 2"):
        track(one, frames=5)
    with pytest.raises(InputError, match=r"There is no face 7 in this track\. It has: 0"):
        track(one).face(7)


KINDS = st.lists(st.integers(0, 6), min_size=8, max_size=8)


@st.composite
def edits(draw: st.DrawFn) -> list[tuple[str, int, int, int]]:
    """A few operations with their face and range."""
    what = st.sampled_from(["correct", "accept", "interpolate", "smooth", "split", "join", "name"])
    one = st.tuples(what, st.integers(0, 3), st.integers(0, 7), st.integers(0, 7))
    return draw(st.lists(one, max_size=6))


def apply(value: Track, edit: tuple[str, int, int, int]) -> Track:
    what, number, first, last = edit
    if what == "correct":
        points = np.random.default_rng(first).uniform(0, 99, (POINTS, 2))
        return editing.correct(value, number, first, points)
    if what == "accept":
        return editing.judge(value, number, first, last, Verdict.ACCEPTED)
    if what == "split":
        return editing.split(value, number, first)
    if what == "join":
        return editing.join(value, number, first)
    if what == "name":
        return value.with_face(replace(value.face(number), name=f"who {first}"))
    operation = editing.interpolate if what == "interpolate" else editing.smooth
    more = {"window": 3} if what == "smooth" else {}
    return operation(value, number, first, last, **more)


@settings(max_examples=60, deadline=None)
@given(KINDS, KINDS, edits())
def test_all_that_was_done_can_be_undone_and_done_again(
    one: list[int], two: list[int], steps: list[tuple[str, int, int, int]]
) -> None:
    history = TrackHistory(track(face(0, one), face(1, two)))
    seen = [history.track]
    for step in steps:
        try:
            edited = apply(history.track, step)
        except InputError:
            continue
        history = history.did(edited, step[0])
        assert same(history.track, edited)
        if not same(edited, seen[-1]):
            seen.append(edited)
    assert len(history.done) == len(seen) - 1
    for before in seen[-2::-1]:
        history = history.undo()
        assert same(history.track, before)
    assert history.undo() is history
    for after in seen[1:]:
        history = history.redo()
        assert same(history.track, after)
    assert not history.undone


@settings(max_examples=60, deadline=None)
@given(KINDS, st.integers(0, 7))
def test_joining_what_was_split_gives_the_face_again(kinds: list[int], frame: int) -> None:
    value = track(face(0, kinds))
    # what nobody has seen is lost to neither part, and a lost frame is lost to both
    try:
        parts = editing.split(value, 0, frame)
    except InputError:
        there = np.array(kinds) >= FrameKind.FITTED
        assert not there[:frame].any() or not there[frame:].any()
        return
    first, second = parts.faces
    assert not first.present[frame:].any()
    assert not second.present[:frame].any()
    assert np.array_equal(first.present | second.present, value.faces[0].present)
    assert same(editing.join(parts, 0, 1), value)


def test_faces_in_the_same_frame_cannot_be_joined() -> None:
    with pytest.raises(InputError, match=r"both in 3 frames, first in 4"):
        editing.join(two_faces(), 0, 1)
    with pytest.raises(InputError, match="not on both sides of frame 4"):
        editing.split(two_faces(), 1, 4)


def turned(shape: np.ndarray, degrees: float, scale: float, to: complex) -> np.ndarray:
    z = shape @ [1, 1j] * scale * np.exp(1j * np.radians(degrees)) + to
    return np.stack([z.real, z.imag], axis=1)


@settings(max_examples=40, deadline=None)
@given(st.floats(-170, 170), st.floats(0.5, 2), st.floats(-90, 90), st.floats(0, 1))
def test_interpolation_keeps_a_similarity_one(
    angle: float, scale: float, x: float, share: float
) -> None:
    """A face that only rolls, comes nearer and moves has its own shape all the way."""
    shape = np.random.default_rng(3).normal(size=(POINTS, 2))
    shape -= shape.mean(axis=0)
    found = blend(shape, turned(shape, angle, scale, x + 5j), np.array([share]))[0]
    wanted = turned(shape, share * angle, scale**share, share * (x + 5j))
    np.testing.assert_allclose(found, wanted, atol=1e-9)


def test_interpolation_goes_from_anchor_to_anchor() -> None:
    value = track(face(0, [2, 1, 1, 3, 2, 2]))
    with pytest.raises(InputError, match="Frame 1 has no points of face 0"):
        editing.interpolate(value, 0, 1, 5)
    found = editing.interpolate(value, 0, 0, 5).face(0)
    before = value.face(0)
    assert found.kind.tolist() == [2, 5, 5, 3, 5, 2]
    for end in (0, 3, 5):
        np.testing.assert_array_equal(found.points[end], before.points[end])
    np.testing.assert_allclose(
        found.points[1], blend(before.points[0], before.points[3], [1 / 3])[0], rtol=1e-6
    )
    assert found.predicted_error[4] == pytest.approx(
        before.predicted_error[5] / 2 + 0.5 * before.predicted_error[3]
    )
    missing = before.points[5].copy()
    missing[2] = np.nan
    gap = editing.interpolate(value.with_face(before.with_rows(5, points=missing)), 0, 3, 5)
    assert np.isnan(gap.face(0).points[5, 2]).all()
    assert np.isfinite(gap.face(0).points[4]).all()  # from the anchor that has it


def test_a_missing_point_is_missing_in_its_frame_only() -> None:
    shape = np.random.default_rng(3).uniform(0, 90, (POINTS, 2))
    path = np.stack([turned(shape, 3 * t, 1.0, 2 * t + 1j * t) for t in range(21)])
    kinds = np.full(21, FrameKind.FITTED)
    kinds[10] = FrameKind.CORRECTED
    spoilt = path.copy()
    spoilt[10, 2] = np.nan
    spoilt[:, 4] = np.nan
    one = face(0, kinds.tolist()).with_rows(slice(None), points=spoilt)
    for edit in (editing.interpolate, editing.smooth):
        edited = edit(track(one), 0, 0, 20).face(0)
        missing = np.isnan(edited.points).any(axis=2)
        assert np.argwhere(missing[:, [0, 1, 2, 3, 5]]).tolist() == [[10, 2]]
        assert missing[:, 4].all()
        np.testing.assert_allclose(edited.points[~missing], path[~missing], atol=2)
    kept = spoilt.copy()
    kept[[0, 10, 20], 2] = np.nan  # no anchor has it
    one = one.with_rows(slice(None), points=kept)
    found = editing.interpolate(track(one), 0, 0, 20).face(0)
    np.testing.assert_array_equal(found.points[:, 2], one.points[:, 2])


def test_smoothing_keeps_a_parabola_and_what_people_placed() -> None:
    t = np.arange(40.0)
    path = np.stack([3 * t - 0.05 * t * t, 2 + t], axis=1)[:, None].repeat(POINTS, axis=1)
    noise = np.random.default_rng(1).normal(size=path.shape)
    kinds = np.full(40, FrameKind.FITTED)
    kinds[[5, 30]] = FrameKind.LOST, FrameKind.CORRECTED
    value = track(face(0, kinds.tolist()))
    here = np.flatnonzero(kinds != FrameKind.LOST)
    exact = value.with_face(value.face(0).with_rows(here, points=path[here]))
    rough = value.with_face(value.face(0).with_rows(here, points=(path + noise)[here]))
    kept = editing.smooth(exact, 0, 10, 39).face(0)
    np.testing.assert_allclose(kept.points[here], path[here], atol=1e-4)
    found = editing.smooth(rough, 0, 10, 34).face(0)
    np.testing.assert_array_equal(found.points[35:], rough.face(0).points[35:])
    np.testing.assert_array_equal(found.points[[7, 30]], rough.face(0).points[[7, 30]])
    off = [np.abs(p[10:30] - path[10:30]).mean() for p in (found.points, rough.face(0).points)]
    assert off[0] < 0.6 * off[1]
    assert found.kind[[5, 9, 10, 30]].tolist() == [1, 2, 6, 3]
    with pytest.raises(InputError, match="odd window of 3 frames or more but got 4"):
        editing.smooth(rough, 0, 10, 39, window=4)
    with pytest.raises(InputError, match=r"for 34 frames without a gap.* window of 99 frames"):
        editing.smooth(rough, 0, 10, 39, window=99)


def test_a_track_is_read_as_it_was_written(tmp_path: Path) -> None:
    history = TrackHistory(two_faces())
    history = history.did(editing.correct(history.track, 2, 3, np.ones((POINTS, 2))), "new face")
    history = history.did(editing.judge(history.track, 0, 0, 4, Verdict.REJECTED), "rejected")
    history = history.did(editing.split(history.track, 0, 4), "split").undo()
    write_track(tmp_path / "a.safetensors", history)
    again = read_track(tmp_path / "a.safetensors")
    assert same(again.track, history.track)
    assert [c.said for c in again.done] == ["new face", "rejected"]
    assert [c.said for c in again.undone] == ["split"]
    assert again.done[1].frames == (0, 4)
    assert same(again.undo().undo().track, two_faces())
    assert same(again.redo().track, editing.split(history.track, 0, 4))
    assert again.track.expressions == ("calm", "glad")


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    good, file = two_faces(), tmp_path / "a.safetensors"
    first = good.face(0)
    edited = TrackHistory(good).did(editing.judge(good, 0, 0, 4, Verdict.REJECTED), "rejected")
    (rows,) = edited.done[0].faces
    far = replace(rows, frames=rows.frames + 99)
    for value, said in (
        (first.with_rows(4, points=np.nan), "in frame 4 a fit without any of its points"),
        (first.with_rows(4, points=np.inf), "in frame 4 points that are no places"),
        (first.with_rows(2, points=9), "in frame 2 points where it was not found"),
        (first.with_rows(2, kind=99), "face.0.kind has the value 99"),
    ):
        with pytest.raises(InputError, match=f"abababababab… cannot be kept: .*{said}"):
            write_track(file, TrackHistory(good.with_face(value)))
    for times, said in (
        (np.full(8, np.nan), "times do not increase"),
        (np.arange(8, dtype=np.float32), "times has type float32"),
        (np.arange(16.0).reshape(8, 2), r"times have the shape \(8, 2\)"),
    ):
        with pytest.raises(InputError, match=said):
            write_track(file, TrackHistory(replace(good, times=times)))
    with pytest.raises(InputError, match=r"frames outside 0\.\.7"):
        write_track(file, replace(edited, done=(replace(edited.done[0], faces=(far,)),)))
    assert not list(tmp_path.iterdir())


def test_a_disk_without_room_keeps_the_track_there_was(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="Windows limits no files")
    file = tmp_path / "a.safetensors"
    write_track(file, TrackHistory(two_faces()))
    before, soft = file.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, soft[1]))
    try:
        with pytest.raises(
            InputError, match=r"a\.safetensors cannot be written: the file would be"
        ):
            write_track(file, TrackHistory(two_faces()))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, soft)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_old_changes_are_forgotten_but_not_their_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceloop_datasets.tracks.history._MOST_BYTES", 1000)
    history = TrackHistory(two_faces())
    for frame in range(7):
        edited = editing.correct(history.track, 0, frame, np.full((POINTS, 2), frame))
        history = history.did(edited, f"frame {frame}")
    assert 0 < len(history.done) < 7
    assert history.track.face(0).kind[:7].tolist() == [3] * 7


def test_another_models_fields_begin_a_new_history() -> None:
    history = TrackHistory(two_faces())
    history = history.did(editing.split(history.track, 0, 4), "split")
    other = replace(two_faces(), expressions=(), faces=())
    assert TrackChange.between(history.track, other, "", "") is None
    assert history.went_on(other).done == ()
    assert len(history.went_on(two_faces()).done) == 1


def changed_header(change: Any) -> Any:
    def make(path: Path) -> None:
        data = path.read_bytes()
        arrays = load_file(path)
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + size])["__metadata__"]
        about = json.loads(header["faceloop track"])
        change(about, arrays)
        save_file(arrays, path, {"faceloop track": json.dumps(about)})

    return make


def narrow(_about: Any, arrays: Any) -> None:
    arrays["change.0.0.before.points"] = arrays["change.0.0.before.points"][:, :3].copy()


def changed_points(where: Any, value: float) -> Any:
    return changed_header(lambda _, x: x["face.0.points"].__setitem__(where, value))


DAMAGE: dict[str, tuple[Any, str]] = {
    "cut": (lambda p: p.write_bytes(p.read_bytes()[:-40]), "is damaged"),
    "other": (lambda p: p.write_bytes(b"GIF89a" * 20), "truncated or in another format"),
    "empty": (lambda p: p.write_bytes(b""), "truncated or in another format"),
    "newer": (changed_header(lambda a, _: a.update(version=9)), "Update faceloop"),
    "frames": (changed_header(lambda _, x: x.update(times=x["times"][:3].copy())), "3 rows"),
    "kind": (changed_header(lambda _, x: x["face.0.kind"].fill(99)), "means nothing"),
    "lacking": (changed_header(lambda _, x: x.pop("face.1.verdict")), "face.1.verdict"),
    "far": (changed_header(lambda _, x: x["change.0.0.frames"].fill(999)), "outside 0..7"),
    "rows": (changed_header(narrow), "different fields"),
    "name": (changed_header(lambda a, _: a.update(model=3)), "expected a text but found 3"),
    "times": (changed_header(lambda _, x: x["times"].fill(np.nan)), "times do not increase"),
    "equal": (changed_header(lambda _, x: x["times"].fill(0)), "times do not increase"),
    "rate": (changed_header(lambda a, _: a.update(rate=0)), "the rate is 0.0; expected"),
    "no rate": (changed_header(lambda a, _: a.update(rate=float("nan"))), "the rate is nan"),
    "far points": (changed_points(0, 1e30), "face 0 has in frame 0 points that are no places"),
    "infinite": (changed_points(0, np.inf), "face 0 has in frame 0 points that are no places"),
    "half": (changed_points((5, 1, 0), np.nan), "in frame 5 points with one coordinate"),
    "lacks": (
        changed_points((4, slice(None)), np.nan),
        "in frame 4 a fit without any of its points",
    ),
    "lost": (changed_points(2, 9), "in frame 2 points where it was not found"),
    "error": (
        changed_header(lambda _, x: x["change.0.0.before.predicted_error"].fill(-1)),
        "face 0 in the change 'rejected' has in frame 0 a predicted error below 0",
    ),
    "done": (changed_header(lambda a, _: a.update(done=7)), "cannot be undone"),
}


@pytest.mark.parametrize("which", DAMAGE)
def test_damaged_files_give_one_clear_line(tmp_path: Path, which: str) -> None:
    history = TrackHistory(two_faces())
    history = history.did(editing.judge(history.track, 0, 0, 4, Verdict.REJECTED), "rejected")
    folder = TrackFolder(tmp_path)
    folder.write(history)
    damage, said = DAMAGE[which]
    damage(folder.file(SHA))
    with pytest.raises(InputError, match=said) as error:
        folder.read(SHA)
    assert str(folder.file(SHA)) in str(error.value)
    assert "\n" not in str(error.value)


def test_another_videos_track_and_links_are_none(tmp_path: Path) -> None:
    folder, other = TrackFolder(tmp_path), "cd" * 32
    folder.write(TrackHistory(two_faces()))
    folder.file(other).symlink_to(folder.file(SHA))
    assert folder.read(other) is None
    folder.file(other).unlink()
    folder.file(SHA).rename(folder.file(other))
    with pytest.raises(InputError, match="is of another video"):
        folder.read(other)
    assert folder.read(SHA) is None
    with pytest.raises(InputError, match="Expected the SHA-256"):
        folder.file("../project")
