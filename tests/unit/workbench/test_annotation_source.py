"""What a face is saved as after a person has changed it."""

from __future__ import annotations

import pytest

from faceloop_workbench.services.annotation_source import (
    corrected_source,
    helped_source,
    mended_source,
    source_text,
)


@pytest.mark.parametrize("source", ["import:muct", "import:", "manual"])
def test_an_import_that_a_person_has_changed_is_theirs(source: str) -> None:
    assert corrected_source(source, unplaced=True) == "manual"
    assert mended_source(source) == "manual"


@pytest.mark.parametrize("source", ["fit:starter", "fit:import:x"])
def test_a_fit_that_a_person_changed_is_by_hand_and_still_known_as_a_fit(source: str) -> None:
    once = corrected_source(source, unplaced=True)
    assert once == f"manual+{source}"
    assert corrected_source(once, unplaced=True) == once
    assert corrected_source(once, unplaced=False) == "manual"
    assert mended_source(source) == source


def test_help_is_a_fits_and_names_the_first_model() -> None:
    assert helped_source("manual", "m1") == "manual+fit:m1"
    assert helped_source("import:fit:x", "m1") == "manual+fit:m1"
    assert helped_source("manual+fit:m1", "m2") == "manual+fit:m1"
    assert helped_source("fit:m1", "m2") == "fit:m1"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("manual", "by hand"),
        ("fit:starter", "fit by starter"),
        ("import:muct", "imported from muct"),
        ("manual+fit:m1", "by hand, on a fit by m1"),
        ("something else", "something else"),
    ],
)
def test_sources_in_words(source: str, text: str) -> None:
    assert source_text(source) == text
