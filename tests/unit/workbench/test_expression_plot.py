"""A plot of many expressions draws those that are likeliest."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from matplotlib.figure import Figure

from faceloop_workbench.services.expression_plot import ExpressionPlot

if TYPE_CHECKING:
    from pathlib import Path

    from faceloop_runtime import FrameResult

SHARES = (0.02, 0.2, 0.01, 0.15, 0.3, 0.12, 0.11, 0.09)


def drawn(file: Path, count: int, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], str]:
    """Plot frames that show the first expressions; names in the legend, and its title."""
    figures: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda f, *a, **k: (figures.append(f), save(f, *a, **k)))
    names = tuple(f"word {k}" for k in range(count))
    fit = SimpleNamespace(expressions=dict(zip(names, SHARES, strict=False)))
    with ExpressionPlot(file, names) as plot:
        for time in (0.0, 0.1):
            faces = [] if time else [SimpleNamespace(id=0, fit=fit)]
            plot.add(cast("FrameResult", SimpleNamespace(faces=faces, time=time)))
    assert file.stat().st_size
    (legend,) = figures[0].legends
    return [text.get_text() for text in legend.get_texts()], legend.get_title().get_text()


def test_the_six_likeliest_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names, title = drawn(tmp_path / "many.png", 8, monkeypatch)
    assert names == ["word 1", "word 3", "word 4", "word 5", "word 6", "word 7"]
    assert title == "6 likeliest of 8"


def test_of_a_few_all_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names, title = drawn(tmp_path / "few.png", 3, monkeypatch)
    assert (names, title) == (["word 0", "word 1", "word 2"], "")
