"""Tidy tables read back: our own, after a spreadsheet, and by other people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from faceloop_datasets import Annotation, InputError, PointState, Project, Scheme, SchemeError
from faceloop_datasets.formats import (
    Entry,
    FaceRecord,
    ImageRef,
    Refusal,
    Skip,
    read_faces,
    recognise,
    source_scheme,
    write_faces,
)
from faceloop_datasets.schemes.named import scheme_of_names

CAT = scheme_of_names("cat", ["left ear", "right ear", "nose, tip", "=chin", "NA"])
V, H, E, M = PointState


def record(picture: str = "a.jpg", **changes: object) -> FaceRecord:
    face = Annotation(
        "cat", [[1, 2], [30.5, 2], [15.25, 20], [15, 40], [np.nan] * 2], [V, H, E, V, M]
    )
    values = {
        "name": picture, "subject": "s", "image": None, "image_name": picture,
        "annotation": face, "origin": "here",
    }  # fmt: skip
    return FaceRecord(**(values | changes))  # type: ignore[arg-type]


def read(path: Path, text: str | bytes) -> list[Entry]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_faces("csv", [path]))


def face(entry: Entry) -> FaceRecord:
    assert isinstance(entry, FaceRecord), entry
    return entry


def same(a: Annotation, b: Annotation) -> bool:
    return a == replace_source(b, a.source)


def replace_source(a: Annotation, source: str) -> Annotation:
    return Annotation(a.scheme, a.points, a.states, source)


letters = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"])
texts = st.text(letters, max_size=8).map(str.strip)


@st.composite
def records(draw: st.DrawFn) -> list[FaceRecord]:
    found = []
    for number in range(draw(st.integers(1, 4))):
        code = draw(arrays(int, 5, elements=st.sampled_from([V, H, E, M])))
        code[0] = V
        far = np.array([[0, 0], [900, 0], [0, 900], [900, 900], [450, 450]])
        points = far + draw(arrays(float, (5, 2), elements=st.floats(1, 300)))
        found.append(
            record(
                draw(texts) + f"{number % 2}.mp4",
                name=draw(texts) or "face",
                subject=draw(texts) or "somebody",
                subject_source=draw(st.sampled_from(["person", "picture", "video", "rule"])),
                expression=draw(st.sampled_from(["", "smile", "=sum"])),
                frame=draw(st.sampled_from([None, 0, 12])),
                annotation=Annotation("cat", points, code),
            )
        )
    return found


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@settings(max_examples=25)
@given(faces=records())
def test_everything_comes_back_to_the_last_bit(
    kind: str, tmp_path_factory: pytest.TempPathFactory, faces: list[FaceRecord]
) -> None:
    path = tmp_path_factory.mktemp("t") / f"faces.{kind}"
    assert not write_faces(kind, faces, path, scheme=CAT).lost
    assert recognise([path]).format == kind
    assert source_scheme(kind, [path]) == CAT
    back = [face(entry) for entry in read_faces(kind, [path])]
    assert len(back) == len(faces)
    for one, old in zip(back, faces, strict=True):
        assert same(one.annotation, old.annotation)
        assert (one.image_name, one.frame) == (old.image_name, old.frame)
        assert one.name.startswith(old.name)
        assert (one.subject, one.expression) == (old.subject, old.expression)
        assert one.subject_source == old.subject_source


def picture(file: Path, shade: int) -> Path:
    file.parent.mkdir(exist_ok=True)
    noise = np.random.default_rng(shade).integers(0, 255, (40, 50), np.uint8)
    Image.fromarray(noise).save(file)
    return file


def test_a_project_goes_through_a_table_into_a_new_one(tmp_path: Path) -> None:
    pictures = [picture(tmp_path / "p" / f"{k}.png", k) for k in range(3)]
    old = record().annotation
    with Project.create(tmp_path / "one", CAT) as project:
        for k, media in enumerate([*pictures, pictures[2]]):
            item = project.add_item(
                project.add_media(media), subject=f"person {k // 2}" if k else None
            )
            points = old.points + k
            project.save(
                item.id, replace_source(Annotation("cat", points, old.states), "manual"), None
            )
            project.set_expression([item.id], "smile" if k else "")
        faces = list(project.records())
        table = tmp_path / "p" / "faces.csv"
        write_faces("csv", faces, table, scheme=project.scheme)
    with Project.create(tmp_path / "two", source_scheme("csv", [table])) as project:
        report = project.import_from("csv", [table])
        assert (report.new, report.refused, report.shape_only) == (4, (), 0)
        back = list(project.records())
        assert project.import_from("csv", [table]).unchanged == 4
    for one, before in zip(back, faces, strict=True):
        assert same(one.annotation, before.annotation)
        assert one.image is not None
        assert before.image is not None
        assert one.image.path.samefile(before.image.path)
        assert replace(one, annotation=old, image=None, origin="") == replace(
            before, annotation=old, image=None, origin=""
        )


def test_a_scheme_of_ones_own_may_have_the_names_of_a_known_one(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(Scheme.load("imm58").to_toml().replace('"imm58"', '"own"', 1))
    ring = np.linspace(0, 6, 58)
    points = 90 + 40 * np.column_stack([np.cos(ring), np.sin(ring)])
    one = record(annotation=Annotation("own", points, [V] * 58))
    with Project.create(tmp_path / "p", own) as project:
        write_faces("csv", [one], tmp_path / "t.csv", scheme=project.scheme)
        project.import_from("csv", [tmp_path / "t.csv"])
        (back,) = project.records()
    assert same(back.annotation, one.annotation)


def test_frames_of_a_video_find_it(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    clip = tmp_path / "clips" / "Talk.MP4"
    clip.write_bytes(b"")
    faces = [record("talk.mp4", frame=frame) for frame in (0, 7)]
    write_faces("csv", faces, tmp_path / "faces.csv", scheme=CAT)
    back = [face(e) for e in read_faces("csv", [tmp_path / "faces.csv"], images=clip.parent)]
    assert [(one.image, one.frame) for one in back] == [(ImageRef(clip), 0), (ImageRef(clip), 7)]


def test_numbers_of_pictures_are_no_frames_of_a_video(tmp_path: Path) -> None:
    rows = "".join(f"img{k}.png,{k},{n},{k},{x}\n" for k in (7, 8) for x, n in enumerate("pq"))
    found = read(tmp_path / "t.csv", f"image,frame,name,x,y\n{rows}")
    assert [(face(e).image_name, face(e).frame) for e in found] == [
        ("img7.png", None),
        ("img8.png", None),
    ]


def excel_german(text: str) -> str:
    table = pd.read_csv(pd.io.common.StringIO(text), dtype=str, keep_default_na=False)
    for axis in "xy":
        table[axis] = table[axis].str.replace(".", ",")
    # as Excel leaves it: no quotes, semicolons, other columns first, an empty line at the end
    return table[table.columns[::-1]].to_csv(index=False, sep=";") + ";" * 12 + "\r\n"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_a_spreadsheet_changes_nothing(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "t.csv"
    names = {"subject": "=Zoë", "name": "-1"}
    faces = [record("a.jpg", **names), record("b.mp4", **names, frame=3, expression="smile")]
    write_faces("csv", faces, path, scheme=Scheme.parse(CAT.to_toml().replace('"NA"', '"n"'), "x"))
    edited = excel_german(path.read_text(encoding="utf-8"))
    back = read(path, edited.replace("\n", "\r\n").encode(encoding))
    assert [(face(e).name, face(e).subject, face(e).frame) for e in back] == [
        ("-1", "=Zoë", None),
        ("-1", "=Zoë", 3),
    ]
    assert all(same(face(e).annotation, faces[0].annotation) for e in back)
    assert face(back[1]).expression == "smile"


def test_a_table_of_four_columns_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "cats.csv"
    rows = ["a.jpg,nose,1,2", "b.jpg,nose,NA,", "a.jpg,ear,5,7", "b.jpg,chin,9,1", "b.jpg,ear,0,0"]
    text = "\n".join(["Image,Name,X,Y", *rows])
    one, other = map(face, read(path, text))
    assert source_scheme("csv", [path]).names == ("nose", "ear", "chin")
    assert one.annotation.points[:2].tolist() == [[1, 2], [5, 7]]
    assert one.annotation.states.tolist() == [V, V, M]
    assert other.annotation.states.tolist() == [M, M, V]
    assert (one.name, one.image_name, one.subject_source) == ("a.jpg", "a.jpg", "picture")


@pytest.mark.parametrize("first", [0, 1])
def test_numbers_alone_are_points_of_the_scheme_of_as_many(tmp_path: Path, first: int) -> None:
    rows = [f"a.jpg,{k + first}.0,{k + 1},{k * k % 70}" for k in range(68)][::-1]
    one = face(*read(tmp_path / "n.csv", "image,point,x,y\n" + "\n".join(rows)))
    assert one.annotation.scheme == "ibug68"
    assert one.annotation.points[:, 0].tolist() == list(range(1, 69))
    # a table of a known scheme may lack points
    rows = [f"a.jpg,ibug68,{k},{k},{k * k % 70}" for k in (40, 3, 8)]
    one = face(*read(tmp_path / "n.csv", "image,scheme,point,x,y\n" + "\n".join(rows)))
    assert np.flatnonzero(one.annotation.present).tolist() == [3, 8, 40]


def test_what_only_a_fit_has_placed_is_left_out(tmp_path: Path) -> None:
    old = record().annotation
    sources = ["fit:m", "manual+fit:m", "import:muct"]
    faces = [record(f"{s[:2]}.jpg", annotation=replace_source(old, s)) for s in sources]
    guess = Annotation("cat", np.arange(10).reshape(5, 2), [E] * 5, "fit:m")
    write_faces("csv", [*faces, record("g.jpg", annotation=guess)], tmp_path / "t.csv", scheme=CAT)
    entries = list(read_faces("csv", [tmp_path / "t.csv"]))
    skipped = [entry.reason for entry in entries if isinstance(entry, Skip)]
    assert skipped == ["points that only a fit has placed"] * 7
    states = [e.annotation.states.tolist() for e in entries if isinstance(e, FaceRecord)]
    assert states == [[V, H, M, V, M]] * 2 + [[V, H, E, V, M]]


HEAD = "image,face,frame,subject,subject_source,name,x,y,state\n"
GOOD = "a.jpg,1,,s,,nose,1,2,\na.jpg,1,,s,,ear,3,5,\n"


@pytest.mark.parametrize(
    ("row", "line", "reason"),
    [
        ("b.jpg,1,,s,,nose,1;2,2,", 4, "x is '1;2'; expected a number"),
        ("b.jpg,1,,s,,nose,1_0,2,", 4, "x is 1_0; expected"),
        ("b.jpg,1,,s,,nose,inf,2,", 4, "finite"),
        ("b.jpg,1,,s,,nose,1,2e9,", 4, "y is 2e"),
        ("b.jpg,1,,s,,nose,1,2,seen", 4, "state is 'seen'; expected visible, occluded"),
        ("b.jpg,1,-1,s,,nose,1,2,", 4, "frame is '-1'; expected a whole number"),
        ("b.jpg,1,,s,mum,nose,1,2,", 4, "subject_source is 'mum'"),
        ("b.jpg,1,,s,,nose,1,2", 4, "8 columns; expected 9"),
        ("b.jpg,1,,s,,nose,1,2,\nb.jpg,1,,t,,ear,1,4,", 4, "'s' here and 't' on line 5"),
        ("b.jpg,1,,s,,ear,3,4,\nb.jpg,1,,s,,ear,1,4,", 4, "'ear' is on the lines 4, 5"),
        (",1,,s,,ear,3,4,", 4, "the name of the picture is empty"),
        ("b.jpg,1,,s,,,3,4,", 4, "point '' is none of"),
        ("b.jpg,1,,s,,ear,,4,", 4, "no point has a position"),
    ],
)  # fmt: skip
def test_one_bad_row_loses_one_face(tmp_path: Path, row: str, line: int, reason: str) -> None:
    found = read(tmp_path / "t.csv", f"{HEAD}{GOOD}{row}\n\nc.jpg,1,,s,,nose,1,2,\n")
    refused = [entry for entry in found if isinstance(entry, Refusal)]
    assert [r.line for r in refused] == [line]
    assert reason in refused[0].reason
    assert [one.image_name for one in found if isinstance(one, FaceRecord)] == ["a.jpg", "c.jpg"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has the columns none; expected image, name"),
        ("a,b\n1,2\n", r"has the columns a, b; expected image, name \(or point\), x and y"),
        ("image,name,x,x,y\na,b,1,2,3\n", "the column x twice"),
        ("image,name,x,y\na,b,1,2\n\x00", "not a text file"),
        (f"image,name,x,y\n{'a' * 3_000_000}", "is no table that can be read"),
        ("image,name,scheme,x,y\na,n,p,1,2\na,m,q,1,2\n", "schemes p, q; expected those of one"),
        ("image,name,point,x,y\na,n,1,1,2\na,n,2,1,2\n", "name 'n' are called '1' and '2'"),
        ("frame,time,face,point,name,x,y,confidence,score,predicted_error\n", "faceloop track"),
        ("image,face,point,name,x,y,confidence,score,predicted_error\n", "model must not learn"),
    ],
)  # fmt: skip
def test_whole_tables_that_are_none(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(InputError, match=rf"t\.csv.*{problem}"):
        read(tmp_path / "t.csv", text)


def test_no_points_make_no_scheme(tmp_path: Path) -> None:
    with pytest.raises(SchemeError, match="0 named points"):
        read(tmp_path / "t.csv", "image,name,x,y\n")


def test_in_folders_only_tables_of_faces_are_taken(tmp_path: Path) -> None:
    write_faces("csv", [record()], tmp_path / "faces.csv", scheme=CAT)
    fits = "image,face,point,name,x,y,confidence,score,predicted_error\n"
    (tmp_path / "fits.csv").write_text(fits)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    assert recognise([tmp_path]).format == "csv"
    assert len(list(read_faces("csv", [tmp_path]))) == 1
    # what is named is known, to say what it is
    assert recognise([tmp_path / "fits.csv"]).format == "csv"
    assert recognise([tmp_path / "other.csv"]).format is None


@pytest.mark.parametrize(
    "made",
    [
        lambda t: t.assign(x=[[1]] * len(t)),
        lambda t: t.assign(image=[b"\xff"] * len(t)),
        lambda t: t.drop(columns="y"),
    ],
)
def test_parquet_of_other_things(
    tmp_path: Path, made: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    path = tmp_path / "t.parquet"
    write_faces("parquet", [record()], path, scheme=CAT)
    made(pd.read_parquet(path)).to_parquet(path)
    with pytest.raises(InputError, match=r"t\.parquet"):
        list(read_faces("parquet", [path]))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"t\.parquet"):
        list(read_faces("parquet", [path]))


def test_parquet_of_pandas_with_categories_and_floats(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    table = pd.DataFrame(
        {
            "image": ["a.mp4"] * 2,
            "name": ["p", "q"],
            "x": [1.5, 0.1],
            "y": [3, 4],
            "frame": [2.0, 2.0],
        }
    )
    table.astype({"image": "category", "x": "float32"}).to_parquet(path)
    one = face(*read_faces("parquet", [path]))
    np.testing.assert_array_equal(one.annotation.points, [[1.5, 3], [np.float32(0.1), 4]])
    assert one.frame == 2
