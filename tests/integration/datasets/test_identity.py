"""Each face has the picture and the points that it was written with, or was refused.

Random trees of folders, names and formats, imported in random order and parts, copied, changed and
exchanged. ``FACELOOP_TREES=2000`` tries as many.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from faceloop_datasets import Project
from faceloop_datasets.formats import Refusal

TREES = int(os.environ.get("FACELOOP_TREES", "12"))
FOLDERS = ("", "a", "b", "a/b", "b/a", "a/a", "Ärger", "deep/er/a")
STEMS = ("f1", "F2", "img_1", "bär", "000001")
SUFFIXES = (".jpg", ".JPG", ".png", ".bmp")


@dataclass
class Tree:
    """Faces on disk, and what they are.

    Attributes
    ----------
    faces : dict of Path to int
        Annotations (for clmtools the file of the picture), and which face each is of.
    refused : set of Path
        Annotations that nobody can tell the picture of.
    pictures : dict of str to int
        Hashes of pictures, and which face each shows.
    """

    root: Path
    source_format: str
    random: Random
    apart: bool
    faces: dict[Path, int] = field(default_factory=dict)
    refused: set[Path] = field(default_factory=set)
    pictures: dict[str, int] = field(default_factory=dict)

    @property
    def labels(self) -> Path:
        return self.root / "labels" if self.apart else self.root

    @property
    def images(self) -> Path:
        return self.root / "images" if self.apart else self.root

    def grow(self, count: int) -> None:
        taken: set[tuple[str, str]] = set()
        for number in range(count):
            folder, stem = self.random.choice(FOLDERS), self.random.choice(STEMS)
            # a disk that does not tell upper from lower case would hold one of them only
            if (folder.lower(), stem.lower()) not in taken:
                taken.add((folder.lower(), stem.lower()))
                self.write(number, folder, stem)

    def write(self, number: int, folder: str, stem: str) -> None:
        suffix = self.random.choice(SUFFIXES)
        image = self.images / folder / f"{self.spelled(stem)}{suffix}"
        missing = not self.apart and self.random.random() < 0.1
        if not missing:
            self.picture(image, number)
        annotation = self.labels / folder / f"{stem}.pts"
        if self.source_format == "clmtools":
            annotation = self.labels / folder / f"{stem}{suffix}"
        self.faces[annotation] = number
        ambiguous = self.source_format == "ibug" and not missing and self.random.random() < 0.1
        if ambiguous:
            other = next(s for s in SUFFIXES if s.lower() != suffix.lower())
            self.picture(image.with_suffix(other), 1000 + number)
            self.refused.add(annotation)

    def spelled(self, name: str) -> str:
        change = self.random.choice(("same", "same", "nfd", "upper"))
        if change == "upper" and self.source_format == "ibug":
            return name.upper() if len(name.upper()) == len(name) else name
        return unicodedata.normalize("NFD", name) if change == "nfd" else name

    def picture(self, path: Path, number: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 255, (12, 16, 3), np.uint8)
        Image.fromarray(pixels).save(path)
        self.pictures[hashlib.sha256(path.read_bytes()).hexdigest()] = number

    def put(self, version: int = 0) -> None:
        """Write the annotations; another version moves the points of some."""
        rows = {}
        for path, number in self.faces.items():
            points = points_of(number, version if number % 3 == 0 else 0, self.count)
            if self.source_format == "ibug":
                path.parent.mkdir(parents=True, exist_ok=True)
                lines = [f"{x + 1!r} {y + 1!r}" for x, y in points.tolist()]
                path.write_text("\n".join(lines), encoding="utf-8")
            else:
                name = path.relative_to(self.labels).as_posix()
                cells = ";".join(f"{x!r};{y!r};true" for x, y in points.tolist())
                rows[path] = f"{name};{cells}"
        if rows:
            self.labels.mkdir(parents=True, exist_ok=True)
            table = self.labels / "annotations.csv"
            table.write_text("\n".join(rows.values()), encoding="utf-8")

    @property
    def count(self) -> int:
        return 68 if self.source_format == "ibug" else 71

    def path_of(self, refusal: Refusal) -> Path:
        if self.source_format == "ibug":
            return refusal.file
        return list(self.faces)[refusal.line - 1]

    def part(self) -> tuple[list[Path], set[Path]]:
        """Choose what to name in an import, and the annotations that are in it."""
        if self.source_format == "clmtools":
            return [self.labels / "annotations.csv"], set(self.faces)
        inside = sorted({path.parent for path in self.faces} | {self.labels})
        named = self.random.sample(inside, self.random.randint(1, len(inside)))
        if self.random.random() < 0.3:
            named.append(self.random.choice(sorted(self.faces)))
        covered = {
            path for path in self.faces if any(path == n or n in path.parents for n in named)
        }
        return named, covered


def points_of(number: int, version: int, count: int) -> np.ndarray:
    points = np.random.default_rng(number).integers(0, 512, (count, 2)) / 8  # exact when 1 is added
    points[0] += version
    return points


def owner(points: np.ndarray, count: int, faces: int) -> int:
    """Return which face points belong to, of whatever version."""
    (number,) = [k for k in range(faces) if (points[1:] == points_of(k, 0, count)[1:]).all()]
    return number


def check(project: Project, tree: Tree, expected: set[int], version: dict[int, int]) -> None:
    found = []
    for face in project.faces():
        number = owner(face.annotation.points, tree.count, 40)
        wanted = points_of(number, version[number], tree.count)
        np.testing.assert_array_equal(face.annotation.points, wanted)
        if face.media is not None:
            shown = hashlib.sha256(face.media.read_bytes()).hexdigest()
            assert tree.pictures[shown] == number, face.name
        found.append(number)
    assert sorted(found) == sorted(expected)


@settings(
    max_examples=TREES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.generate],  # a smaller tree takes minutes to find; its number tells it again
    print_blob=True,
)
@given(st.randoms(use_true_random=False))
def test_no_face_is_mixed_up(random: Random) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        source_format = random.choice(("ibug", "ibug", "clmtools"))
        tree = Tree(root / "tree", source_format, random, apart=random.random() < 0.4)
        tree.grow(random.randint(1, 14))
        tree.put()
        scheme = "ibug68" if source_format == "ibug" else "clmtrackr71"
        with Project.create(root / "project", scheme=scheme) as project:
            story(project, tree, random)


def story(project: Project, tree: Tree, random: Random) -> None:
    expected: set[int] = set()
    version = dict.fromkeys(range(40), 0)
    for _ in range(random.randint(1, 4)):
        named, covered = tree.part()
        images = tree.images if tree.apart or random.random() < 0.2 else None
        report = project.import_from(tree.source_format, named, images=images)
        refused = {tree.path_of(refusal) for refusal in report.refused}
        assert covered & tree.refused <= refused
        # of a part, whose paths are shorter, less can be decided
        assert tree.apart or refused <= tree.refused
        expected |= {tree.faces[path] for path in covered - refused}
        check(project, tree, expected, version)
    after(project, tree, random, expected, version)


def after(
    project: Project, tree: Tree, random: Random, expected: set[int], version: dict[int, int]
) -> None:
    """What happens to the files later: copied, changed, exchanged."""
    images = tree.images if tree.apart else None
    everything = tree.labels if tree.source_format == "ibug" else tree.labels / "annotations.csv"
    told = {tree.faces[path] for path in set(tree.faces) - tree.refused}
    if random.random() < 0.5 and expected >= told:  # a copy changes nothing
        copied = tree.root.with_name("copy")
        shutil.copytree(tree.root, copied)
        apart = copied / "images" if images else None
        there = copied / everything.relative_to(tree.root)
        report = project.import_from(tree.source_format, [there], images=apart)
        assert (report.updated, report.new) == (0, 0)
        check(project, tree, expected, version)
    if random.random() < 0.5:  # two faces change places, with their pictures
        exchange(tree, random)
        report = project.import_from(tree.source_format, [everything], images=images)
        assert (report.updated, report.new) == (0, len(told - expected))
        expected |= told
        check(project, tree, expected, version)
    tree.put(version=5)
    changed = {number for number in told & expected if number % 3 == 0}
    report = project.import_from(tree.source_format, [everything], images=images)
    assert len(report.updated_faces) == report.updated == len(changed)
    version |= dict.fromkeys(range(0, 40, 3), 5)
    check(project, tree, expected | told, version)


def exchange(tree: Tree, random: Random) -> None:
    """Let two faces that have a picture each take the other's files."""
    able = sorted(path for path in set(tree.faces) - tree.refused if picture_file(tree, path))
    if len(able) < 2:
        return
    one, other = random.sample(able, 2)
    tree.faces[one], tree.faces[other] = tree.faces[other], tree.faces[one]
    a, b = picture_file(tree, one), picture_file(tree, other)
    assert a is not None
    assert b is not None
    first, second = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first)
    tree.put()


def picture_file(tree: Tree, annotation: Path) -> Path | None:
    folder = tree.images / annotation.relative_to(tree.labels).parent
    key = unicodedata.normalize("NFC", annotation.stem).lower()
    found = [
        path
        for path in (folder.iterdir() if folder.is_dir() else ())
        if path.suffix.lower() in (".jpg", ".png", ".bmp")
        and unicodedata.normalize("NFC", path.stem).lower() == key
    ]
    return found[0] if len(found) == 1 else None


@pytest.mark.parametrize("source_format", ["ibug", "clmtools"])
def test_pictures_of_equal_names_in_two_folders(source_format: str, tmp_path: Path) -> None:
    tree = Tree(tmp_path / "tree", source_format, Random(0), apart=False)  # noqa: S311
    for number, folder in enumerate(("anna", "bert")):
        tree.write(number, folder, "img1")
    tree.put()
    scheme = "ibug68" if source_format == "ibug" else "clmtrackr71"
    with Project.create(tmp_path / "project", scheme=scheme) as project:
        named = tree.labels if source_format == "ibug" else tree.labels / "annotations.csv"
        project.import_from(source_format, [named])
        check(project, tree, {0, 1}, {0: 0, 1: 0})
