"""Making blind rounds, adding what somebody annotated elsewhere, and what a round comes to."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import Annotation, FaceloopError, InputError, Monitor, PointState
from faceloop_datasets.files import REPORTS, as_file_name
from faceloop_datasets.formats import read_faces, source_scheme
from faceloop_datasets.formats.record import FaceRecord
from faceloop_datasets.staging import content_hash
from faceloop_datasets.store.bulk import NewRevision
from faceloop_datasets.wording import counted
from faceloop_runtime import Fitter
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.imaging.pictures import as_gray
from faceloop_runtime.start.finding import find_faces
from faceloop_trainer.agreement.agreement import agreement
from faceloop_trainer.agreement.consensus import LIMIT, consensus
from faceloop_trainer.report.agreement_page import write_agreement

from .finding import AUTOMATIC
from .picture_cache import PictureCache

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from faceloop_datasets import Batch, Face, Item, ProgressLike, Project
    from faceloop_datasets.store.rounds import BlindAnnotation, BlindRound
    from faceloop_trainer.agreement.agreement import Agreement

    from .model_choice import ChosenModel

    Points = NDArray[np.float64]


_KIND = "consensus"


def choose_faces(project: Project, count: int, seed: int = 0) -> list[int]:
    """Choose faces with pictures at random, as many of each subject as can be.

    Subjects are drawn too: each comes once before any comes twice.

    Parameters
    ----------
    project : Project
        Where the faces are.
    count : int
        How many; all, if there are fewer.
    seed : int
        Of the choice.
    """
    rng = np.random.default_rng(seed)
    by_subject: dict[str, list[int]] = defaultdict(list)
    for item in project.items():
        if item.media_id is not None and not item.removed:
            by_subject[item.subject or item.name].append(item.id)
    waiting = [list(rng.permutation(items)) for _, items in sorted(by_subject.items())]
    chosen: list[int] = []
    while waiting and len(chosen) < count:
        chosen += [int(waiting[k].pop()) for k in rng.permutation(len(waiting))]
        waiting = [items for items in waiting if items]
    return chosen[:count]


def make_round(
    project: Project,
    name: str,
    annotators: Sequence[str],
    items: Sequence[int],
    model: ChosenModel,
    *,
    from_mean: bool = False,
    chosen: str = "",
    author: str,
    progress: ProgressLike = None,
) -> BlindRound:
    """Make a round; everybody's points start from the same fit, or from the mean shape.

    A face that is annotated is looked for where its points are, any other where it is found.

    Parameters
    ----------
    project : Project
        Where the faces are.
    name : str
        What the round is called.
    annotators : sequence of str
        Who annotates.
    items : sequence of int
        The faces.
    model : ChosenModel
        Whose fits, or whose mean shape, it is.
    from_mean : bool
        Start from the mean shape.
    chosen : str
        How the faces were chosen, for people.
    author : str
        Who makes it.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work between steps.

    Raises
    ------
    FaceloopError
        If a face was removed, has no picture or is not found in it, or a name cannot be used.
    Cancelled
        If the monitor stopped it; no round was made.
    """
    monitor, starts = Monitor.of(progress), {}
    fitter, annotated = Fitter(model.model), {face.item_id: face for face in project.faces()}
    with closing(PictureCache(project)) as pictures:
        for done, number in enumerate(items):
            monitor.step(done, len(items), "placing the points of the round")
            item = project.item(number)
            if item.removed:
                raise InputError(
                    f"{item.name} (item {number}) was removed from the project. Bring it back "
                    "first (faceloop faces restore), or leave it out of the round."
                )
            known, picture = annotated.get(number), pictures.get(item)
            points = _start(item, picture, known, fitter, from_mean=from_mean)
            states = np.full(len(points), PointState.ESTIMATED)
            starts[number] = Annotation(project.scheme.name, points, states)
    start = f"the mean shape of {model.name}" if from_mean else f"the fit of {model.name}"
    return project.rounds.add(name, annotators, starts, start=start, chosen=chosen, author=author)


def add_file(
    project: Project, round_: BlindRound, source_format: str, files: Sequence[Path], author: str
) -> tuple[int, int]:
    """Take what somebody annotated elsewhere as this person's annotations of a round.

    A face is recognised by the content of its picture, or by the picture's name where it is not
    found; of several in one picture it is the nearest.

    Returns
    -------
    added, left : int
        Annotations that were added, and faces of the files that are not in the round.

    Raises
    ------
    InputError
        If none is in the round, or a file cannot be read.
    SchemeError
        If the format's points cannot be converted to the project's.
    """
    conversion = project.conversion_from_file(source_scheme(source_format, files))
    places, starts = _places(project, round_), project.rounds.starts(round_)
    added: dict[int, Annotation] = {}
    left = 0
    for record in read_faces(source_format, files):
        if not isinstance(record, FaceRecord):
            continue
        made = conversion.apply(record.annotation)
        there = [k for k in places.get(_key(record), ()) if k not in added]
        if not there:
            left += 1
            continue
        nearest = min(there, key=lambda k: _apart(starts[k], made))
        added[nearest] = made
    if not added:
        raise InputError(
            f"{files[0]}: none of its {counted(left, 'face')} is in the round {round_.name}. "
            "Expected annotations of the same pictures."
        )
    for item, annotation in added.items():
        project.rounds.save(round_, item, author, annotation)
    return len(added), left


def without_removed(project: Project, round_: BlindRound) -> tuple[BlindRound, int]:
    """Leave the faces out that were removed from the project since.

    Returns
    -------
    round, left_out : BlindRound, int
        The round with the faces that are there, and how many are not.
    """
    items = tuple(item for item in round_.items if not project.item(item).removed)
    return replace(round_, items=items), len(round_.items) - len(items)


def removed_text(left_out: int) -> str:
    """Say how many faces were left out; nothing if none was."""
    if not left_out:
        return ""
    verb = "was" if left_out == 1 else "were"
    return f"{counted(left_out, 'face')} left out that {verb} removed from the project"


def done_by(project: Project, round_: BlindRound) -> dict[str, int]:
    """How many faces of a round each person has annotated; first those who are to.

    Faces that were removed from the project do not count.
    """
    counts: dict[str, set[int]] = {name: set() for name in round_.annotators}
    for one in _annotations(project, round_):
        if _placed(one.annotation).any():
            counts.setdefault(one.author, set()).add(one.item_id)
    return {name: len(items) for name, items in counts.items()}


def compare(project: Project, round_: BlindRound) -> Agreement:
    """Compare all who annotated faces of a round.

    A point that nobody has placed, since it is still where it started, does not count, nor does a
    face that was removed from the project.

    Raises
    ------
    TrainingError
        If no face was annotated by two people.
    """
    round_, _ = without_removed(project, round_)
    size = (len(round_.items), len(project.scheme), 2)
    people = [name for name, count in done_by(project, round_).items() if count]
    points = np.full((len(people), *size), np.nan)
    before = points.copy()
    place = {item: k for k, item in enumerate(round_.items)}
    for one in project.rounds.annotations(round_):
        at = people.index(one.author) if one.author in people else None
        if at is None or one.item_id not in place:
            continue
        k, here = place[one.item_id], _placed_points(one)
        if np.isfinite(points[at, k]).any() and not np.isfinite(before[at, k]).any():
            before[at, k] = points[at, k]
        points[at, k] = here
    starts = np.full(size, np.nan)
    for item, annotation in project.rounds.starts(round_).items():
        if item in place:
            starts[place[item]] = annotation.points
    return agreement(project.scheme, people, points, before, starts)


def report_round(project: Project, round_: BlindRound, folder: Path | None = None) -> list[Path]:
    """Write the page on a round, by default among the project's reports; the page is the first.

    Raises
    ------
    TrainingError
        If no face was annotated by two people.
    InputError
        If it cannot be written.
    """
    found = compare(project, round_)
    where = project.path / REPORTS / as_file_name(f"agreement {round_.name}")
    there, left_out = without_removed(project, round_)
    if left_out:
        there = replace(there, chosen=f"{there.chosen}; {removed_text(left_out)}")
    return write_agreement(found, there, project.name, folder or where)


def save_consensus(
    project: Project,
    round_: BlindRound,
    *,
    limit: float = LIMIT,
    author: str | None = None,
    progress: ProgressLike = None,
) -> tuple[Batch, dict[int, tuple[int, ...]]]:
    """Save what people agree on as the faces' own annotations; what is in doubt is queued.

    Faces that only one person annotated are left as they are, and so are removed ones.

    Returns
    -------
    batch : Batch
        What was saved; `faceloop_datasets.Project.undo_batch` takes it back.
    doubtful : dict of int to tuple of int
        By face, the points on which people differ by more than the limit.
    """
    newest: dict[int, dict[str, Annotation]] = defaultdict(dict)
    for one in _annotations(project, round_):
        if _placed(one.annotation).any():
            newest[one.item_id][one.author] = _only_placed(one.annotation)
    changes, doubtful = [], {}
    for item, by_person in newest.items():
        if len(by_person) < 2:
            continue
        made = consensus(
            project.scheme, list(by_person.values()), f"consensus:{round_.name}", limit
        )
        changes.append(NewRevision(item, made.annotation, project.item(item).head))
        if made.doubtful:
            doubtful[item] = made.doubtful
    action = _action(round_)
    batch = project.save_all(changes, kind=_KIND, action=action, author=author, progress=progress)
    for item, points in doubtful.items():
        note = f"annotators of {round_.name} differ by more than {100 * limit:.0f} %"
        project.queue.add(item, "disagreement", note=note, points=points)
    return batch, doubtful


def why_no_consensus(done: Mapping[str, int]) -> str:
    """Say why there is nothing to agree on; empty if there may be.

    Parameters
    ----------
    done : mapping of str to int
        How many faces each person has annotated: `done_by`.
    """
    people = sum(count > 0 for count in done.values())
    if people > 1:
        return ""
    whose = "only one person has" if people else "nobody has"
    return f"There is nothing to agree on: {whose} annotated faces of this round yet."


def why_no_undo(project: Project, round_: BlindRound) -> str:
    """Say why no consensus of a round can be taken back; empty if one can."""
    batch = project.last_batch(_KIND)
    if batch is None:
        return "No consensus was saved that could be taken back."
    if batch.action != _action(round_):
        return f"Only the last consensus can be taken back, and that is: {batch.action}."
    return ""


def undo_consensus(
    project: Project,
    round_: BlindRound | None = None,
    *,
    author: str | None = None,
    progress: ProgressLike = None,
) -> int:
    """Take the last consensus back; returns how many faces are as they were before.

    Parameters
    ----------
    project : Project
        Where it was saved.
    round_ : BlindRound, optional
        Whose it must be; by default it is taken back whosever it is.
    author : str, optional
        Who takes it back; by default the user of this computer.
    progress : Monitor or callable, optional
        Told each step.

    Raises
    ------
    InputError
        If there is none, it was taken back already, or the last one is another round's.
    """
    batch = project.last_batch(_KIND)
    if batch is None:
        raise InputError("There is no consensus in this project that could be taken back.")
    if round_ is not None and batch.action != _action(round_):
        raise InputError(
            f"The last consensus is not that of {round_.name}, but: {batch.action}. Only the last "
            "can be taken back; name its round."
        )
    return project.undo_batch(batch, author=author, progress=progress)


def _action(round_: BlindRound) -> str:
    return f"Consensus of the round {round_.name}"


def _annotations(project: Project, round_: BlindRound) -> list[BlindAnnotation]:
    """Return what was annotated of the faces that are still there."""
    there = set(without_removed(project, round_)[0].items)
    return [one for one in project.rounds.annotations(round_) if one.item_id in there]


def _start(
    item: Item,
    picture: NDArray[np.uint8],
    face: Face | None,
    fitter: Fitter,
    *,
    from_mean: bool,
) -> Points:
    model, mean = fitter.model, fitter.model.pdm.mean
    if face is not None and model.scheme.inter_ocular_distance(face.annotation.points) > 1.0:
        pose = Similarity.between(mean, face.annotation.points)
        return pose.apply(mean) if from_mean else fitter.fit_near(as_gray(picture), pose).points
    boxes = find_faces(AUTOMATIC.make_detector(), model, picture)
    if not boxes:
        raise FaceloopError(
            f"No face was found in {item.name}. Annotate it first, or leave it out of the round."
        )
    points = fitter.fit(picture, boxes[0]).points
    return Similarity.between(mean, points).apply(mean) if from_mean else points


def _places(project: Project, round_: BlindRound) -> dict[str, list[int]]:
    """Return the faces of a round by the content and by the name of their picture."""
    media = {one.id: one for one in project.media()}
    found: dict[str, list[int]] = defaultdict(list)
    for number in round_.items:
        item = project.item(number)
        if item.media_id is not None:
            one = media[item.media_id]
            for key in (one.sha256, one.name):
                found[f"{key}#{item.frame}"].append(number)
    return found


def _key(record: FaceRecord) -> str:
    image = record.image
    whole = image is not None and image.member is None and image.path.is_file()
    key = content_hash(image.path) if image is not None and whole else record.image_name
    return f"{key}#{record.frame}"


def _apart(start: Annotation, made: Annotation) -> float:
    apart = np.linalg.norm(start.points - made.points, axis=1)
    return float(np.nanmean(apart)) if np.isfinite(apart).any() else np.inf


def _placed(annotation: Annotation) -> NDArray[np.bool_]:
    """Points that a person has placed, or said to be right where they are."""
    return np.asarray(annotation.present & (annotation.states != PointState.ESTIMATED))


def _placed_points(one: BlindAnnotation) -> Points:
    return np.where(_placed(one.annotation)[:, None], one.annotation.points, np.nan)


def _only_placed(annotation: Annotation) -> Annotation:
    states = np.where(_placed(annotation), annotation.states, PointState.MISSING)
    return Annotation(annotation.scheme, annotation.points, states)
