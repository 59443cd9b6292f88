"""Counts and lists in sentences, and the lines of a face."""

from __future__ import annotations

from itertools import pairwise

import pytest

from faceloop_datasets import Scheme
from faceloop_datasets.wording import counted, enumerated
from faceloop_workbench.services.contour_lines import contour_lines


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 entries"), (1, "1 entry"), (2, "2 entries"), (21, "21 entries")]
)
def test_only_one_is_one(count: int, said: str) -> None:
    assert counted(count, "entry", "entries") == said


def test_most_words_take_an_s() -> None:
    assert [counted(1, "face"), counted(3, "face")] == ["1 face", "3 faces"]


@pytest.mark.parametrize(
    ("names", "said"),
    [("", ""), ("a", "a"), ("abc", "a, b, c"), ("abcd", "a, b, c and 1 more")],
)
def test_what_is_not_named_is_counted(names: str, said: str) -> None:
    assert enumerated(list(names)) == said
    assert enumerated(list(names), 9) == ", ".join(names)


@pytest.mark.parametrize("name", Scheme.bundled())
def test_lines_go_along_contours_and_round_the_closed_ones(name: str) -> None:
    scheme = Scheme.load(name)
    lines = contour_lines(scheme)
    assert len(lines) == sum(len(c.points) - (not c.closed) for c in scheme.contours)
    for contour in scheme.contours:
        ends = (contour.points[-1], contour.points[0])
        assert (ends in lines) == contour.closed
        assert set(pairwise(contour.points)) <= set(lines)
