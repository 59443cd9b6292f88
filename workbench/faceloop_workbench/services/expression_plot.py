"""A plot of what a face expresses over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.outputs import require_ending

from .expression_smoothing import ExpressionSmoothing

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

    from faceloop_runtime import FrameResult


_MOST = 6
"""Expressions that are drawn: more lines cannot be told apart."""


class ExpressionPlot:
    """Draws the probabilities of the first face of each frame, smoothed as the window shows them.

    Of many expressions it draws the six that are likeliest on the average.

    A context manager: leaving it, also by an interruption, writes the frames until there.

    Parameters
    ----------
    path : Path
        The file to make: ``.png``.
    names : sequence of str
        The expressions that the model knows.

    Raises
    ------
    InputError
        If the name ends in something else.
    """

    def __init__(self, path: Path, names: tuple[str, ...]) -> None:
        require_ending(path, (".png",), "a plot")
        self._path, self._names = path, names
        self._smooth = ExpressionSmoothing()
        self._times: list[float] = []
        self._rows: list[list[float]] = []

    def add(self, result: FrameResult) -> None:
        """Take in a frame; where there is no face the lines break."""
        row = dict.fromkeys(self._names, np.nan)
        found = result.faces[0].fit.expressions if result.faces else None
        if found:
            row |= self._smooth(result.faces[0].id, result.time, found)
        self._times.append(result.time)
        self._rows.append(list(row.values()))

    def save(self) -> None:
        """Write the plot.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        # matplotlib takes half a second, and few plot.
        from faceloop_trainer.evaluation.plots import label, new_figure, save_png  # noqa: PLC0415

        values = np.array(self._rows).reshape(len(self._rows), len(self._names))
        figure, axes = new_figure(9.0, 3.6)
        for k in self._likeliest(values):
            axes.plot(self._times, values[:, k], label=label(self._names[k]))
        axes.set(xlabel="seconds", ylabel="probability", ylim=(-0.02, 1.02))
        axes.margins(x=0)
        title = f"{_MOST} likeliest of {len(self._names)}" if len(self._names) > _MOST else None
        figure.legend(frameon=False, loc="outside right center", fontsize=9, title=title)
        save_png(figure, self._path)

    def _likeliest(self, values: NDArray[np.float64]) -> list[int]:
        """Return which expressions are drawn, in the model's order."""
        mean = np.nan_to_num(values).mean(axis=0)
        return sorted(np.argsort(-mean, kind="stable")[:_MOST].tolist())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._rows:
            self.save()
