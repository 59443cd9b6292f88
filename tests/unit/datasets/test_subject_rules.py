"""Whose faces are imported, by the rules that a person chooses from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceloop_datasets import Annotation, InputError, PointState
from faceloop_datasets.formats import FaceRecord, ImageRef
from faceloop_datasets.importing.subject_rules import FacePaths, NoSubject, parse_rule
from faceloop_datasets.subjects import LONGEST, check_subject, path_subject

SHAPE = Annotation("imm58", np.zeros((58, 2)), np.full(58, PointState.VISIBLE))


def place(picture: str, annotation: str = "", root: str = "set") -> FacePaths:
    return FacePaths(picture, annotation or picture.rsplit(".", 1)[0] + ".pts", root)


def named(rule: str | Path, *pictures: str) -> list[str | NoSubject]:
    return parse_rule(rule).assign([place(picture) for picture in pictures])


def table(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    file = folder / "people.csv"
    file.write_bytes(text.encode(encoding))
    return file


class TestFolder:
    def test_the_whole_folder_is_the_person(self) -> None:
        assert named("folder", "anna/1.jpg", "b/anna/1.jpg", "anna/2.jpg") == [
            "anna",
            "b/anna",
            "anna",
        ]

    def test_without_one_the_annotation_or_the_root_tells(self) -> None:
        rule = parse_rule("Folder")
        beside = [place("1.jpg", "anna/1.pts"), place("1.jpg", "all.csv:1.jpg"), place("1.jpg")]
        assert rule.assign(beside) == ["anna", "set", "set"]
        (lost,) = rule.assign([place("1.jpg", root="")])
        assert isinstance(lost, NoSubject)
        assert "1.jpg lies in no folder" in lost.reason


def test_each_file_is_its_own_and_stays_a_picture() -> None:
    rule = parse_rule("file")
    assert rule.assign([place("a/1.jpg"), place("b/1.jpg")]) == ["a/1.jpg", "b/1.jpg"]
    assert (rule.source, rule.derived) == ("picture", True)


class TestPattern:
    @pytest.mark.parametrize(
        ("pattern", "found"),
        [
            (r"(\d+)_", "17"),
            (r"^(?P<day>[^/]+)/(?P<subject>\d+)_", "17"),
            (r"\d+", "17"),
            (r"([a-z]+)\.jpg$", "smile"),
        ],
    )
    def test_what_names_the_person(self, pattern: str, found: str) -> None:
        assert named(pattern, "monday/17_smile.jpg") == [found]

    def test_the_annotation_is_looked_at_after_the_picture(self) -> None:
        rule = parse_rule(r"(\w+)\.pts")
        assert rule.assign([place("x/1.jpg", "anna/ben.pts")]) == ["ben"]

    @pytest.mark.parametrize("pattern", [r"(\d+)-", r"(x)?smile", r"( )*smile"])
    def test_who_is_not_found_is_refused(self, pattern: str) -> None:
        (lost,) = named(pattern, "17_smile.jpg")
        assert isinstance(lost, NoSubject)
        assert lost.reason == f"'{pattern}' finds no name in 17_smile.jpg"

    @pytest.mark.parametrize("pattern", ["(", "[a", "(?P<1>a)", "*"])
    def test_what_is_none_is_one_line(self, pattern: str) -> None:
        with pytest.raises(InputError, match="is no regular expression") as error:
            parse_rule(pattern)
        assert "\n" not in str(error.value)


class TestPlaceholder:
    @pytest.mark.parametrize(
        ("pattern", "found"),
        [
            ("{subject}_*", "anna.b"),
            ("{subject}_?.jpg", "anna.b"),
            ("{subject}/*", "day (1)"),
            ("*/{subject}_*", "anna.b"),
            ("day (1)/{subject}.b_*", "anna"),
            ("anna.b_{subject}.jpg", "3"),
        ],
    )
    def test_what_stands_in_its_place_is_the_person(self, pattern: str, found: str) -> None:
        assert named(pattern, "x/day (1)/anna.b_3.jpg") == [found]

    @settings(max_examples=20, deadline=None)  # each is searched for in a process of its own
    @given(
        st.text(
            st.characters(exclude_characters="/\\", categories=["L", "N", "P", "S"]), min_size=1
        )
    )
    def test_any_name_is_found_as_it_is(self, name: str) -> None:
        assert named("{subject}/*.jpg", f"set/{name}/1.jpg") == [name]
        # what else is in a pattern stands for itself
        if not set("{}*?") & set(name) and name.strip() == name:
            assert named(f"{name}{{subject}}.jpg", f"a/{name}17.jpg") == ["17"]

    @pytest.mark.parametrize(
        ("pattern", "said"),
        [
            ("{person}_*", r"has the placeholder \{person\}; expected \{subject\}, once"),
            ("{subject}_{subject}", r"has \{subject\} twice"),
        ],
    )
    def test_another_placeholder_is_named(self, pattern: str, said: str) -> None:
        with pytest.raises(InputError, match=said):
            parse_rule(pattern)

    def test_numbers_in_braces_are_of_an_expression(self) -> None:
        assert named(r"(\d{2,3})_", "117_smile.jpg") == ["117"]


class TestTable:
    @pytest.mark.parametrize(
        ("text", "encoding"),
        [
            ("anna/1.jpg,Anna\nben/1.jpg,Ben\n", "utf-8"),
            ("picture;subject\r\nanna\\1.jpg;Anna\r\n\r\nben\\1.jpg;Ben\r\n", "utf-8-sig"),
            ('File\tPerson\n"./anna/1.jpg"\tAnna\n ben/1.jpg \t Ben \n', "utf-8"),
            ("/home/me/set/anna/1.jpg,Anna,\n/home/me/set/ben/1.jpg,Ben,\n", "utf-8"),
        ],
        ids=["plain", "spreadsheet", "tabs", "longer paths"],
    )
    def test_a_row_belongs_to_its_path(self, text: str, encoding: str, tmp_path: Path) -> None:
        file = table(tmp_path, text, encoding)
        assert named(file, "ben/1.jpg", "anna/1.jpg") == ["Ben", "Anna"]

    def test_a_name_alone_only_where_one_picture_has_it(self, tmp_path: Path) -> None:
        file = table(tmp_path, "1.jpg,Anna\n2.jpg,Ben\n")
        one, other, alone = named(file, "a/1.jpg", "b/1.jpg", "b/2.jpg")
        assert alone == "Ben"
        for lost in (one, other):
            assert isinstance(lost, NoSubject)
            assert "line 1 of people.csv fits 2 pictures" in lost.reason

    def test_a_row_with_its_own_picture_is_not_lent(self, tmp_path: Path) -> None:
        own, lost = named(table(tmp_path, "1.jpg,Anna\n"), "1.jpg", "deep/1.jpg")
        assert own == "Anna"
        assert isinstance(lost, NoSubject)
        assert lost.reason == "people.csv has no row for deep/1.jpg"

    def test_rows_that_disagree_are_refused(self, tmp_path: Path) -> None:
        (lost,) = named(table(tmp_path, "1.jpg,Anna\n1.jpg,Ben\n"), "1.jpg")
        assert isinstance(lost, NoSubject)
        assert lost.reason == "lines 1 and 2 of people.csv fit 1.jpg and disagree"
        assert named(table(tmp_path, "1.jpg,Anna\n1.jpg,Anna\n"), "1.jpg") == ["Anna"]

    def test_faces_of_one_picture_share_its_row(self, tmp_path: Path) -> None:
        assert named(table(tmp_path, "1.jpg,Anna\n"), "a/1.jpg", "a/1.jpg") == ["Anna", "Anna"]

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "has no rows"),
            ("picture,subject\n", "has no rows"),
            ("1.jpg\n", ":1: 1 column; expected 2"),
            ("1.jpg,a,b\n", ":1: 3 columns; expected 2"),
            ("1.jpg,a\n,b\n", ":2: a cell is empty"),
            ('"1.jpg,a\n', "is no table"),
        ],
    )
    def test_a_bad_table_is_one_line(self, text: str, said: str, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=said) as error:
            parse_rule(table(tmp_path, text))
        assert "\n" not in str(error.value)

    def test_one_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="cannot be read: there is no such file"):
            parse_rule(tmp_path / "none.csv")

    PART = st.text("abc1", min_size=1, max_size=3)
    PATHS = st.lists(
        st.lists(PART, min_size=1, max_size=3).map("/".join), min_size=1, max_size=9, unique=True
    )

    @given(PATHS, st.data())
    def test_nobody_gets_the_name_of_another(self, paths: list[str], data: st.DataObject) -> None:
        """Rows are any tails of paths: each picture has its own row's name, or none."""
        from faceloop_datasets.importing.subject_rules import _Table

        cut = [data.draw(st.integers(0, path.count("/"))) for path in paths]
        rows = ["/".join(path.split("/")[k:]) for path, k in zip(paths, cut, strict=True)]
        made = _Table(
            Path("t.csv"),
            tuple((k, row, path) for k, (row, path) in enumerate(zip(rows, paths, strict=True))),
        )
        found = made.assign([place(p) for p in paths])
        whole = {path for path, name in zip(paths, found, strict=True) if path in rows}
        for path, name in zip(paths, found, strict=True):
            if isinstance(name, NoSubject) or name == path:
                continue
            # Only a whole path goes before: of the picture, or of the one whose row this is, which
            # then has another.
            assert rows[paths.index(name)] == path or name in whole


class TestPlace:
    def record(self, **values: object) -> FaceRecord:
        known = {
            "name": "x",
            "subject": "x",
            "image": None,
            "image_name": "1.jpg",
            "annotation": SHAPE,
            "origin": "x:1",
        }
        return FaceRecord(**known | values)  # type: ignore[arg-type]

    def test_below_the_root_or_the_folder_of_the_pictures(self, tmp_path: Path) -> None:
        image = ImageRef(tmp_path / "pics" / "anna" / "1.jpg")
        record = self.record(image=image, root=str(tmp_path))
        assert FacePaths.of(record, None).picture == "pics/anna/1.jpg"
        assert FacePaths.of(record, tmp_path / "pics").picture == "anna/1.jpg"
        assert FacePaths.of(record, None).root == tmp_path.name
        assert FacePaths.of(self.record(image=image), None).picture == "1.jpg"

    def test_in_an_archive(self) -> None:
        record = self.record(image=ImageRef(Path("a.tar.gz"), "jpg/anna/1.jpg"))
        assert FacePaths.of(record, None).picture == "jpg/anna/1.jpg"

    def test_without_a_picture_it_is_where_it_is_written(self, tmp_path: Path) -> None:
        record = self.record(
            image_name="anna\\1.jpg",
            root=str(tmp_path),
            origin=f"{tmp_path / 'day' / 'all.csv'}:7",
        )
        assert FacePaths.of(record, None).picture == "day/anna/1.jpg"


class TestNames:
    @pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\udcff", "x" * (LONGEST + 1)])
    def test_what_is_no_name(self, name: str) -> None:
        with pytest.raises(InputError, match="subject's name") as error:
            check_subject(name)
        assert len(str(error.value)) < 250

    def test_blanks_around_do_not_count(self) -> None:
        assert check_subject(" Anna Müller ") == "Anna Müller"

    @given(st.text(min_size=LONGEST - 30, max_size=LONGEST + 300))
    def test_a_long_path_is_cut_and_stays_its_own(self, path: str) -> None:
        cut = path_subject(path)
        assert len(cut) <= LONGEST
        if len(path) > LONGEST:
            assert path_subject(f"x{path}") != cut

    def test_nothing_is_no_rule(self) -> None:
        with pytest.raises(InputError, match="The rule for subjects is empty"):
            parse_rule(" ")


def test_a_table_looks_through_case_and_accents(tmp_path: Path) -> None:
    rows = table(tmp_path, "M\u00fcller/1.JPG,anna\nx.jpg,bert\n")
    assert named(rows, "Mu\u0308ller/1.jpg", "deep/X.jpg") == ["anna", "bert"]
