"""What finds the faces of a project's pictures, also before there is a model of its points."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import Annotation, PointState, SchemeError

from .finding import AUTOMATIC
from .finding_faces import MOST, find_new_faces
from .model_choice import STARTER, ChosenModel, check_points, choose_model

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from faceloop_datasets import Conversion, Project
    from faceloop_runtime import Fit

    from .finding import Finding

    Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FaceFinder:
    """A model that finds faces, and how its points become those of the project.

    Parameters
    ----------
    chosen : ChosenModel
        What is fitted.
    conversion : Conversion or None
        From the model's scheme to the project's; None if they are the same.
    """

    chosen: ChosenModel
    conversion: Conversion | None = None

    @classmethod
    def of(cls, project: Project | None, which: str | None = None) -> FaceFinder:
        """Choose a model as `choose_model` does, or the starter where its points can be converted.

        Raises
        ------
        ProjectError, ModelFileError
            As `choose_model` does.
        """
        if which is not None or project is None or project.active_model is not None:
            return cls(choose_model(which, project))
        starter = choose_model(STARTER, None)
        with suppress(SchemeError):
            conversion = project.conversion_from(starter.model.scheme.name)
            return cls(starter, None if conversion.source == conversion.target else conversion)
        check_points(starter, project)  # they differ: it says so, and what to do
        return cls(starter)

    def find(
        self,
        picture: NDArray[np.uint8],
        known: Iterable[Points | None],
        finding: Finding = AUTOMATIC,
        most: int = MOST,
    ) -> list[Fit]:
        """Find and fit the faces of a picture that are not known yet.

        Parameters and errors are those of `find_new_faces`.

        Returns
        -------
        list of Fit
            From left to right, with the project's points: NaN where the conversion knows none.
        """
        fits = find_new_faces(self.chosen.model, picture, known, finding, most)
        return fits if self.conversion is None else [_converted(f, self.conversion) for f in fits]


def _converted(fit: Fit, conversion: Conversion) -> Fit:
    """Convert the points of a fit; what is known of each of them becomes what is of all."""
    states = np.full(len(fit.points), PointState.ESTIMATED)
    points = conversion.apply(Annotation(conversion.source, fit.points, states)).points
    count = len(points)
    return replace(
        fit,
        points=points,
        confidence=np.full(count, fit.confidence.mean()),
        visibility=np.full(count, np.nan),
    )
