"""Regular expressions of people: what is found in texts, and those that would never end."""

from __future__ import annotations

import re

import pytest

from faceloop_datasets import InputError
from faceloop_datasets.searching import search_all


def test_the_first_match_of_each_text_is_found() -> None:
    texts = ["ann_1.jpg", "1.jpg", "", "日本_2\udcff", "ann_1.jpg\nben_2"]
    assert search_all(r"(\w+)_\d", texts, 1) == ["ann", None, None, "日本", "ann"]
    assert search_all("(?P<who>x)?j", texts, "who") == ["", "", None, None, ""]
    assert search_all("$", []) == []


@pytest.mark.parametrize("pattern", ["(a+)+$", "(?:^|/)" + "[^/]*a" * 25 + "b"])
def test_what_would_take_years_is_an_error_in_a_moment(pattern: str) -> None:
    with pytest.raises(InputError, match=r"takes more than 0\.3 seconds") as error:
        search_all(pattern, ["a" * 60 + "!"], seconds=0.3)
    assert re.escape(pattern[:20]) in re.escape(str(error.value))
    assert "\n" not in str(error.value)
