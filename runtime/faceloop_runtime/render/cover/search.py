"""Where the faces of a frame are: those that are followed, and all that a detector finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from faceloop_runtime.detect.boxes import surest
from faceloop_runtime.quality.thresholds import POOR_ERROR
from faceloop_runtime.render.mesh import FaceMesh
from faceloop_runtime.start.finding import find_faces

from .chains import Chains, Sighting
from .places import alike_in_size, apart, head_of_box, place_of, union

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_runtime.detect.boxes import FaceBox
    from faceloop_runtime.detect.detector import Detector
    from faceloop_runtime.model import FaceModel
    from faceloop_runtime.track.results import TrackedFace

    Image = NDArray[np.uint8]
    Points = NDArray[np.float64]

MOST_FACES = 16
"""Faces that are followed, and so can be replaced; a detector finds the others all the same."""
_EVERY = 25
"""Frames between searches that find small, dark and tilted faces too."""
_LOST_EVERY, _JUST_LOST = 5, 5
"""The same while a face is missing; one that has just been lost is sought in every frame."""
_ALL = 1000
_HEAD = 1.2
"""Size of the ring that holds a head with its ears and hair."""
_APART = 0.2
"""Of boxes that overlap by more, the surer one is kept."""
_SAME = 0.5
"""What the detector finds is a face that is followed if the middles of the two heads are no
farther apart, in sizes of a head."""


@dataclass(frozen=True, eq=False)
class Cover:
    """What hides the faces of a frame.

    Parameters
    ----------
    faces : tuple of ndarray, shape (N, 2)
        Landmarks of the faces to be drawn over.
    places : tuple of ndarray, shape (4,)
        Boxes (left, top, right, bottom) to be covered.
    """

    faces: tuple[Points, ...] = ()
    places: tuple[NDArray[np.float64], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.faces or self.places)


class FaceSearch:
    """Finds the faces of a video, frame by frame.

    Parameters
    ----------
    model : FaceModel
        What is tracked.
    detector : Detector
        Finds faces.
    rate : float
        Frames a second.
    picture : (int, int)
        Width and height of the frames.
    draw_over : bool
        Whether faces that are followed well will be drawn over; else all are covered.
    live : bool
        Whether somebody is waiting: then no frame is searched by all means, but of each a part.
    """

    def __init__(
        self,
        model: FaceModel,
        detector: Detector,
        rate: float,
        picture: tuple[int, int],
        *,
        draw_over: bool,
        live: bool = False,
    ) -> None:
        self._model, self._detector = model, detector
        self._draw_over, self._live = draw_over, live
        self._head = FaceMesh.of(model.scheme, model.pdm.mean, _HEAD)
        self.chains = Chains(rate, picture)

    def look(self, number: int, image: Image, tracked: Sequence[TrackedFace]) -> tuple[Points, ...]:
        """Look at the next frame.

        Parameters
        ----------
        number : int
            Of the frame, from 0, rising.
        image : ndarray of uint8, shape (H, W, 3)
            RGB.
        tracked : sequence of TrackedFace
            The faces that a tracker follows in it.

        Returns
        -------
        tuple of ndarray, shape (N, 2)
            Landmarks of the faces to be drawn over.
        """
        boxes = self._find(number, image, len(tracked))
        heads = [head_of_box(box) for box in boxes]
        faces, sightings, known = [], [], set()
        for face in tracked:
            ring = self._head.ring_of(face.fit.points)
            place = place_of(ring)
            own = [k for k, head in enumerate(heads) if apart(place, head) <= _SAME]
            sure = self._draw_over and self._is_sure(face, ring, [boxes[k] for k in own])
            for k in own:
                place = union(place, heads[k])
            known.update(own)
            sightings.append(Sighting(place, face.id, drawn_over=sure))
            if sure:
                faces.append(face.fit.points)
        others = [head for k, head in enumerate(heads) if k not in known]
        self.chains.add(number, [*sightings, *map(Sighting, others)])
        return tuple(faces)

    def _find(self, number: int, image: Image, tracked: int) -> list[FaceBox]:
        """Search quickly, and now and then, or when a face is missing, with all means."""
        missed = self.chains.missed(number)
        if self._live and number:
            quick = self._detector.detect(image, wanted=0)
            return surest(quick + self._detector.detect_part(image, number), _APART)
        if number % _EVERY == 0:
            return find_faces(self._detector, self._model, image, wanted=_ALL)
        if missed and (min(missed) <= _JUST_LOST or number % _LOST_EVERY == 0):
            return self._detector.detect(image, wanted=tracked + len(missed))
        return self._detector.detect(image, wanted=0)

    def _is_sure(self, face: TrackedFace, ring: Points, boxes: Sequence[FaceBox]) -> bool:
        """Whether a fit lies on the face: it says so, and what the detector found is inside."""
        line = ring.astype(np.float32)
        inside = all(cv2.pointPolygonTest(line, box.centre, False) >= 0 for box in boxes)
        same = all(alike_in_size(head_of_box(box), place_of(ring)) for box in boxes)
        return face.fit.predicted_error <= POOR_ERROR and inside and same
