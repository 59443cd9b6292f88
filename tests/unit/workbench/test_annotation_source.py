"""What a face is saved as after a person has changed it."""

from __future__ import annotations

import pytest

from faceloop_workbench.services.annotation_source import corrected_source


@pytest.mark.parametrize("source", ["import:muct", "import:", "manual"])
def test_an_import_that_a_person_has_changed_is_theirs(source: str) -> None:
    assert corrected_source(source) == "manual"


@pytest.mark.parametrize("source", ["fit:starter", "fit:import:x"])
def test_a_fit_stays_one_until_it_is_accepted(source: str) -> None:
    assert corrected_source(source) == source
