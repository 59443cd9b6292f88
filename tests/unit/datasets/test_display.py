"""How a picture is shown: what can be kept of it, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import InputError, PictureDisplay, Project
from faceloop_datasets.store import media as media_store

grays = st.floats(0, 255)


@given(grays, grays, st.floats(0.1, 10), st.floats(-179.9, 180))
def test_what_is_kept_comes_back(low, high, gamma, turn):
    if low >= high:
        with pytest.raises(InputError, match="gray values"):
            PictureDisplay(low, high, gamma, turn)
        return
    display = PictureDisplay(low, high, gamma, turn)
    assert PictureDisplay.from_text(display.text) == display


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "[1]",
        "[" * 999,
        " " * 2000,
        '{"gamma": "2"}',
        '{"gamma": true}',
        '{"gamma": NaN}',
        '{"gamma": 11}',
        '{"turn": 1e999}',
        '{"turn": -180}',
        '{"low": -1}',
        '{"zoom": 2}',
    ],
)
def test_what_somebody_else_wrote_is_one_clear_error(text):
    with pytest.raises(InputError, match="shown"):
        PictureDisplay.from_text(text)


def test_a_picture_keeps_how_it_is_shown(tmp_path):
    with Project.create(tmp_path / "p", sample=True) as project:
        first, second = project.media()[:2]
        display = PictureDisplay(low=20, gamma=0.5, turn=-30)
        project.set_display(first.id, display)
        assert project.display(first.id) == display
        assert project.display(second.id) == PictureDisplay()
        project.set_display(first.id, PictureDisplay())
        assert project.media()[0].display == ""
        with project._database.write() as connection:
            media_store.set_display(connection, first.id, "{")
        with pytest.raises(InputError, match="Reset it"):
            project.display(first.id)
