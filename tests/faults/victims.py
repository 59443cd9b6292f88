"""What is done to a project until it is interrupted: one function a scenario.

A victim says what it is about to do (``will``) and, as soon as the public call has returned, what
was reported to be saved. Whoever checks takes it at its word.
"""

from __future__ import annotations

import hashlib
import random
import tempfile
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets import (
    Annotation,
    FaceloopError,
    FaceTrack,
    FrameCandidate,
    FrameKind,
    PointState,
    Project,
    QueueEntry,
    Revision,
    Track,
    Verdict,
)
from faceloop_datasets.formats import write_faces
from faceloop_datasets.sample import sample_faces
from faceloop_datasets.tracks.editing import judge
from faceloop_datasets.workers import Threads
from faceloop_runtime import FaceModel
from faceloop_runtime.geometry import Similarity
from faceloop_trainer import TrainingConfig
from faceloop_workbench.annotate.editor import FaceEditor
from faceloop_workbench.services import training
from faceloop_workbench.services.many_videos import VideoRow, track_many
from faceloop_workbench.services.model_choice import find_model
from faceloop_workbench.services.tracking import queue_frames, track_video
from faceloop_workbench.services.video_files import find_videos
from faceloop_workbench.services.video_job import TrackSettings
from faceloop_workbench.services.video_results import KeptTracks, TableFolder
from faceloop_workbench.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceloop_datasets import Media

VERDICTS = (Verdict.ACCEPTED, Verdict.REJECTED, Verdict.NONE)
QUICK = TrainingConfig(channels=("gradient",), components=6, mirror=False, holdout=0.0)


@dataclass
class Victim:
    """What a scenario works with."""

    folder: Path
    seed: int
    say: Callable[..., None]
    mend: Callable[[], None]
    rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)  # noqa: S311 - it shall be repeatable

    @property
    def outside(self) -> Path:
        """Folder beside the project, with what is brought in."""
        return self.folder.parent / "outside"

    def saved(self, revision: Revision) -> None:
        self.say(item=revision.item_id, revision=revision.id, digest=digest(revision.annotation))


def digest(annotation: Annotation) -> str:
    """Identity of all that is saved of an annotation, byte for byte."""
    parts = (annotation.points.tobytes(), annotation.states.tobytes(), annotation.source.encode())
    return hashlib.sha256(b"|".join(parts)).hexdigest()


def scribble(rng: random.Random) -> Annotation:
    """Make a face that nobody has."""
    random_ = np.random.default_rng(rng.getrandbits(32))
    return Annotation("face70", random_.uniform(0, 400, (70, 2)), random_.integers(0, 4, 70), "x")


def nudge(rng: random.Random, annotation: Annotation) -> Annotation:
    """Move the points of a face a little: nobody has this one either, and it can be trained on."""
    random_ = np.random.default_rng(rng.getrandbits(32))
    points = annotation.points + random_.normal(0, 0.5, annotation.points.shape)
    return replace(annotation, points=points)


# Annotating, by what is behind the window


def annotate(victim: Victim, edits: int = 60) -> None:
    """Edit faces as a person does; each saved change is said."""
    session = Session()
    editor = FaceEditor(session)
    session.saved.connect(victim.saved)
    session.told.connect(lambda m: victim.say(told=m.text, level=m.level))
    editor.save_status_changed.connect(lambda kept: victim.say(kept=kept.kind, why=kept.why))
    session.open(Project.open(victim.folder))
    victim.say(opened=True)
    items = session.need_project().items()
    undo: list[object] = []
    editor.edited.connect(lambda before, _after, _what: undo.append(before))
    session.show(victim.rng.choice(items))
    for _ in range(edits):
        if victim.rng.random() < 0.15:
            session.show(victim.rng.choice(items))
            undo.clear()
        _edit(editor, victim.rng, undo)
        editor.synchronise()
    victim.mend()
    editor.synchronise()
    victim.say(finally_=editor.save_status.kind)
    session.close()


def _edit(editor: FaceEditor, rng: random.Random, undo: list) -> None:
    editor.select(rng.sample(range(70), rng.choice((1, 1, 3))))
    place = np.array([rng.uniform(0, 300), rng.uniform(0, 300)])
    move = Similarity(tx=rng.uniform(-5, 5), ty=rng.uniform(-5, 5))
    what = rng.choice(("drag", "drag", "drag", "move", "hide", "take", "right", "undo", "accept"))
    editor.assisted = rng.random() < 0.3
    if what == "drag":
        editor.drag(editor.selection[0], place)
        editor.drop()
    elif what == "move":
        editor.transform(move)
        editor.drop()
    elif what == "undo" and undo:
        editor.restore(undo.pop(), "Undo")
    else:
        {"hide": editor.toggle_occluded, "take": editor.remove, "right": editor.confirm}.get(
            what, editor.accept
        )()


def save(victim: Victim, count: int = 40) -> None:
    """Save faces by the public interface, and go on after an error once it can be written."""
    with Project.open(victim.folder) as project:
        victim.say(opened=True)
        items = project.items()
        for number in range(count):
            item = project.item(victim.rng.choice(items).id)
            mine = scribble(victim.rng)
            victim.say(will="save", item=item.id, digest=digest(mine))
            try:
                victim.saved(project.save(item.id, mine, item.head, "ann"))
            except FaceloopError as error:
                victim.say(refused=str(error), number=number)
                break
        victim.mend()
        item = project.item(items[0].id)
        victim.saved(project.save(item.id, scribble(victim.rng), item.head, "ann"))
        victim.say(went_on=True)


def confirm(victim: Victim, rounds: int = 6) -> None:
    """Confirm a point in all faces at once, and take it back, again and again."""
    with Project.open(victim.folder) as project:
        heads = [project.annotation(item.id) for item in project.items()]
        for head in (head for head in heads if head is not None):
            states = head.annotation.states.copy()
            states[7] = PointState.ESTIMATED
            estimated = replace(head.annotation, states=states)
            victim.saved(project.save(head.item_id, estimated, head.id))
        for _ in range(rounds):
            victim.say(will="confirm")
            batch = project.confirm_points([7])
            victim.say(estimated=0, of=batch.faces)
            victim.say(will="undo")
            faces = project.undo_batch(batch)
            victim.say(estimated=faces, of=batch.faces)


def label(victim: Victim, steps: int = 40) -> None:
    """Say what faces express, some at a time."""
    with Project.open(victim.folder) as project:
        items = [item.id for item in project.items()]
        for number in range(steps):
            chosen = victim.rng.sample(items, 5)
            victim.say(will="label", items=chosen)
            project.set_expression(chosen, f"label {number}")
            victim.say(labelled=chosen, label=f"label {number}")


# The review queue


def queue(victim: Victim, steps: int = 60) -> None:
    """Put faces in, claim, close, skip, release them; the video's frames too."""
    rng = victim.rng
    with Project.open(victim.folder) as project:
        items = [item.id for item in project.items()]
        (video,) = [m for m in project.media() if m.kind == "video"]
        for step in range(steps):
            what = rng.choice(("add", "next", "next", "done", "skip", "release", "frames"))
            if what == "frames":
                _frames(victim, project, video, step)
                continue
            victim.say(will=what)
            entry = _step(project, what, rng, items)
            if entry is not None:
                victim.say(entry=entry.id, item=entry.item_id, **_state(entry))
            else:
                victim.say(nothing=True)


def _state(entry: QueueEntry) -> dict[str, object]:
    reasons = [[*why[:-1], list(why.points)] for why in entry.reasons]
    return {
        "state": [entry.status, entry.author, entry.said, reasons],
        "fit": None if entry.fit is None else digest(entry.fit),
    }


def _step(project: Project, what: str, rng: random.Random, items: list[int]) -> QueueEntry | None:
    queue = project.queue
    if what == "add":
        fit = np.random.default_rng(rng.getrandbits(32)).uniform(0, 300, (70, 2))
        reason = rng.choice(("manual", "poor-fit", "label-check"))
        error, points = round(rng.random(), 3), rng.sample(range(70), 2)
        return queue.add(
            rng.choice(items), reason, predicted_error=error, fit=fit, note="n", points=points
        )
    if what == "next":
        return queue.next(f"ann{rng.randrange(3)}")
    entries = queue.list(None)
    if not entries:
        return None
    number = rng.choice(entries).id
    return {"done": queue.done, "skip": lambda n: queue.skip(n, "why"), "release": queue.release}[
        what
    ](number)


def _frames(victim: Victim, project: Project, video, step: int) -> None:
    random_ = np.random.default_rng(victim.rng.getrandbits(32))
    chosen = random_.choice(video.frames, 4, replace=False)
    candidates = [
        FrameCandidate(int(f), f / 25, random_.uniform(0, 300, (70, 2)), random_.random(), step)
        for f in chosen
    ]
    victim.say(will="frames")
    for entry in project.queue.add_frames(video, candidates, model="m"):
        victim.say(entry=entry.id, item=entry.item_id, **_state(entry))


# Tracks


def tracks(victim: Victim, steps: int = 30) -> None:
    """Keep the track of a video, judge its frames, take that back and do it again."""
    rng = victim.rng
    with Project.open(victim.folder) as project:
        (video,) = [m for m in project.media() if m.kind == "video"]
        victim.say(will="track")
        kept = project.keep_track(_made_up(video, rng.getrandbits(32)))
        victim.say(track=kept.written)
        for step in range(steps):
            victim.say(will="track")
            if step % 5 == 4:
                project.undo_track(video) if rng.random() < 0.5 else project.redo_track(video)
                history = project.track_history(video)
                assert history is not None
            else:
                first = rng.randrange(kept.track.frames)
                judged = judge(kept.track, 0, first, kept.track.frames - 1, rng.choice(VERDICTS))
                history = project.keep_track(kept.did(judged, f"step {step}"))
            kept = history
            victim.say(track=kept.written)


def _made_up(video: Media, seed: int) -> Track:
    assert video.frames is not None
    seen, frames = FaceTrack.unseen(0, video.frames, 70), slice(None)
    points = np.random.default_rng(seed).uniform(0, 300, (video.frames, 70, 2))
    face = seen.with_rows(frames, points=points).with_rows(
        frames, kind=np.full(video.frames, FrameKind.FITTED, np.uint8)
    )
    times = np.arange(video.frames) / 25
    return Track(video.sha256, "face70", "made up", 25.0, times, (face,), ())


# Importing


def create(victim: Victim) -> None:
    """Make a project with faces in it."""
    victim.say(will="create")
    with Project.create(victim.folder) as project:
        victim.say(created=True)
        report = project.import_entries("sample", _faces(24), scheme="face70", copy=True)
        victim.say(imported="sample", new=report.new)


def _faces(count: int):
    return islice(sample_faces(), count)


def bring(victim: Victim) -> None:
    """Import an archive, then its changed version, then pictures, one by one."""
    with Project.open(victim.folder) as project:
        for table in ("before", "after"):
            sources = sorted(victim.outside.glob("muct-a*.tar.gz"))
            sources.append(victim.outside / table / "muct-landmarks-v1.tar.gz")
            victim.say(will="import", which=table)
            report = project.import_from("muct", sources)
            victim.say(imported=table, new=report.new, updated=report.updated)
        for path in sorted((victim.outside / "pictures").glob("*.jpg")):
            media = project.add_media(path, copy=True)
            victim.say(media=media.id, sha256=media.sha256)
            item = project.add_item(media)
            victim.say(made=item.id, name=item.name)
            mine = scribble(victim.rng)
            victim.saved(project.save(item.id, mine, None))


# Models


def models(victim: Victim, rounds: int = 8) -> None:
    """Bring models in, take them into use, note them."""
    with Project.open(victim.folder) as project:
        files = sorted(victim.outside.glob("models-*/*.safetensors"))
        for number in range(rounds):
            victim.say(will="model")
            record = project.add_model(victim.rng.choice(files), {"nme": number})
            victim.say(model=record.id, sha256=record.sha256)
            victim.say(will="use", which=record.id)
            project.use_model(record.id)
            victim.say(used=record.id)
            if victim.rng.random() < 0.3:
                victim.say(will="use", which=None)
                project.use_starter()
                victim.say(used=None)
            project.note_model(record.id, f"note {number}")
            victim.say(noted=record.id, note=f"note {number}")


def train(victim: Victim) -> None:
    """Train, and train again: the second is compared with the first."""
    with Project.open(victim.folder) as project:
        for seed in (0, 1):
            victim.say(will="train")
            trained = training.train_into(project, replace(QUICK, seed=seed))
            victim.say(model=trained.record.id, sha256=trained.record.sha256)
            if trained.in_use:
                victim.say(used=trained.record.id)


def retrain(victim: Victim) -> None:
    """End a training, again and again: compare, register, take into use.

    The training itself takes most of the time and writes nothing; its result was made before. Each
    is said to be measured on other faces: the very same would be registered once.
    """
    training.train = lambda _project, config, **_options: replace(
        _TRAINED["result"], inputs=f"seed {config.seed}"
    )
    train(victim)


_TRAINED: dict[str, Any] = {}


def prepare(scenario: str) -> None:
    """Do what takes long before the victim is forked."""
    if scenario != "retrain" or _TRAINED:
        return
    with tempfile.TemporaryDirectory() as folder, Project.create(Path(folder) / "p") as project:
        project.import_entries("sample", _faces(16), scheme="face70", copy=True)
        _TRAINED["result"] = training.train(project, QUICK)


# Files that are made from a project


def outputs_of(project: Path) -> Path:
    """Folder for them: beside the project, with its name first: calls fail there too."""
    return project.with_name(f"{project.name} made")


def track(victim: Victim) -> None:
    """Track a clip into a table, a video and the queue, twice under the same names."""
    made = outputs_of(victim.folder)
    made.mkdir(exist_ok=True)
    with Project.open(victim.folder) as project:
        for _ in range(2):
            victim.say(will="track")
            result = track_video(
                FaceModel.starter(),
                victim.outside / "short.mp4",
                points=made / "points.parquet",
                overlay=made / "overlay.mp4",
            )
            victim.say(tracked=result.summary.frames)
            for entry in queue_frames(project, result, "starter"):
                victim.say(entry=entry.id, item=entry.item_id, **_state(entry))


def many(victim: Victim) -> None:
    """Track all videos outside into tables and the project, then the same again, and otherwise."""
    for faces in (1, 1, 2):
        victim.say(will="many")
        for row in track_into(victim.folder, victim.outside, faces):
            if row.error is not None:
                victim.say(refused=row.error)
            victim.say(row=row.status, faces=faces)


def track_into(project: Path, videos: Path, faces: int) -> list[VideoRow]:
    """Track videos as ``faceloop track`` does, in this process."""
    settings = TrackSettings.of(find_model("starter", None), max_faces=faces)
    folder = outputs_of(project) / "tables"
    with Project.open(project) as opened:
        tables = TableFolder(folder, settings, ".csv")
        tracks = KeptTracks(opened, settings.model.load(), settings)
        workers, found = Threads(1), find_videos([videos])
        return list(track_many(found, settings, workers, tables=tables, tracks=tracks))


def export(victim: Victim) -> None:
    """Write all faces to files, again and again under the same names."""
    made = outputs_of(victim.folder)
    made.mkdir(exist_ok=True)
    with Project.open(victim.folder) as project:
        scheme = project.scheme
        for number in range(3):
            for name, target in (("clmtools", "faces.csv"), ("parquet", "faces.parquet")):
                write_faces(name, project.records(), made / target, scheme=scheme)
                victim.say(wrote=target, number=number)


# Older projects


def migrate(victim: Victim) -> None:
    """Open a project of an older version."""
    victim.say(will="migrate")
    Project.open(victim.folder).close()
    victim.say(migrated=True)
