"""What one of CVAT's XML files says of all its faces: their points, pictures, tasks and videos."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ._kept import kept_by_version
from ._point_names import is_number, ordered, said_names
from ._xml import around, elements

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from faceloop_datasets.schemes.scheme import Scheme

SHAPES = ("skeleton", "points")


class Kind(NamedTuple):
    """What a shape is: a skeleton of a label, so many points in order, or a single point."""

    shape: str
    count: int = 0
    label: str = ""


class Points(NamedTuple):
    """Points of faces. Skeletons of several labels are told apart where names are but numbers."""

    shape: str
    names: tuple[str, ...]
    label: str = ""


def kind_of(shape: Element) -> Kind:
    """Say what a shape is."""
    if shape.tag == "skeleton":
        return Kind("skeleton", 0, label_of(shape))
    count = shape.get("points", "").count(";") + 1
    return Kind("points", count) if count > 1 else Kind("single")


def label_of(shape: Element) -> str:
    """Label of a shape, which is that of its track if it is in one."""
    return shape.get("label") or around(shape, "label")


@dataclass
class Outline:
    """What a file says of all faces.

    Attributes
    ----------
    sources : dict of str to str
        Name of the video, or of what else pictures came in, by the task; empty for the whole file.
    tasks : dict of str to set of str
        Tasks whose tracks are in a subset.
    pictures : dict of str to sequence of (str, str)
        Subsets and tasks that have a picture of a name.
    """

    names: dict[Kind, dict[str, None]] = field(default_factory=dict)
    kinds: Counter[Kind] = field(default_factory=Counter)
    labels: dict[Kind, str] = field(default_factory=dict)
    said: tuple[str, tuple[str, ...]] | None = None
    sources: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, set[str]] = field(default_factory=dict)
    pictures: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)

    def points_of(self, kind: Kind) -> Points:
        """Points of the faces of a kind."""
        if kind.shape == "points":
            return Points("points", tuple(str(place) for place in range(kind.count)))
        names = ordered(self.names.get(kind, {}))
        return Points(kind.shape, names, kind.label if all(map(is_number, names)) else "")

    def kinds_of(self, scheme: Scheme) -> tuple[frozenset[Kind], tuple[str, ...]]:
        """Kinds whose shapes are faces of a scheme, and how their points are called."""
        points = most_common((self,), scheme)
        if points is None:
            return frozenset(), ()
        return frozenset(self.kinds_like(points)), points.names

    def kinds_like(self, points: Points) -> list[Kind]:
        """Kinds whose shapes have some points, the first of the file first."""
        return [kind for kind in self.kinds if self.points_of(kind) == points]

    def source_of(self, task: str) -> str | None:
        """Name of what a task was made of; empty if the file does not say, None if of which."""
        if task in self.sources:
            return self.sources[task]
        found = {source for source in self.sources.values() if source}
        if len(found) > 1:
            return None
        several = len(set().union(*self.tasks.values())) > 1
        return "" if task and several else next(iter(found), "")

    def note(self, shape: Element) -> None:
        """Take in a shape."""
        kind = kind_of(shape)
        self.kinds[kind] += 1
        self.labels.setdefault(kind, label_of(shape))
        if kind.shape == "skeleton":
            inside = ((one.get("label", ""), None) for one in shape.findall("points"))
            self.names.setdefault(kind, {}).update(inside)
        elif kind.shape == "single":
            self.names.setdefault(kind, {})[label_of(shape)] = None

    def note_image(self, image: Element) -> None:
        """Take in a picture and what is in it."""
        place, known = place_of(image), self.pictures.get(image.get("name", ""), ())
        if place not in known:
            self.pictures[image.get("name", "")] = (*known, place)
        for shape in image:
            if shape.tag in SHAPES:
                self.note(shape)

    def note_meta(self, meta: Element) -> None:
        """Take in what stands before the faces."""
        self.said = said_names(meta.findtext(".//name") or "")
        tasks = list(meta.iter("task"))
        for task in tasks:
            source = task.findtext("source")
            if source:
                self.sources[(task.findtext("id") or "").strip()] = source.strip()
        if len(tasks) <= 1 and (whole := meta.findtext("source")):
            self.sources[""] = whole.strip()


def place_of(image: Element) -> tuple[str, str]:
    """Subset and task of a picture; empty where it says none."""
    return image.get("subset", "").strip(), image.get("task_id", "").strip()


def track_place(shape: Element) -> tuple[str, str]:
    """Subset and task of the track that a shape is of; empty where it says none."""
    return around(shape, "subset").strip(), around(shape, "task_id").strip()


@kept_by_version(Outline)
def outline_of(path: Path) -> Outline:
    """Outline of a file."""
    outline = Outline()
    for element in elements(path, ("meta", "image", *SHAPES)):
        if element.tag == "meta":
            outline.note_meta(element)
        elif element.tag == "image":
            outline.note_image(element)
        else:  # of a track, which may be of any length
            outline.note(element)
            subset, task = track_place(element)
            outline.tasks.setdefault(subset, set()).add(task)
    return outline


def most_common(outlines: Sequence[Outline], scheme: Scheme | None = None) -> Points | None:
    """Points that most faces have, of those that a scheme has; skeletons before all others."""
    found = Counter[Points]()
    for outline in outlines:
        for kind, count in outline.kinds.items():
            points = outline.points_of(kind)
            if points.names and (scheme is None or _fits(points, scheme)):
                found[points] += count
    skeletons = Counter({p: count for p, count in found.items() if p.shape == "skeleton"})
    best = (skeletons or found).most_common(1)
    return best[0][0] if best else None


def _fits(points: Points, scheme: Scheme) -> bool:
    """Whether points are those of a scheme; numbers mean its own if there are as many."""
    numbers, as_many = _are_numbers(points.names), len(points.names) == len(scheme)
    if set(points.names) <= set(scheme.names):
        return as_many or not numbers or points.shape == "single"
    return numbers and as_many


def _are_numbers(names: Iterable[str]) -> bool:
    return all(map(is_number, names))
