"""What a conversion between landmark schemes does, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import Conversion, Scheme, SchemeError
from faceloop_datasets.formats import all_formats
from faceloop_datasets.wording import counted, enumerated

from .error_text import error_text
from .format_help import title_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets import ImportReport

_NAMED = 6  # points that are called by their names


def conversion_text(conversion: Conversion, scheme: Scheme) -> str:
    """Say how the points of a scheme become those of another.

    Parameters
    ----------
    conversion : Conversion
        The conversion.
    scheme : Scheme
        What it leads to.
    """
    source, count = conversion.source, len(scheme)
    absent, estimated = conversion.without_source, conversion.estimated
    same = source == scheme.name
    if same and not absent.any() and not estimated.any():
        return f"The points are those of the project ({scheme.name}): nothing is converted."
    kept = count - int(absent.sum()) - int(estimated.sum())
    what = "Points of one name are one point" if same else f"{source} becomes {scheme.name}"
    parts = [f"{what}: {kept} of {count} points are the same marks"]
    if estimated.any():
        parts.append(f"{int(estimated.sum())} estimated ({_estimates(conversion, scheme)})")
    if absent.any():
        parts.append(f"{int(absent.sum())} missing ({_names(absent, scheme)})")
    return "; ".join(parts) + "."


def left_out_text(report: ImportReport) -> str:
    """Say which points of the imported file the project has no place for; empty if none."""
    names = report.points_left_out
    if not names:
        return ""
    are = counted(len(names), "point of the file is", "points of the file are")
    return f"{are} left out ({enumerated(names, _NAMED)})."


def not_there_text(report: ImportReport) -> str:
    """Say which points of the project the imported file says nothing of; empty if none."""
    names = report.points_not_there
    if not names:
        return ""
    are = counted(len(names), "point is", "points are")
    return f"{are} missing, which the file does not have ({enumerated(names, _NAMED)})."


def error_rows(conversion: Conversion, scheme: Scheme) -> list[tuple[str, str, str]]:
    """Each target point, what becomes of it and its expected error in IOD, worst first."""
    order = np.argsort(-np.nan_to_num(conversion.expected, nan=-1.0), kind="stable")
    return [
        (scheme.names[k], _fate(conversion, k), error_text(float(conversion.expected[k])))
        for k in order.tolist()
    ]


def importable_text(scheme: Scheme) -> str:
    """Say of which formats faces come into a new project of a scheme, as far as is known."""
    schemes = {
        one.name: one.reader.scheme
        for one in all_formats().values()
        if one.reader is not None and isinstance(one.reader.scheme, str)
    }
    possible = [name for name, source in schemes.items() if _converts(source, scheme)]
    if not possible:
        return (
            "No format of fixed points brings these along. Files that name their points come in "
            "where the names are the same, faces of another project once a conversion is learned "
            "from faces that have both."
        )
    exact = [name for name in possible if schemes[name] == scheme.name]
    others = [name for name in possible if name not in exact]
    parts = [f"{_titles(exact)} as they are"] if exact else []
    if others:
        parts.append(f"{_titles(others)} by conversion")
    return f"Annotations that can be imported: {'; '.join(parts)}."


def _titles(names: list[str]) -> str:
    return ", ".join(map(title_of, names))


def _converts(source: str, scheme: Scheme) -> bool:
    try:
        Conversion.load(source, scheme)
    except SchemeError:
        return False
    return True


def _estimates(conversion: Conversion, scheme: Scheme) -> str:
    mask, errors = conversion.estimated, conversion.expected
    if mask.sum() <= _NAMED:
        return _names(mask, scheme)
    known = mask & ~np.isnan(errors)
    if not known.any():
        return f"{scheme.names[int(mask.argmax())]} and others"
    where = f"; on {conversion.measured_on}" if conversion.measured_on else ""
    worst = int(np.where(known, errors, -1.0).argmax())
    return (
        f"on average {error_text(float(errors[known].mean()))} off, most of all "
        f"{scheme.names[worst]}, {error_text(float(errors[worst]))}{where}"
    )


def _names(mask: NDArray[np.bool_], scheme: Scheme) -> str:
    return enumerated(np.array(scheme.names)[mask].tolist(), _NAMED)


def _fate(conversion: Conversion, point: int) -> str:
    if conversion.without_source[point]:
        return "missing"
    return "same mark" if conversion.same_mark[point] else "estimated"
