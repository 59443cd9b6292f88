"""Elements that several sections of the page share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.subjects import count_of, plural
from faceloop_runtime.quality.thresholds import FAILURE
from faceloop_trainer.evaluation.metrics import AUC_LIMIT

from .markup import Markup, element, joined, name_of, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_trainer.evaluation.bootstrap import Interval
    from faceloop_trainer.evaluation.result import Evaluation

    from .report_data import EvaluationSummary

_RELIABLE_PEOPLE = 10
_METRICS = (
    ("NME, mean", "nme_mean", ".4f", 1),
    ("NME, median", "nme_median", ".4f", 1),
    ("NME, 95th percentile", "nme_p95", ".4f", 1),
    (f"AUC up to {AUC_LIMIT}", "auc_08", ".3f", 1),
    (f"failures (NME over {FAILURE:.2f})", "failure_rate", ".1f", 100),
)


def small_sample_warning(found: Evaluation) -> Markup | None:
    """Return a warning if few people were measured, else None."""
    people = len(set(found.subjects))
    if people >= _RELIABLE_PEOPLE:
        return None
    said = (
        f"Measured on {count_of(people, found.kind)} only: the intervals are rough, and other "
        "people may be fitted quite differently."
    )
    return element("p", said, class_="warning")


def metrics_table(columns: Sequence[EvaluationSummary]) -> Markup:
    """Return a table of the metrics of several evaluations, a column each."""
    rows: list[list[object]] = []
    drawn = plural(columns[0].evaluation.kind)
    for title, key, form, factor in _METRICS:
        cells = [cell(one.metrics.get(key), form, factor) for one in columns]
        rows.append([title, *cells])
    missed = [int((~np.isfinite(one.evaluation.errors)).sum()) for one in columns]
    if any(missed):
        rows.append(["faces not found", *missed])
    return joined(
        (
            table(["", *(name_of(one.name) for one in columns)], rows, len(columns)),
            element(
                "p",
                f"In gray: 95 % confidence intervals, by bootstrap over {drawn}.",
                class_="note",
            ),
        )
    )


def cell(interval: Interval | None, form: str = ".4f", factor: float = 1) -> Markup:
    """Return a value with its confidence interval; a factor of 100 makes it per cent."""
    if interval is None or not np.isfinite(interval.value):
        return Markup("\N{EN DASH}")
    unit = " %" if factor == 100 else ""
    value = f"{factor * interval.value:{form}}{unit}"
    if not interval.known:
        return Markup(value)
    low, high = factor * interval.low, factor * interval.high
    span = element("span", f"{low:{form}} to {high:{form}}{unit}", class_="interval")
    return Markup(f"{value}<br>{span}")


def faces_of(number: int) -> str:
    """Return a number of faces in words."""
    return f"{number} {'face' if number == 1 else 'faces'}"
