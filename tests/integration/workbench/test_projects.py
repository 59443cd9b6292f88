"""`init`, `import` and `export` on the command line."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from faceloop_datasets import Project, Scheme
from faceloop_datasets.formats import all_formats, readable, writable
from faceloop_datasets.sample import sample_dir

if TYPE_CHECKING:
    from .conftest import Run


def write_pts(file: Path, points: int = 68) -> None:
    rows = [f"{10 + k % 10 * 3} {20 + k // 10 * 3}" for k in range(points)]
    lines = ["version: 1", f"n_points: {points}", "{", *rows, "}", ""]
    file.write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture
def ibug(tmp_path: Path) -> Path:
    folder = tmp_path / "pts"
    folder.mkdir()
    write_pts(folder / "a.pts")
    write_pts(folder / "b.pts")
    write_pts(folder / "short.pts", points=5)
    return folder


def test_every_format_is_listed(faceloop: Run) -> None:
    rows = faceloop("formats", "--json").json()["formats"]
    assert {row["format"] for row in rows if row["read"]} == set(readable())
    assert {row["format"] for row in rows if row["written"]} == set(writable())
    said = faceloop("formats").out
    assert all(one.title in said for one in all_formats().values())


def test_init_makes_a_project(faceloop: Run, tmp_path: Path) -> None:
    done = faceloop("init", tmp_path / "faces", "--scheme", "ibug68")
    assert done.code == 0
    assert "ibug68, 68 points" in done.out
    with Project.open(tmp_path / "faces") as project:
        assert project.scheme.name == "ibug68"


def test_init_reports_as_json(faceloop: Run, tmp_path: Path) -> None:
    done = faceloop("init", tmp_path / "faces", "--json")
    expected = {"project": str(tmp_path / "faces"), "scheme": "face70", "points": 70, "faces": 0}
    assert done.json() == expected


def test_init_takes_a_scheme_of_ones_own(faceloop: Run, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(Scheme.load("face70").to_toml().replace('"face70"', '"own"', 1))
    assert faceloop("init", tmp_path / "faces", "--scheme", own).code == 0


def _cats(file: Path, *names: str) -> Path:
    rows = [f"a.jpg,{name},{k * 7 % 5},{k}" for k, name in enumerate(names, start=1)]
    file.write_text("\n".join(["image,name,x,y", *rows]), encoding="utf-8")
    return file


def test_init_takes_the_scheme_from_annotations(faceloop: Run, tmp_path: Path) -> None:
    table = _cats(tmp_path / "my cats.csv", "left ear", "right ear", "nose")
    done = faceloop("init", tmp_path / "cats", "--scheme-of", table)
    assert (done.code, "Recognised as csv." in done.err) == (0, True)
    *_, following = done.out.strip().splitlines()
    words = shlex.split(following.removeprefix("Next: faceloop "))
    assert "1" in faceloop(*words).out.splitlines()[0]
    with Project.open(tmp_path / "cats") as project:
        assert project.scheme.names == ("left ear", "right ear", "nose")
        assert project.scheme.mirror == (1, 0, 2)
        assert len(project.faces()) == 1
    made = faceloop("init", tmp_path / "more", "--scheme-of", table, "--json").json()
    assert (made["scheme"], made["points"]) == ("my cats", 3)


def test_init_refuses_what_gives_no_scheme(faceloop: Run, tmp_path: Path) -> None:
    table = _cats(tmp_path / "cats.csv", "nose")
    for args, code, why in (
        (("--scheme-of", table, "--scheme", "ibug68"), 2, "exclude each other"),
        (("--scheme-of", tmp_path / "none.csv"), 1, "none.csv does not exist"),
        (("--scheme-of", table), 1, "1 named point; expected 2 to 1000"),
    ):
        done = faceloop("init", tmp_path / "new", *args)
        assert (done.code, why in " ".join(done.err.split())) == (code, True)
        assert not (tmp_path / "new").exists()


def test_points_that_do_not_fit_name_the_command_that_helps(faceloop: Run, tmp_path: Path) -> None:
    table = _cats(tmp_path / "my cats.csv", "left ear", "right ear", "nose")
    faceloop("init", tmp_path / "faces")
    done = faceloop("import", table, "--project", tmp_path / "faces")
    assert done.code == 1
    for part in (
        "has 3 points (my cats)",
        "the project faces 70 (face70)",
        "0 points are the same",
    ):
        assert part in done.err
    command = done.err.split("points: faceloop ")[1]
    assert faceloop(*shlex.split(command)).code == 0
    assert faceloop("import", table, "--project", tmp_path / "my cats").code == 0


def test_an_import_by_names_says_what_is_left_out(faceloop: Run, tmp_path: Path) -> None:
    first = _cats(tmp_path / "cats.csv", "left ear", "right ear", "nose", "chin")
    faceloop("init", tmp_path / "cats", "--scheme-of", first)
    other = _cats(tmp_path / "other.csv", "Left_Ear", "right-ear", "nose", "tail")
    arguments = ("import", other, "--project", tmp_path / "cats", "--dry-run")
    done = faceloop(*arguments)
    assert "1 point is missing, which the file does not have (chin)." in done.out
    assert "1 point of the file is left out (tail)." in done.out
    report = faceloop(*arguments, "--json").json()
    assert (report["points_left_out"], report["points_not_there"]) == (["tail"], ["chin"])
    assert report["points_missing"] == 1


def test_an_import_says_what_numbers_are_taken_for(faceloop: Run, tmp_path: Path) -> None:
    faces, eyes = tmp_path / "faces", map(str, range(36, 48))
    table = _cats(tmp_path / "eyes.csv", *eyes)
    assert "scheme eyes, 12 points" in faceloop("init", tmp_path / "eyes", "--scheme-of", table).out
    faceloop("init", faces, "--scheme", "ibug68")
    done = faceloop("import", table, "--project", faces)
    assert "12 numbered points are taken for points 36 to 47 of ibug68, by number" in done.out
    with Project.open(faces) as project:
        (face,) = project.faces()
    assert np.flatnonzero(face.annotation.present).tolist() == list(range(36, 48))
    assert face.annotation.points[36].tolist() == [2, 1]
    whole = _cats(tmp_path / "whole.csv", *map(str, range(68)))
    done = faceloop("init", tmp_path / "whole", "--scheme-of", whole)
    assert "68 numbered points are taken for those of ibug68, by number from 0." in done.out
    assert faceloop("import", whole, "--project", faces, "--json").json()["points_missing"] == 0


def test_the_scheme_of_a_project_is_corrected_but_for_its_names(
    faceloop: Run, tmp_path: Path
) -> None:
    own, faces = tmp_path / "own.toml", tmp_path / "faces"
    own.write_text('name = "own"\nnames = ["left", "right", "tip"]\nmirror = [[0, 2]]\n')
    made = faceloop("init", faces, "--scheme", own)
    assert f"faceloop open {faces}" in made.out
    shown = faceloop("scheme", "show", "--project", faces).out
    own.write_text(shown.replace("[0, 2]", "[0, 1]"))
    assert faceloop("scheme", "replace", own, "--project", faces).code == 0
    with Project.open(faces) as project:
        assert project.scheme.mirror == (1, 0, 2)
    own.write_text(shown.replace('"tip"', '"nose"'))
    refused = faceloop("scheme", "replace", own, "--project", faces)
    assert (refused.code, "not the name and the points" in refused.err) == (1, True)
    with Project.open(faces) as project:
        assert project.scheme.names[2] == "tip"


def test_a_text_file_is_no_scheme(faceloop: Run, tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text('name = "own"\n')
    assert "ends in .toml" in faceloop("init", tmp_path / "faces", "--scheme", own).err


def test_init_refuses_a_project_that_exists(faceloop: Run, empty_project: Path) -> None:
    done = faceloop("init", empty_project)
    assert done.code == 1
    assert "is a project already" in done.err
    assert done.out == ""


def test_init_refuses_an_unknown_scheme(faceloop: Run, tmp_path: Path) -> None:
    done = faceloop("init", tmp_path / "faces", "--scheme", "face71")
    assert done.code == 1
    assert "face71" in done.err
    assert "face70" in done.err
    assert not (tmp_path / "faces").exists()


def test_init_refuses_a_sample_of_other_points_before_it_makes_anything(
    faceloop: Run, tmp_path: Path
) -> None:
    done = faceloop("init", tmp_path / "faces", "--scheme", "imm58", "--sample")
    assert done.code == 1
    assert not (tmp_path / "faces").exists()


def test_init_says_that_a_folder_cannot_be_made(faceloop: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = faceloop("init", tmp_path / "file" / "faces")
    assert done.code == 1
    assert "cannot be made" in done.err
    assert "Traceback" not in done.err


def test_import_reports_faces_refusals_and_missing_images(
    faceloop: Run, tmp_path: Path, ibug: Path
) -> None:
    faceloop("init", tmp_path / "faces", "--scheme", "ibug68")
    done = faceloop("import", "ibug", ibug, "--project", tmp_path / "faces")
    assert done.code == 0
    assert "short.pts" in done.out
    assert "Images not found: pts/a.jpg, pts/b.jpg" in done.out
    with Project.open(tmp_path / "faces") as project:
        assert len(project.items()) == 2


def test_a_format_that_is_not_named_is_recognised(
    faceloop: Run, tmp_path: Path, ibug: Path
) -> None:
    faceloop("init", tmp_path / "faces", "--scheme", "ibug68")
    done = faceloop("import", ibug, "--project", tmp_path / "faces")
    assert done.code == 0
    assert "Recognised as ibug." in done.err
    with Project.open(tmp_path / "faces") as project:
        assert len(project.items()) == 2
    (tmp_path / "notes.txt").write_text("nothing")
    done = faceloop("import", tmp_path / "notes.txt", "--project", tmp_path / "faces")
    assert done.code == 1
    assert "a .pts file of 68 points (ibug)" in done.err
    assert "faceloop import FORMAT SOURCE" in done.err


def test_import_reports_as_json(faceloop: Run, tmp_path: Path, ibug: Path) -> None:
    faceloop("init", tmp_path / "faces", "--scheme", "ibug68")
    report = faceloop("import", "ibug", ibug, "--project", tmp_path / "faces", "--json").json()
    assert (report["faces"], report["new"], report["shape_only"]) == (2, 2, 2)
    (refused,) = report["refused"]
    assert Path(refused["file"]).name == "short.pts"
    assert refused["line"] >= 1
    assert refused["reason"]
    again = faceloop("import", "ibug", ibug, "--project", tmp_path / "faces", "--json").json()
    assert (again["new"], again["unchanged"]) == (0, 2)


def test_a_dry_run_writes_nothing(faceloop: Run, tmp_path: Path, ibug: Path) -> None:
    faceloop("init", tmp_path / "faces", "--scheme", "ibug68")
    done = faceloop("import", "ibug", ibug, "--project", tmp_path / "faces", "--dry-run")
    assert done.code == 0
    assert "nothing was written" in done.out
    with Project.open(tmp_path / "faces") as project:
        assert project.items() == []


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("import", "ibug", "nowhere", "--project", "{project}"), "nowhere does not exist"),
        (("import", "muct", "{project}", "--project", "{project}"), "muct"),
        (("export", "csv", "x.csv", "--project", "nowhere"), "is no project"),
        (("queue", "list", "--project", "nowhere"), "is no project"),
        (("queue", "done", "7", "--project", "{project}"), "no entry 7"),
        (("model", "use", "best", "--project", "{project}"), "no model 'best'"),
        (("model", "export", "m.safetensors", "--project", "{project}"), "no model in use"),
    ],
)
def test_an_error_is_one_message_and_exit_code_1(
    faceloop: Run, empty_project: Path, args: tuple[str, ...], said: str
) -> None:
    done = faceloop(*(a.format(project=empty_project) for a in args))
    assert done.code == 1
    assert said in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    "args",
    [
        ("import", "gif", "a", "--project", "p"),
        ("import", "muct", "a"),
        ("export", "csv"),
        ("init", "a", "--scheem", "face70"),
        ("queue", "done", "seven", "--project", "p"),
        ("nonsense",),
        ("track", "a.mp4", "--queue"),
        ("track", "a.mp4", "--faces", "0"),
    ],
)
def test_wrong_usage_is_exit_code_2(faceloop: Run, args: tuple[str, ...]) -> None:
    done = faceloop(*args)
    assert done.code == 2
    assert "Usage" in done.err
    assert done.out == ""


def test_export_writes_every_format(faceloop: Run, small_project: Path, tmp_path: Path) -> None:
    for name in ("faces.csv", "faces.parquet", "faces.clmtools", "faces.ibug"):
        kind = name.rsplit(".", 1)[-1]
        done = faceloop("export", kind, tmp_path / name, "--project", small_project, "--json")
        assert done.code == 0
        assert done.json()["faces"] == 8
    table = pd.read_parquet(tmp_path / "faces.parquet")
    assert len(table) == 8 * 70
    assert table["image"].iloc[0] == "s0000.jpg"
    assert len(pd.read_csv(tmp_path / "faces.csv")) == 8 * 70
    assert len((tmp_path / "faces.clmtools").read_text().splitlines()) == 8
    assert len(list((tmp_path / "faces.ibug").glob("*.pts"))) == 8


def test_an_export_can_be_imported(faceloop: Run, small_project: Path, tmp_path: Path) -> None:
    faceloop("export", "clmtools", tmp_path / "faces.csv", "--project", small_project)
    faceloop("init", tmp_path / "other")
    images = small_project / "media" / "sample"
    source = (tmp_path / "faces.csv", "--images", images)
    done = faceloop("import", "clmtools", *source, "--project", tmp_path / "other", "--json")
    assert done.code == 0
    assert (done.json()["faces"], done.json()["images_not_found"]) == (8, [])


def test_export_says_that_a_file_cannot_be_written(
    faceloop: Run, small_project: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    dest = tmp_path / "file" / "faces.csv"
    done = faceloop("export", "csv", dest, "--project", small_project)
    assert done.code == 1
    assert "cannot be written" in done.err


def test_photos_that_nobody_has_annotated_are_added(faceloop: Run, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("s0000.jpg", "s0001.jpg"):
        (photos / name).write_bytes((sample_dir() / "stills" / name).read_bytes())
    (photos / "broken.png").write_bytes(b"no picture")
    of = ("--project", tmp_path / "faces")
    assert "faceloop add FOLDER" in faceloop("init", tmp_path / "faces").out
    done = faceloop("add", photos, *of)
    assert "2 pictures added." in done.out
    assert "broken.png" in done.err
    assert "faceloop faces find" in done.err
    again = faceloop("add", photos / "s0000.jpg", *of, "--json")
    assert again.json() == {"pictures": 0, "videos": 0, "known": 1, "refused": []}
    with Project.open(tmp_path / "faces") as project:
        assert len(project.items()) == 2
    assert "faceloop add FILE" in faceloop("import", photos, *of).err
    (tmp_path / "empty").mkdir()
    assert faceloop("add", tmp_path / "empty", *of).code == 1
    assert "does not exist" in faceloop("add", tmp_path / "absent", *of).err
