"""The model's help for a face in work: where the points that nobody has placed belong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceloop_datasets import FaceloopError
from faceloop_trainer.assist.drag import most_probable
from faceloop_trainer.assist.person import without_expected_error

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from faceloop_datasets import Item
    from faceloop_runtime import FaceModel
    from faceloop_workbench.services.model_choice import ChosenModel
    from faceloop_workbench.session import Session

    from .face_state import FaceState


@dataclass(frozen=True, eq=False)
class KnownPerson:
    """What fits are always wrong by in one person's face.

    Parameters
    ----------
    model : FaceModel
        What was fitted.
    name : str
        The model's.
    subject : str
        The person.
    expected : ndarray, shape (N, 2)
        By what, in the model frame.
    faces : int
        How many faces of theirs say so.
    """

    model: FaceModel
    name: str
    subject: str
    expected: NDArray[np.float64]
    faces: int


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
    person : KnownPerson or None
        What the model is always wrong by in the face in work, as `PersonLearning` measured it.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._chosen: ChosenModel | None = None
        self.errors: tuple[FaceModel, NDArray[np.float64]] | None = None
        self.person: KnownPerson | None = None

    def model(self) -> ChosenModel | None:
        """Return the model in use; None if it cannot be used here, which the person is told."""
        try:
            return self._session.model()
        except FaceloopError as error:
            self._session.tell(str(error), "warning")
            return None

    def for_person(
        self, points: NDArray[np.float64], item: Item | None, model: FaceModel
    ) -> tuple[NDArray[np.float64], int]:
        """Move a fit by what those of the same person are always wrong by.

        Parameters
        ----------
        points : ndarray, shape (N, 2)
            The fit, in pixels.
        item : Item or None
            The face.
        model : FaceModel
            What was fitted.

        Returns
        -------
        points : ndarray, shape (N, 2)
            In pixels.
        faces : int
            How many corrected faces say so; 0 if the person is not known, and nothing has moved.
        """
        person = self.person
        if person is None or item is None or person.model is not model:
            return points, 0
        if self._session.blind is not None:  # what others corrected is not shown
            return points, 0
        if person.subject != item.subject:
            return points, 0
        return without_expected_error(model, points, person.expected), person.faces

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
