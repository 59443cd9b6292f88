"""The model's help for a face in work: where the points that nobody has placed belong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets import FaceloopError
from faceloop_trainer.assist.drag import most_probable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from faceloop_runtime import FaceModel
    from faceloop_workbench.services.model_choice import ChosenModel
    from faceloop_workbench.session import Session

    from .face_state import FaceState


class ModelHelp:
    """Asks the model in use.

    Parameters
    ----------
    session : Session
        Knows the model.

    Attributes
    ----------
    errors : (FaceModel, ndarray) or None
        A model and the covariance of its errors, as `FitErrorLearning` measured it.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._chosen: ChosenModel | None = None
        self.errors: tuple[FaceModel, NDArray[np.float64]] | None = None

    def model(self) -> ChosenModel | None:
        """Return the model in use; None if it cannot be used here, which the person is told."""
        try:
            return self._session.model()
        except FaceloopError as error:
            self._session.tell(str(error), "warning")
            return None

    def improve(self, face: FaceState, *, afresh: bool = True) -> FaceState:
        """Move the points that nobody has placed to where they most probably are.

        Parameters
        ----------
        face : FaceState
            With the points that the person has placed where they put them.
        afresh : bool
            Look which model is in use, which reads the database: not for each move of a mouse.
        """
        if not (face.present & ~face.placed).any():
            return face
        if afresh:
            self._chosen = self.model()
        if self._chosen is None:
            return face
        model = self._chosen.model
        errors = self.errors[1] if self.errors is not None and self.errors[0] is model else None
        points = most_probable(model, face.points, face.placed, face.reference, errors=errors)
        return face.moved_by_model(points, self._chosen.name)
