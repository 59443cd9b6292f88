"""Where the faces of a frame are: those that are followed, and all that a detector finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceloop_runtime.quality.thresholds import FAILURE
from faceloop_runtime.render.mesh import FaceMesh
from faceloop_runtime.start.finding import find_faces

from .chains import HOLD_INSIDE, Chains, Sighting
from .places import apart, head_of_box, place_of, size, union

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from faceloop_runtime.detect.boxes import FaceBox
    from faceloop_runtime.detect.detector import Detector
    from faceloop_runtime.model import FaceModel
    from faceloop_runtime.track.results import TrackedFace

    from .own_shape import OwnShapes
    from .places import Place

    Image = NDArray[np.uint8]
    Points = NDArray[np.float64]

MOST_FACES = 16
"""Faces that are followed, and so can be replaced; a detector finds the others all the same."""
_LEAST_RATE = 5.0
"""Frames a second that are reckoned with at least: else a hold would be no frame at all."""
_LOST_EVERY, _JUST_LOST = 5, 5
"""Frames between searches for a face that is missing; one that has just been lost is sought in
every frame."""
_ALL = 1000
_HEAD = 1.25
"""Size of the ring that holds a head with its ears and hair."""
_UNCONFIRMED = 3
"""Frames for which a followed face is drawn over that the detector does not find."""
_SAME, _ON_FACE = 0.5, 0.2
"""What the detector finds is a face that is followed if the middles of the two heads are no
farther apart, in sizes of a head; and the fit lies on the face if they are no farther than that."""
_LEAST = 0.65
"""Size of the head of such a fit in those of what the detector found: .75 to .85 as a rule, since
that has a margin."""


@dataclass(frozen=True, eq=False)
class Cover:
    """What hides the faces of a frame.

    Parameters
    ----------
    faces : tuple of ndarray, shape (N, 2)
        Landmarks of the faces to be drawn over ...
    shapes : tuple of ndarray, shape (N, 2)
        ... and of the face that is drawn over each.
    places : tuple of ndarray, shape (4,)
        Boxes (left, top, right, bottom) to be covered.
    """

    faces: tuple[Points, ...] = ()
    shapes: tuple[Points, ...] = ()
    places: tuple[NDArray[np.float64], ...] = ()

    @classmethod
    def of(cls, faces: Iterable[TrackedFace], own: OwnShapes, places: Iterable[Place]) -> Cover:
        """Return the one that draws over these faces, without what is their own."""
        known = list(faces)
        shapes = tuple(own.without(face) for face in known)
        return cls(tuple(face.fit.points for face in known), shapes, tuple(places))

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
        Whether somebody is waiting: then a missing face is not sought, but of every second frame a
        part is searched by all means.
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
        self._confirmed: dict[int, tuple[int, Place]] = {}
        self._hold = round(HOLD_INSIDE * rate)
        self.chains = Chains(max(rate, _LEAST_RATE), picture)

    def look(
        self, number: int, image: Image, tracked: Sequence[TrackedFace], *, thorough: bool
    ) -> tuple[TrackedFace, ...]:
        """Look at the next frame.

        Parameters
        ----------
        number : int
            Of the frame, from 0, rising.
        image : ndarray of uint8, shape (H, W, 3)
            RGB.
        tracked : sequence of TrackedFace
            The faces that a tracker follows in it.
        thorough : bool
            Whether to search it by all means, for small, dark and tilted faces too.

        Returns
        -------
        tuple of TrackedFace
            Those to be drawn over.
        """
        boxes = self._find(number, image, len(tracked), thorough)
        faces, sightings, known = [], [], set()
        for face in tracked:
            ring = self._head.ring_of(face.fit.points)
            own = [k for k, box in enumerate(boxes) if _is_same(ring, box)]
            known.update(own)
            sightings.append(self._sighting(number, face, ring, [boxes[k] for k in own]))
            if sightings[-1].drawn_over:
                faces.append(face)
        others = [head_of_box(box) for k, box in enumerate(boxes) if k not in known]
        self.chains.add(number, [*sightings, *map(Sighting, others)])
        return tuple(faces)

    def _sighting(
        self, number: int, face: TrackedFace, ring: Points, boxes: Sequence[FaceBox]
    ) -> Sighting:
        """Say where a followed face is, given what the detector found there.

        A fit may slip off the face and go on elsewhere, sure of itself: one that the detector does
        not confirm is drawn over for a few frames only, and then covered with where it was.
        """
        place = place_of(ring)
        for box in boxes:
            place = union(place, head_of_box(box))
        if boxes or face.id not in self._confirmed:
            self._confirmed[face.id] = number, place
        confirmed_at, there = self._confirmed[face.id]
        unconfirmed = number - confirmed_at
        if self._draw_over and unconfirmed <= _UNCONFIRMED and _is_sure(face, ring, boxes):
            return Sighting(place, face.id, drawn_over=True)
        return Sighting(union(place, there) if unconfirmed <= self._hold else place, face.id)

    def _find(self, number: int, image: Image, tracked: int, thorough: bool) -> list[FaceBox]:
        """Search quickly, or by all means where that is asked for or a face is missing."""
        if thorough:
            return find_faces(self._detector, self._model, image, wanted=_ALL)
        if self._live:
            if number % 2:
                return self._detector.detect_part(image, number // 2)
            return self._detector.detect(image, wanted=0)
        expected = self.chains.expected(number)
        lost = expected[: max(0, len(expected) - tracked)]
        urgent = bool(lost) and (lost[-1] <= _JUST_LOST or number % _LOST_EVERY == 0)
        return self._detector.detect(image, wanted=len(expected) if urgent else 0)


def _is_same(ring: Points, box: FaceBox) -> bool:
    """Whether a found face is the one with this ring round its head."""
    return apart(place_of(ring), head_of_box(box)) <= _SAME


def _is_sure(face: TrackedFace, ring: Points, boxes: Sequence[FaceBox]) -> bool:
    """Whether a fit lies on the face: it says so, and so does what the detector found there."""
    place, heads = place_of(ring), [head_of_box(box) for box in boxes]
    there = all(apart(place, head) <= _ON_FACE for head in heads)
    large = all(_LEAST < size(place) / size(head) < 1 / _LEAST for head in heads)
    return there and large and face.fit.predicted_error <= FAILURE
