"""No output is an input, however it is spelled, and equal names are told apart."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import InputError, Project
from faceloop_datasets.files import atomic_path
from faceloop_datasets.outputs import (
    below_common,
    database_files,
    files_told_apart,
    refuse_in_project,
    refuse_to_replace,
    refuse_unwritable,
    told_apart,
)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "talk.mp4"
    path.write_bytes(b"once")
    return path


def spellings(path: Path) -> dict[str, Path]:
    folder = path.parent
    (folder / "sub").mkdir()
    (folder / "soft.mp4").symlink_to(path)
    (folder / "twice.mp4").symlink_to("soft.mp4")
    (folder / "there").symlink_to(folder, target_is_directory=True)
    os.link(path, folder / "hard.mp4")
    return {
        "itself": path,
        "dots": folder / "sub" / ".." / path.name,
        "relative": Path(os.path.relpath(path)),
        "soft link": folder / "soft.mp4",
        "link to a link": folder / "twice.mp4",
        "hard link": folder / "hard.mp4",
        "linked folder": folder / "there" / path.name,
    }


def test_every_spelling_of_an_input_is_refused(video: Path) -> None:
    for how, output in spellings(video).items():
        for kept in (video, output):
            with pytest.raises(InputError, match="never replaced"):
                refuse_to_replace([None, output], [video.parent / "other", kept])
        assert how
    assert video.read_bytes() == b"once"


def test_upper_and_lower_case_where_the_system_does_not_tell_them_apart(video: Path) -> None:
    shouted = video.with_name("TALK.MP4")
    if shouted.exists():
        with pytest.raises(InputError, match="never replaced"):
            refuse_to_replace([shouted], [video])
    else:
        refuse_to_replace([shouted], [video])  # here it is another file


def test_what_is_no_input_is_fine(video: Path) -> None:
    earlier = video.with_name("earlier.csv")
    earlier.write_text("old")
    copy = video.with_name("copy.mp4")
    copy.write_bytes(video.read_bytes())
    refuse_to_replace([earlier, copy, video.with_name("new.csv"), None], [video])
    refuse_to_replace([], [video])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_stays_one(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe.csv", tmp_path / "to_pipe.csv"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        for refuse in (lambda p: refuse_to_replace([p], ()), refuse_unwritable):
            with pytest.raises(InputError, match=f"{path.name} is a device, a pipe or a socket"):
                refuse(path)
        with pytest.raises(InputError, match="is a device"), atomic_path(path) as part:
            part.write_text("new")
    assert pipe.is_fifo()
    assert link.is_symlink()


@pytest.mark.parametrize("name", ["/dev/null", "/dev/stdout"])
def test_devices_are_refused_in_words(name: str) -> None:
    if Path(name).exists():
        with pytest.raises(InputError, match=f"{name} is a (device|link)"):
            refuse_to_replace([Path(name)], ())


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "run3.csv").write_text("old")
    for target in ("run3.csv", "gone.csv"):
        link = tmp_path / f"to_{target}"
        link.symlink_to(target)
        with pytest.raises(InputError, match=f"is a link to .*{target}, and is not replaced"):
            refuse_to_replace([link], ())
    (tmp_path / "folder").mkdir()
    (tmp_path / "way").symlink_to("folder", target_is_directory=True)
    refuse_to_replace([tmp_path / "way", tmp_path / "way" / "new.csv"], ())


@pytest.mark.parametrize("name", ["faces.csv", "FACES.csv"])
def test_two_outputs_are_not_one_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="are one file"):
        refuse_to_replace([tmp_path / "faces.csv", tmp_path / "x" / ".." / name], [])


def test_a_file_that_is_not_there_yet_is_known_by_its_name(tmp_path: Path) -> None:
    later = list(database_files(tmp_path / "project.db"))
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    for output in ("project.db-wal", "Project.DB-WAL"):
        with pytest.raises(InputError, match="never replaced"):
            refuse_to_replace([tmp_path / "link" / output], later)


def test_a_project_keeps_all_that_is_its_own_and_was_imported(tmp_path: Path) -> None:
    picture = tmp_path / "elsewhere" / "a.ppm"
    picture.parent.mkdir()
    picture.write_bytes(b"P6 1 1 255\nabc")
    labels = tmp_path / "labels" / "sub" / "a:b.pts"
    labels.parent.mkdir(parents=True)
    labels.write_text("points")
    archive = tmp_path / "labels.zip"
    archive.write_bytes(b"zip")
    with Project.create(tmp_path / "project") as project:
        for _ in range(2):
            project.add_item(project.add_media(picture))
        roots = {"1": (tmp_path / "labels", "ibug:sub/a:b.pts:3"), "2": (archive, "muct:x.csv:a")}
        with project._database.write() as connection:
            for number, (root, origin) in roots.items():
                connection.exec_driver_sql(
                    "UPDATE items SET origin_root = ?, origin = ? WHERE id = ?",
                    (str(root), origin, int(number)),
                )
        kept = list(project.files())
        for file in (picture, labels, archive, project.path / "project.db"):
            with pytest.raises(InputError, match="never replaced"):
                refuse_to_replace([file], kept)
        refuse_to_replace([labels.with_name("new.pts"), tmp_path / "faces.csv"], kept)


def test_a_project_of_a_stranger_leads_to_no_network(tmp_path: Path) -> None:
    with Project.create(tmp_path / "project") as project:
        project.add_item(None)
        with project._database.write() as connection:
            connection.exec_driver_sql(
                "UPDATE items SET origin_root = ?, origin = 'ibug:a.pts'", (r"\\server\share",)
            )
        assert not [file for file in project.files() if "server" in str(file)]


def test_names_are_as_short_as_tells_them_apart() -> None:
    paths = [Path(p) for p in ("x/a/p.png", "x/b/p.png", "x/b/q.png", "x/c/r.jpg", "x/c/R.png")]
    below = below_common(paths)
    forms = {p: (p.stem, str(below[p].with_suffix("")), str(below[p])) for p in paths}
    assert list(files_told_apart(forms).values()) == ["a/p", "b/p", "q", "c/r.jpg", "c/R.png"]
    assert list(told_apart(forms).values()) == ["a/p", "b/p", "q", "r", "R"]


def test_paths_that_differ_in_nothing_but_case_get_numbers() -> None:
    assert files_told_apart({0: ("a",), 1: ("A",), 2: ("a_2",)}) == {0: "a", 1: "A_2", 2: "a_2_2"}


NAMES = st.sampled_from(["p", "P", "q", "p.png", "P.jpg", "é", "e\u0301", "straße", "STRASSE"])
PATHS = st.lists(st.lists(NAMES, min_size=1, max_size=3), max_size=12)


@given(PATHS)
def test_no_system_takes_two_for_one(parts: list[list[str]]) -> None:
    paths = {Path("/base", *part) for part in parts}
    below = below_common(paths)
    forms = {p: (p.stem, str(below[p].with_suffix("")), str(below[p])) for p in paths}
    names = files_told_apart(forms)
    folded = {unicodedata.normalize("NFC", name).casefold() for name in names.values()}
    assert len(folded) == len(paths)
    assert not any(name.startswith("/") or ".." in Path(name).parts for name in names.values())


def test_a_folder_that_is_made_on_the_way_hides_no_input(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "p.jpg").write_bytes(b"x")
    through = tmp_path / "new" / ".." / "d" / "p.jpg"
    with pytest.raises(InputError, match="never replaced"):
        refuse_to_replace([through], [tmp_path / "d" / "p.jpg"])


def test_nothing_is_written_into_a_project_but_among_its_reports(tmp_path):
    """Also not where only the folder tells that it is a project's, nor through a link."""
    root = tmp_path / "project"
    Project.create(root).close()
    (tmp_path / "link").symlink_to(root, target_is_directory=True)
    for inside in ("x.csv", "project.csv", "tracks/x.csv", "media/new/x.mp4", "reports"):
        for folder in (root, tmp_path / "link", root / "media" / ".."):
            with pytest.raises(InputError, match="an erasure would not reach it"):
                refuse_in_project([None, folder / inside])
    refuse_in_project([None, root / "reports" / "x.csv", tmp_path / "x.csv"])
