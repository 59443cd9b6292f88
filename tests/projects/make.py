"""Make the project that shows later versions what today's tables look like.

Run it once for every version of the tables that is released, before the next one is begun, and
commit both files::

    python tests/projects/make.py

``vN.db`` is the database of a small project without pictures (its one picture is eight pixels
that `picture` writes again), ``vN.json`` is what is in it; ``vN-imported.db`` is one of faces that
`labels` writes again. ``test_upgrade.py`` opens them all.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from faceloop_datasets import Annotation, PointState, Project, RevisionConflict
from faceloop_datasets.sample import sample_faces
from faceloop_datasets.store.migrations import VERSION

HERE = Path(__file__).parent


def picture(path: Path, text: str = "") -> Path:
    """Write the picture of the project: the same bytes on every machine for the same text."""
    path.write_bytes(b"P6 4 2 255\n" + (text.encode() + bytes(range(24)))[:24])
    return path


def fill(project: Project, folder: Path) -> None:
    """Put one of everything into a project: corrections, a conflict, missing points, entries."""
    media = project.add_media(picture(folder / "picture.ppm"))
    for number, face in enumerate(islice(sample_faces(), 5)):
        item = project.add_item(
            media if number == 0 else None, name=face.name, subject=face.subject
        )
        points, states = face.annotation.points.copy(), face.annotation.states.copy()
        states[number] = PointState.MISSING
        first = save(project, item.id, points, states, None, source="import:sample")
        second = save(project, item.id, points + 1 / 3, states, first)
        if number == 1:  # somebody else saved meanwhile
            with suppress(RevisionConflict):
                save(project, item.id, points - 1 / 7, states, first)
        if number == 2:
            project.queue.add(
                item.id, "poor-fit", predicted_error=0.1, model="m", fit=points + 0.1, shot=2
            )
            project.queue.add(item.id, "label-check", note="Chin is moved.", points=[7])
        if number == 3:
            project.queue.skip(project.queue.add(item.id, "manual").id, "blurred", "ann")
        if number < 2:
            project.set_expression([item.id], "smile", "ann")
            project.set_expression([item.id], face.expression if number else "", "bert")
        save(project, item.id, points * 1.5, np.zeros_like(states), second)
    project.add_item(None, name="nobody yet", subject="nobody")
    model = folder / "model.safetensors"
    model.write_bytes(b"no real model")
    project.use_model(project.add_model(model, {"nme_mean": 0.05}, "a note").id)


def labels(folder: Path) -> list[Path]:
    """Write annotations to import: two folders with files of equal names; returns the folders."""
    folders = [folder / "labels" / name for name in ("ann", "bert")]
    for number, inside in enumerate(folders):
        inside.mkdir(parents=True)
        for name in ("f1", "f2"):
            picture(inside / f"{name}.ppm", f"{number}{name}")
            rows = [
                f"{10.5 * k + number} {k * k / 8 + 3 * int(name[1]) + number}" for k in range(68)
            ]
            text = "\n".join(["version: 1", "n_points: 68", "{", *rows, "}", ""])
            (inside / f"{name}.pts").write_text(text, encoding="utf-8")
    return folders


def save(
    project: Project,
    item: int,
    points: Any,
    states: Any,
    base: int | None,
    *,
    source: str = "manual",
) -> int:
    """Save one revision; returns its number."""
    annotation = Annotation("face70", points, states, source)
    return project.save(item, annotation, base, "ann").id


def describe(project: Project) -> dict[str, Any]:
    """Everything that a project holds, as plain values, numbers to the last bit."""
    return {
        "scheme": project.scheme.to_toml(),
        "items": [
            {
                "id": item.id, "media": item.media_id, "frame": item.frame, "name": item.name,
                "subject": item.subject, "origin": item.origin, "head": item.head,
                "removed": item.removed,
                "expressions": [
                    [one.label, one.author, one.created.isoformat()]
                    for one in project.expression_history(item.id)
                ],
                "history": [
                    {
                        "id": r.id, "based_on": r.based_on, "author": r.author,
                        "source": r.annotation.source, "created": r.created.isoformat(),
                        "states": r.annotation.states.tolist(),
                        "points": np.nan_to_num(r.annotation.points, nan=-1e9).tolist(),
                    }
                    for r in project.history(item.id)
                ],
            }
            for item in project.items()
        ],
        "media": [
            {k: v for k, v in vars(media).items() if k not in ("absolute", "older")}
            for media in project.media()
        ],
        "queue": [
            {
                "id": entry.id, "item_id": entry.item_id, "model": entry.model,
                "status": entry.status, "author": entry.author, "time": entry.time,
                "shot": entry.shot, "said": entry.said,
                "reasons": [why._asdict() for why in entry.reasons],
                "fit": None if entry.fit is None else np.nan_to_num(entry.fit.points).tolist(),
            }
            for entry in project.queue.list(None)
        ],
        "models": [
            {"name": m.name, "sha256": m.sha256, "metrics": dict(m.metrics), "note": m.note,
             "pinned": m.pinned}
            for m in project.models()
        ],
        "active": project.active_model.name if project.active_model else None,
    }  # fmt: skip


def described(name: str) -> dict[str, Any]:
    """Read what a kept project held, as `describe` says it of the same project today."""
    found: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    found["queue"] = [_entry_of_today(entry) for entry in found["queue"]]
    # Before 4 nobody could say what a face expresses, before 5 nothing was taken out or pinned.
    found["items"] = [{"expressions": [], "removed": False, **item} for item in found["items"]]
    found["media"] = [{"display": "", **media} for media in found["media"]]
    found["models"] = [{"pinned": False, **model} for model in found["models"]]
    return found


def _entry_of_today(entry: dict[str, Any]) -> dict[str, Any]:
    """Say of an entry of any version what `describe` says; before 3 it had one reason."""
    if "reasons" in entry:
        return entry
    rest = {k: v for k, v in entry.items() if k not in ("reason", "predicted_error", "note")}
    skipped = entry["status"] == "skipped"
    why = {
        "reason": entry["reason"], "predicted_error": entry["predicted_error"],
        "note": "" if skipped else entry["note"], "points": [],
    }  # fmt: skip
    return {**rest, "said": entry["note"] if skipped else "", "reasons": [why]}


def main() -> None:
    """Make both files of today's version."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with Project.create(folder / "project") as project:
            fill(project, folder)
            found = describe(project)
        keep(folder / "project", f"v{VERSION}")
        with Project.create(folder / "imported", scheme="ibug68") as project:
            for source in labels(folder):
                project.import_from("ibug", [source])
        keep(folder / "imported", f"v{VERSION}-imported")
    (HERE / f"v{VERSION}.json").write_text(json.dumps(found) + "\n", encoding="utf-8")


def keep(project: Path, name: str) -> None:
    """Keep the database of a project, without the folder it was made in: nobody's business."""
    database = sqlite3.connect(project / "project.db", isolation_level=None)
    database.execute("UPDATE media SET absolute = '/nowhere/' || path")
    database.execute("PRAGMA journal_mode=DELETE")
    database.execute("VACUUM")
    database.close()
    shutil.copyfile(project / "project.db", HERE / f"{name}.db")


if __name__ == "__main__":
    main()
