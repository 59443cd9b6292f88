"""Which face of a project an imported one is: each rule of the module's text by itself."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import Annotation
from faceloop_datasets.formats import FaceRecord, ImageRef
from faceloop_datasets.importing.matching import (
    FaceMatching,
    Unmatched,
    annotation_place,
    common_tail,
    last_part,
)
from faceloop_datasets.importing.same_subject import SubjectNames, locations
from faceloop_datasets.store.imported import MatchCandidate, picture_key

NEW, REPLACED = Unmatched.NEW, Unmatched.REPLACED


def points(seed: int) -> Annotation:
    xy = np.random.default_rng(seed).uniform(0, 100, (58, 2))
    return Annotation("imm58", xy, np.zeros(58), "import:imm")


def record(path: str, seed: int, root: str = "/set") -> FaceRecord:
    image = Path(f"{root}/{path}.jpg")
    return FaceRecord(
        name=path, subject="", image=ImageRef(image), image_name=image.name,
        annotation=points(seed), origin=f"{root}/{path}.asf", root=root, path=path,
    )  # fmt: skip


class Known:
    """Faces of a project: place, picture and points of each, by number."""

    def __init__(self, *faces: tuple[str | None, str, str | None, int]) -> None:
        self.candidates = [
            MatchCandidate(number, root, path, picture)
            for number, (root, path, picture, _) in enumerate(faces, 1)
        ]
        self._last = {number: points(face[3]) for number, face in enumerate(faces, 1)}

    def match(self, *records: FaceRecord, pictures: dict[str, str]) -> list[int | Unmatched]:
        found = FaceMatching(
            self.candidates,
            lambda numbers: {number: self._last[number] for number in numbers},
            lambda one: pictures.get(f"{one.root}/{one.identity}"),
        ).decide(records)
        return [one if isinstance(one, Unmatched) else one.item_id for one in found]


def test_at_the_same_place_it_is_the_same_face_changed_or_not() -> None:
    known = Known(("/set", "a", "A", 1), ("/set", "b", "B", 2))
    pictures = {"/set/a": "A", "/set/b": "B"}
    assert known.match(record("b", 2), record("a", 9), pictures=pictures) == [2, 1]
    assert known.match(record("a", 9), pictures={}) == [1]  # the picture is not known now


def test_at_the_same_place_with_another_picture_it_is_another_face() -> None:
    known = Known(("/set", "a", "A", 1))
    assert known.match(record("a", 9), pictures={"/set/a": "other"}) == [NEW]
    # The same points may belong to the old picture: nobody can tell.
    assert known.match(record("a", 1), pictures={"/set/a": "other"}) == [REPLACED]


def test_of_several_at_one_place_it_is_the_one_whose_points_it_has() -> None:
    """What was deleted from a file keeps its place in the project, where another may move."""
    known = Known(("/set", "f:a", "A", 1), ("/set", "f:a", "A", 2), ("/set", "f:a", "old", 3))
    pictures = {"/set/f:a": "A"}
    assert known.match(record("f:a", 1), pictures=pictures) == [1]
    assert known.match(record("f:a", 2), pictures=pictures) == [2]
    alone = Known(("/set", "f:a", "A", 1), ("/set", "f:a", "old", 3))
    assert alone.match(record("f:a", 9), pictures=pictures) == [1]


def test_equal_points_of_an_equal_picture_elsewhere_are_the_same_face() -> None:
    known = Known(("/old", "deep/a", "A", 1))
    assert known.match(record("x", 1), pictures={"/set/x": "A"}) == [1]
    assert known.match(record("x", 9), pictures={"/set/x": "A"}) == [NEW]
    assert known.match(record("x", 1), pictures={"/set/x": "B"}) == [NEW]


def test_without_pictures_equal_points_of_an_equal_name_are() -> None:
    known = Known(("/old", "deep/a", None, 1))
    assert known.match(record("a", 1), pictures={}) == [1]
    assert known.match(record("x", 1), pictures={}) == [NEW]


def test_corrected_copies_are_known_where_most_of_their_place_are_known_from_one_other() -> None:
    known = Known(("/old", "a", "A", 1), ("/old", "b", "B", 2), ("/old", "c", "C", 3))
    pictures = {"/set/a": "A", "/set/b": "B", "/set/c": "C"}
    corrected = record("c", 9)
    assert known.match(record("a", 1), record("b", 2), corrected, pictures=pictures) == [1, 2, 3]
    # Of two changed ones and one known it could as well be somebody else's annotation.
    both = (record("a", 1), record("b", 8), corrected)
    assert known.match(*both, pictures=pictures) == [1, NEW, NEW]


def test_each_face_of_the_project_is_given_once_the_nearest_and_newest_first() -> None:
    known = Known(("/old", "deep/a", "A", 1), ("/old", "a", "A", 1), ("/old", "x/a", "A", 1))
    one, other = record("deep/a", 1), record("elsewhere/a", 1)
    pictures = {"/set/deep/a": "A", "/set/elsewhere/a": "A"}
    assert known.match(one, pictures=pictures) == [1]
    assert known.match(other, pictures=pictures) == [3]
    assert known.match(one, other, one, one, pictures=pictures) == [1, 3, 2, NEW]


def test_places_and_paths() -> None:
    assert annotation_place("/a", "b/c.asf") == annotation_place("/a/b", "c.asf")
    assert annotation_place("/a", "b") != annotation_place("/a", "c")
    assert [last_part(path) for path in ("a/b.csv:12", "b.asf", "a/b")] == ["12", "b.asf", "b"]
    assert common_tail("x/b/c", "y/b/c") == 2
    assert common_tail("b/c", "b/d") == 0
    assert common_tail("c", "a/c") == 1
    assert [picture_key(*key) for key in ((None, 3), ("s", None), ("s", 0))] == [None, "s", "s#0"]


# Names of subjects below several folders


@pytest.mark.parametrize(
    ("root", "name", "where"),
    [
        ("", "anna", {"anna"}),
        (None, "anna", set()),
        ("/data/set", "anna", {"/data/set/anna"}),
        ("/data/set", "set/anna", {"/data/set/set/anna", "/data/set/anna"}),
        ("/data/set", "set", {"/data/set/set", "/data/set"}),
        ("/data/set", "set/anna (2)", {"/data/set/set/anna", "/data/set/anna"}),
    ],
)
def test_what_a_name_may_mean_below_a_folder(root: str | None, name: str, where: set[str]) -> None:
    assert locations(root, name) == {str(Path(one)) for one in where}


def test_an_equal_name_below_another_folder_is_somebody_else() -> None:
    names = SubjectNames(defaultdict(set, {"anna": {"/one"}}))
    assert names.name_below("anna", "/one", []) == "anna"
    assert names.name_below("anna", "/two", []) == "two/anna"
    assert names.name_below("ben", "/two", []) == "ben"
