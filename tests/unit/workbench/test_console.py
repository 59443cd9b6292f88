"""Values on their way to JSON, and the lines of a progress."""

from __future__ import annotations

import io
import json
import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from faceloop_datasets import Progress
from faceloop_workbench.cli import console
from faceloop_workbench.cli.console import plain, progress_bar, say, show_json, show_table

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
)


@given(VALUES)
def test_everything_plain_is_valid_json(value: object) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    json.loads(json.dumps(plain(value), allow_nan=False), parse_constant=refuse)


def test_what_json_lacks_becomes_what_it_has() -> None:
    values = {
        "nan": math.nan,
        "path": Path("a") / "b",
        "when": datetime(2026, 1, 2, tzinfo=UTC),
        "array": np.array([[1.0, np.inf]]),
        "number": np.float32(0.5),
        "many": (1, None),
    }
    assert plain(values) == {
        "nan": None,
        "path": str(Path("a") / "b"),
        "when": "2026-01-02T00:00:00+00:00",
        "array": [[1.0, None]],
        "number": 0.5,
        "many": [1, None],
    }


def test_a_value_without_a_form_in_json_is_an_error() -> None:
    with pytest.raises(TypeError, match="object has no form"):
        plain({"a": object()})


def test_texts_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    text = "[bold]a/[red]/b.jpg[/]" + "x" * 200
    say(text)
    show_table(("file",), [["[/]"]])
    show_json({"file": text})
    out = capsys.readouterr().out
    assert out.startswith(text + "\n")
    assert "\n[/]" in out
    assert json.loads(out[out.index("{") :]) == {"file": text}


def test_progress_is_one_line_a_part_where_stderr_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress_bar() as progress:
        for done in range(3):
            progress(Progress(done, 3, "reading"))
        progress(Progress(0, None, "writing"))
    captured = capsys.readouterr()
    assert captured.err == "reading ...\nwriting ...\n"
    assert captured.out == ""


def test_a_name_in_a_progress_commands_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Console(file=io.StringIO(), force_terminal=True, width=200)
    monkeypatch.setattr(console, "stderr", terminal)
    with progress_bar() as progress:
        progress(Progress(0, 3, "reading \x1b[5ma.csv"))
    assert "reading \ufffd[5ma.csv" in terminal.file.getvalue()  # type: ignore[attr-defined]
