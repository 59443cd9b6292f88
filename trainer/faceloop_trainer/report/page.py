"""Writes a report: one self-contained HTML file, and its charts beside it as PNG."""

from __future__ import annotations

import base64
from importlib import resources
from importlib.metadata import version
from typing import TYPE_CHECKING

from faceloop_datasets.files import atomic_path
from faceloop_trainer.evaluation.plots import save_png

from . import expression_section, model_sections, training_sections
from .markup import Markup, displayable, element, joined

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from .report_data import Report

PAGE = "report.html"
_CHARTS = (
    "faces", "points", "groups", "prediction", "difference", "cross-validation", "learning",
    "confusion", "reliability",
)  # fmt: skip
_SECTIONS = (
    model_sections.heading,
    model_sections.accuracy,
    model_sections.comparison,
    model_sections.error_details,
    expression_section.expressions,
    training_sections.cross_validation,
    training_sections.learning_curve,
    training_sections.method,
)
# No scripts and nothing from the network: a browser follows nothing that a name might contain.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def report_files(folder: Path) -> list[Path]:
    """Return the files that a report in this folder may consist of, and replace."""
    worst = [file.stem for file in folder.glob("worst-*.png")]
    return [folder / PAGE, *(folder / f"{name}.png" for name in (*_CHARTS, *worst))]


def write_report(report: Report, folder: Path) -> list[Path]:
    """Write the page and its charts into a folder; files of an earlier report are replaced.

    Parameters
    ----------
    report : Report
        From `make_report`.
    folder : Path
        Created if it does not exist.

    Returns
    -------
    list of Path
        The page first, then the charts.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    charts = Charts(folder)
    body = joined(section(report, charts.add) for section in _SECTIONS)
    page = folder / PAGE
    with atomic_path(page) as part:
        title = "Cross-validation" if report.model is None else report.model.name
        part.write_text(document(title, body), encoding="utf-8")
    return [page, *charts.files]


class Charts:
    """Writes charts as PNG files, and embeds them in the page."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.files: list[Path] = []

    def add(self, name: str, figure: Figure, alt: str, caption: object) -> Markup:
        """Add a chart; ``alt`` describes it for those who cannot see it."""
        file = self._folder / f"{name}.png"
        save_png(figure, file)
        self.files.append(file)
        data = base64.b64encode(file.read_bytes()).decode()
        width = round(figure.get_figwidth() * 96)
        image = element("img", src=f"data:image/png;base64,{data}", alt=alt, width=width)
        return element("figure", image, element("figcaption", caption))


def document(title: str, body: Markup) -> str:
    """Return a whole page that needs nothing beside itself."""
    style = resources.files(__package__) / "style.css"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{displayable(title)} \N{EN DASH} faceloop report"),
        element("style", Markup(style.read_text(encoding="utf-8"))),
    )
    foot = element(
        "footer",
        f"Made by faceloop {version('faceloop')}. This page holds names of people and pictures; "
        "share it with care.",
    )
    whole = element("html", head, element("body", body, foot), lang="en")
    return f"<!DOCTYPE html>\n{whole}"
