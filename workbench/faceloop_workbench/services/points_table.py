"""Fitted points as a table on disk, written while the fits come."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from faceloop_datasets import InputError
from faceloop_datasets.faults import in_words
from faceloop_datasets.files import escape_formula, part_of, put_in_place
from faceloop_datasets.outputs import require_ending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

    from faceloop_runtime import Fit

TIME_DIGITS = 6
"""Decimals of times in tables: further ones are those of binary fractions, not of the video."""
_BATCH = 64  # frames in memory; one of these is a row group of the Parquet file

_SOURCES = {
    "track": (("frame", pa.int64()), ("time", pa.float64())),
    "fit": (("image", pa.string()),),
}
_POINTS = (
    ("face", pa.int32()),
    ("point", pa.int32()),
    ("name", pa.string()),
    ("x", pa.float32()),
    ("y", pa.float32()),
    ("confidence", pa.float32()),
    ("visibility", pa.float32()),
    ("score", pa.float32()),
    ("predicted_error", pa.float32()),
    ("error_bound", pa.float32()),
    ("yaw", pa.float32()),
    ("pitch", pa.float32()),
    ("roll", pa.float32()),
    ("pose_error", pa.float32()),
    ("scale", pa.float32()),
    ("start", pa.string()),
)
_SMOOTHED = (("x_smooth", pa.float32()), ("y_smooth", pa.float32()))
_EXPRESSION = "expression"


class PointsTable:
    """Write fits to a Parquet or CSV file, one row a point, in constant memory.

    A context manager: leaving it in any way, an interruption too, completes the file with what
    was written so far and gives it its name, except after a failed write. A frame or image
    without a face is one row whose other columns are empty, so that each is accounted for.

    Parameters
    ----------
    path : Path
        The file to make, ``.parquet`` or ``.csv``; an existing one is replaced at the end.
    kind : {"track", "fit"}
        ``track`` rows begin with ``frame, time`` (seconds, to the microsecond), those of ``fit``
        with ``image``. Then come ``face, point, name, x, y, confidence, visibility`` (pixels of the
        frame; 0 to 1) and, the same for all points of a face, ``score`` (probability that it is
        one), ``predicted_error`` (NME), ``error_bound`` (the NME that 9 of 10 such fits stay
        below), ``yaw``, ``pitch``, ``roll`` and ``pose_error`` (how the head is turned, in degrees,
        see `faceloop_runtime.HeadPose`; where the model does not know, ``roll`` is the turn of the
        points in the picture, clockwise, and the others are empty), ``scale`` (IOD of the mean
        shape, pixels), ``start`` (where the fit started, see `faceloop_runtime.Fit`) and, for a
        model that knows some, the most likely ``expression`` and the probability of each,
        ``expression_NAME``.
    names : sequence of str
        Names of the points.
    about : mapping
        Kept in the Parquet file's metadata under ``faceloop``.
    expressions : sequence of str
        Names of the expressions that the model knows.
    smoothed : bool
        Whether rows end with ``x_smooth, y_smooth``; ``x, y`` are as they were fitted in any case.

    Raises
    ------
    InputError
        If the name ends in neither, or the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        kind: str,
        names: Sequence[str],
        about: Mapping[str, Any],
        *,
        expressions: Sequence[str] = (),
        smoothed: bool = False,
    ) -> None:
        suffix = path.suffix.lower()
        require_ending(path, (".parquet", ".csv"), "points")
        self.path = path
        # Parquet is data; a CSV file may be opened in a spreadsheet, which runs formulas.
        self._text: Callable[[str], str] = escape_formula if suffix == ".csv" else str
        self._names = [self._text(name) for name in names]
        self._sources = [name for name, _ in _SOURCES[kind]]
        columns = (
            *_SOURCES[kind],
            *_POINTS,
            *_expression_columns(expressions),
            *(_SMOOTHED if smoothed else ()),
        )
        fields = [pa.field(*column) for column in columns]
        self._schema = pa.schema(fields, {"faceloop": json.dumps(dict(about))})
        self._part = part_of(path)
        self._waiting: list[pa.RecordBatch] = []
        self._broken = False  # a failed write may have left half a row
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Of our own: CSVWriter leaves open what it opens, which Windows then never renames.
            self._file = pa.OSFile(str(self._part), "wb")
            try:
                self._writer = (
                    pq.ParquetWriter(self._file, self._schema)
                    if suffix == ".parquet"
                    else pa_csv.CSVWriter(self._file, self._schema)
                )
            except OSError:
                self._remove()
                raise
        except OSError as error:
            raise self._failed(error) from error

    def write(
        self,
        source: Sequence[object],
        faces: Iterable[tuple[int, Fit]],
        smoothed: Mapping[int, NDArray[np.float64]] | None = None,
    ) -> None:
        """Append one frame or image.

        Parameters
        ----------
        source : sequence
            Number and time of the frame, or name of the image.
        faces : iterable of (int, Fit)
            Number and fit of each face; none while there is no face.
        smoothed : mapping of int to ndarray, optional
            Smoothed points (N, 2) of each face by its number.
        """
        count = len(self._names)
        batches = [
            self._batch(source, count, self._columns(number, fit, (smoothed or {}).get(number)))
            for number, fit in faces
        ]
        self._waiting += batches or [self._batch(source, 1, {})]
        if len(self._waiting) >= _BATCH:
            self._flush()

    def close(self) -> None:
        """Complete the file and give it its name; after a failed write, remove it."""
        try:
            self._flush()
            self._writer.close()
            self._file.close()
            if not self._broken:
                put_in_place(self._part, self.path)
        except OSError as error:
            raise self._failed(error) from error
        finally:
            self._remove()

    def _remove(self) -> None:
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):  # renamed, if all went well
            self._part.unlink()

    def _columns(
        self, number: int, fit: Fit, smoothed: NDArray[np.float64] | None
    ) -> dict[str, Any]:
        count = len(self._names)
        ends = {} if smoothed is None else {"x_smooth": smoothed[:, 0], "y_smooth": smoothed[:, 1]}
        return {
            "face": [number] * count,
            "point": list(range(count)),
            "name": self._names,
            "x": fit.points[:, 0],
            "y": fit.points[:, 1],
            "confidence": fit.confidence,
            "visibility": fit.visibility,
            "score": [fit.score] * count,
            "predicted_error": [fit.predicted_error] * count,
            "error_bound": [fit.error_bound] * count,
            **{name: [value] * count for name, value in _turn(fit).items()},
            "scale": [fit.pose.scale] * count,
            "start": [fit.start] * count,
            **{name: [value] * count for name, value in self._expression(fit).items()},
            **ends,
        }

    def _source(self, value: object) -> object:
        if isinstance(value, str):
            return self._text(value)
        return round(value, TIME_DIGITS) if isinstance(value, float) else value

    def _expression(self, fit: Fit) -> dict[str, Any]:
        if not fit.expressions:
            return {}
        likely = max(fit.expressions, key=fit.expressions.__getitem__)
        each = {f"{_EXPRESSION}_{name}": share for name, share in fit.expressions.items()}
        return {_EXPRESSION: self._text(likely), **each}

    def _batch(
        self, source: Sequence[object], count: int, values: Mapping[str, Any]
    ) -> pa.RecordBatch:
        values = {
            **{
                name: [self._source(v)] * count
                for name, v in zip(self._sources, source, strict=True)
            },
            **values,
        }
        columns = [
            pa.nulls(count, field.type)
            if field.name not in values
            else pa.array(values[field.name], field.type)
            for field in self._schema
        ]
        return pa.record_batch(columns, schema=self._schema)

    def _flush(self) -> None:
        if not self._waiting:
            return
        table = pa.Table.from_batches(self._waiting, self._schema)
        self._waiting = []
        try:
            self._writer.write_table(table)
        except OSError as error:
            self._broken = True
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> InputError:
        return InputError(
            f"{self.path} cannot be written ({in_words(error)}). Choose a folder that can "
            "be written and has room."
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _turn(fit: Fit) -> dict[str, float | None]:
    """Return how a head is turned, as far as it is known; NaN is no value of a table."""
    head = fit.head_pose
    if head is None:
        flat = float(np.degrees(fit.pose.angle))
        return {"yaw": None, "pitch": None, "roll": flat, "pose_error": None}
    error = None if np.isnan(head.error) else head.error
    return {"yaw": head.yaw, "pitch": head.pitch, "roll": head.roll, "pose_error": error}


def _expression_columns(names: Sequence[str]) -> list[tuple[str, pa.DataType]]:
    each = [(f"{_EXPRESSION}_{name}", pa.float32()) for name in names]
    return [(_EXPRESSION, pa.string()), *each] if names else []
