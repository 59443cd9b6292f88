"""Writes a page on how well the annotators of a blind round agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.files import atomic_path
from faceloop_datasets.wording import counted
from faceloop_trainer.agreement.agreement import mean_of
from faceloop_trainer.agreement.measures import SIZE

from .agreement_charts import bias_figure, bland_altman_figure
from .markup import Markup, element, joined, name_of, table
from .page import PAGE, Charts, document

if TYPE_CHECKING:
    from pathlib import Path

    from faceloop_datasets.store.rounds import BlindRound
    from faceloop_trainer.agreement.agreement import Agreement, PairAgreement

_NONE = "\N{EN DASH}"
_WORST = 10


def write_agreement(found: Agreement, round_: BlindRound, project: str, folder: Path) -> list[Path]:
    """Write the page and its charts into a folder; files of an earlier one are replaced.

    Parameters
    ----------
    found : Agreement
        What was found out.
    round_ : BlindRound
        The round.
    project : str
        The project's name.
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
    parts = [_heading(found, round_, project), _people(found), _correlations(found)]
    parts += [_pair(found, pair, k, charts) for k, pair in enumerate(found.pairs, 1)]
    page = folder / PAGE
    with atomic_path(page) as part:
        text = document(f"Agreement {round_.name}", joined([*parts, _method()]))
        part.write_text(text, encoding="utf-8")
    return [page, *charts.files]


def _heading(found: Agreement, round_: BlindRound, project: str) -> Markup:
    chosen = f" They were chosen so: {round_.chosen}." if round_.chosen else ""
    return joined(
        (
            element("h1", "Agreement of annotators: ", name_of(round_.name)),
            element(
                "p",
                f"{counted(found.faces, 'face')} of the project ",
                name_of(project),
                f" were annotated by two people or more, of {len(round_.items)} in the round.",
                chosen,
                f" Nobody saw another's points. Everybody's points started from {round_.start}, "
                "the same for all: people who leave a point where it started agree because of "
                "that, so read the distances beside how far each moved the points.",
            ),
        )
    )


def _people(found: Agreement) -> Markup:
    rows = [
        [
            name_of(one.name),
            one.faces,
            _share(mean_of(one.distance)),
            _share(one.from_start),
            one.repeated or _NONE,
            _share(one.own_distance),
        ]
        for one in found.people
    ]
    head = ["", "faces", "from the others", "from the start", "done twice", "from oneself"]
    note = (
        "Mean distance of the points, in per cent of the distance between the eyes: from the mean "
        "of all others, from where the points started, and between the first and the last time "
        "that the same person annotated a face."
    )
    return joined(
        (element("h2", "People"), table(head, rows, 5), element("p", note, class_="note"))
    )


def _correlations(found: Agreement) -> Markup | None:
    if not found.icc:
        return None
    rows = [[name, f"{value:.3f}"] for name, value in found.icc.items()]
    note = (
        "ICC(2,1) of Shrout and Fleiss (1979): two-way random effects, absolute agreement, single "
        "measures, on the faces that all annotated. 1 is perfect; it depends on how much the faces "
        "themselves differ."
    )
    return joined(
        (
            element("h2", "Intraclass correlation"),
            table(["length", "ICC"], rows, 1),
            element("p", note, class_="note"),
        )
    )


def _pair(found: Agreement, pair: PairAgreement, number: int, charts: Charts) -> Markup:
    names = (name_of(pair.first), " and ", name_of(pair.second))
    pixels = mean_of(pair.pixels)
    parts = [
        element("h2", *names),
        element(
            "p",
            f"On {counted(pair.faces, 'face')} their points are apart by "
            f"{_share(mean_of(pair.distance))} of the distance between the eyes on average, "
            f"{_NONE if pixels is None else f'{pixels:.1f}'} pixels.",
        ),
    ]
    if pair.lengths:
        rows = [_length(name, one.bias, *one.limits) for name, one in pair.lengths.items()]
        parts += [
            charts.add(
                f"bland-altman-{number}",
                bland_altman_figure(pair),
                "Difference against mean of the two, for each length",
                "Difference (second less first) against mean, with the mean difference and the "
                "95 % limits of agreement; the bars at the left are their 95 % confidence "
                "intervals (Bland and Altman 1986).",
            ),
            table(["length", "mean difference", "95 % limits of agreement"], rows, 2),
        ]
    parts += [
        charts.add(
            f"bias-{number}",
            bias_figure(found.scheme, found.shape, pair),
            "A mean face with an arrow at each point",
            "Where the second places each point against the first, on average, five times as far.",
        ),
        _worst(found, pair),
    ]
    return joined(parts)


def _length(name: str, bias: float, low: float, high: float) -> list[str]:
    unit = " px" if name == SIZE else " %"
    return [name, f"{bias:+.2f}{unit}", f"{low:+.2f} to {high:+.2f}{unit}"]


def _worst(found: Agreement, pair: PairAgreement) -> Markup:
    order = np.argsort(np.where(np.isfinite(pair.distance), -pair.distance, np.inf))[:_WORST]
    rows = [
        [
            f"{k} {found.scheme.names[k]}",
            _share(pair.distance[k]),
            f"{pair.pixels[k]:.1f}",
            f"{100 * pair.bias[k, 0]:+.1f}, {100 * pair.bias[k, 1]:+.1f}",
        ]
        for k in order
        if np.isfinite(pair.distance[k])
    ]
    head = ["point", "distance", "pixels", "bias right, down [%]"]
    return joined((element("h3", "Points they differ on most"), table(head, rows, 3)))


def _method() -> Markup:
    return element(
        "p",
        "A point counts where a person has placed or confirmed it. What somebody annotated more "
        "than once counts as it was the last time. Widths are those of the two points of each part "
        "of the face that are farthest apart on the mean shape, in per cent of the distance "
        "between the eyes as all people together say it.",
        class_="note",
    )


def _share(value: float | None) -> str:
    return _NONE if value is None or not np.isfinite(value) else f"{100 * value:.2f} %"
