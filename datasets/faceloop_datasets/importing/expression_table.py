"""A table of labels: which face expresses what, from a spreadsheet or ``faceloop export csv``."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceloop_datasets.errors import InputError
from faceloop_datasets.expressions import check_expression
from faceloop_datasets.files import unescape_formula
from faceloop_datasets.formats import Refusal
from faceloop_datasets.formats._rows import read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from faceloop_datasets.store.overview import ItemSummary

_LABEL = "expression"
_KEYS = ("item", "face", "image", "frame")
"""Columns that say which face a row is about: its number in the project, its name, its picture, and
the frame of a video. All of those that are there have to fit."""


@dataclass(frozen=True)
class TableLabels:
    """What a table says.

    Parameters
    ----------
    labels : dict of int to str
        Labels by item.
    refused : tuple of Refusal
        Rows that cannot be used.
    before : dict of int to str
        What these items were labelled, empty for nothing.
    """

    labels: dict[int, str]
    refused: tuple[Refusal, ...]
    before: dict[int, str]

    @property
    def replaced(self) -> int:
        """How many of the faces were labelled something else."""
        return sum(self.before[item] not in ("", label) for item, label in self.labels.items())

    @property
    def same(self) -> int:
        """How many of the faces were labelled so already."""
        return sum(self.before[item] == label for item, label in self.labels.items())


def read_expression_table(file: Path, items: Iterable[ItemSummary]) -> TableLabels:
    """Read labels of a project's faces.

    Parameters
    ----------
    file : Path
        Columns separated by commas, semicolons or tabs, with their names in the first line:
        ``expression``, and ``item``, ``face``, ``image`` or ``frame``. Rows without a label say
        nothing.
    items : iterable of ItemSummary
        The faces.

    Raises
    ------
    InputError
        If the table cannot be read, or lacks a column.
    """
    every = tuple(items)
    known = _Faces.of(every)
    labels: dict[int, tuple[int, str]] = {}
    refused = []
    for line, row in _rows(file):
        try:
            item, label = known.find(row), check_expression(unescape_formula(row[_LABEL]))
            before = labels.setdefault(item, (line, label))
            if before[1] != label:
                raise InputError(f"Line {before[0]} calls the same face {before[1]!r}.")
        except InputError as error:
            refused.append(Refusal(file, line, str(error)))
    return TableLabels(
        {item: label for item, (_, label) in labels.items()},
        tuple(refused),
        {one.item_id: one.expression for one in every if one.item_id in labels},
    )


@dataclass(frozen=True)
class _Faces:
    """Faces by each of what a row may call them."""

    by_item: Mapping[str, Sequence[ItemSummary]]
    by_face: Mapping[str, Sequence[ItemSummary]]
    by_file: Mapping[str, Sequence[ItemSummary]]

    @classmethod
    def of(cls, items: Iterable[ItemSummary]) -> _Faces:
        """Sort faces by number, by name, and by the file name of their pictures."""
        numbers: dict[str, list[ItemSummary]] = defaultdict(list)
        names: dict[str, list[ItemSummary]] = defaultdict(list)
        files: dict[str, list[ItemSummary]] = defaultdict(list)
        for item in items:
            numbers[str(item.item_id)].append(item)
            names[item.name].append(item)
            files[_slashes(item.media_path or "").rpartition("/")[2]].append(item)
        return cls(numbers, names, files)

    def find(self, row: Mapping[str, str]) -> int:
        """Return the number of the face that a row is about.

        Raises
        ------
        InputError
            If there is none, or more than one.
        """
        said = {key: row[key] for key in _KEYS if row.get(key)}
        image = _slashes(said.get("image", ""))
        if "item" in said:
            found = self.by_item.get(said["item"], ())
        elif "face" in said:
            found = self.by_face.get(said["face"], ())
        else:
            found = self.by_file.get(image.rpartition("/")[2], ()) if image else ()
        fitting = [one for one in found if _fits(one, said, image)]
        what = ", ".join(f"{key} {value!r:.60}" for key, value in said.items()) or "nothing"
        if not fitting:
            raise InputError(f"No face of this project has {what}.")
        if len(fitting) > 1:
            raise InputError(
                f"{len(fitting)} faces have {what}. Add a column item, face, or frame."
            )
        return fitting[0].item_id


def _fits(one: ItemSummary, said: Mapping[str, str], image: str) -> bool:
    path = f"/{_slashes(one.media_path or '')}"
    return (
        said.get("face", one.name) == one.name
        and said.get("frame", str(one.frame)) == str(one.frame)
        and (not image or path.endswith(f"/{image}"))
    )


def _rows(file: Path) -> list[tuple[int, dict[str, str]]]:
    """Lines of a table that have a label, by the names of its columns."""
    text = read_text(file)
    separator = max(",;\t", key=text.split("\n", 1)[0].count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        names = _columns(file, reader.fieldnames or ())
        reader.fieldnames = names
        return [
            (reader.line_num, {key: (row[key] or "").strip() for key in names})
            for row in reader
            if (row[_LABEL] or "").strip()
        ]
    except csv.Error as error:
        raise InputError(f"{file} is no table that can be read ({error}).") from error


def _columns(file: Path, heads: Sequence[str]) -> list[str]:
    """Names of the columns in lower case, checked."""
    names = [(name or "").strip().lower() for name in heads]
    if _LABEL not in names or not set(names) & set(_KEYS):
        raise InputError(
            f"{file} has the columns {', '.join(names)[:80] or 'nothing'}; expected {_LABEL}, and "
            f"one or more of {', '.join(_KEYS)}."
        )
    return names


def _slashes(path: str) -> str:
    return path.replace("\\", "/").removeprefix("./")
