"""Projects to do things to, and what must be true of them afterwards."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import tarfile
from contextlib import closing, suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from tests.projects import make
from victims import digest, outputs_of, track_into

from faceloop_datasets import Project, ProjectError, Video, write_video
from faceloop_datasets.sample import sample_clip, sample_faces
from faceloop_datasets.staging import content_hash
from faceloop_runtime import FaceModel

FACES = 16
FRAMES = 24  # of the short clip
MUCT = 12


def make_template(folder: Path) -> Path:
    """Make a project, and beside it what is brought in; copies of it are what dies."""
    outside = folder / "outside"
    outside.mkdir(parents=True)
    frames = [frame.image for frame in islice(Video(sample_clip()), 30, 30 + FRAMES)]
    write_video(outside / "short.mp4", frames, 25)
    _archives(outside)
    (outside / "pictures").mkdir()
    for number in range(4):
        cv2.imwrite(str(outside / "pictures" / f"p{number}.jpg"), _noise(100 + number))
    starter = FaceModel.starter()
    for number in range(3):
        varied = replace(starter, provenance={**starter.provenance, "variant": number})
        place = outside / f"models-{number}" / "face70.safetensors"  # all have one name
        varied.save(place)
    with Project.create(folder / "project") as project:
        faces = islice(sample_faces(), FACES)
        project.import_entries("sample", faces, scheme="face70", copy=True)
        video = project.add_media(outside / "short.mp4", copy=True)
        for frame in range(3):
            project.add_item(video, frame)
    return folder


def _noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (64, 48, 3), np.uint8)


def _archives(outside: Path) -> None:
    names = [f"i{k:03d}qa-fn" for k in range(MUCT)]
    pictures = {
        f"jpg/{name}.jpg": bytes(cv2.imencode(".jpg", _noise(k))[1]) for k, name in enumerate(names)
    }
    _pack(outside / "muct-a-jpg-v1.tar.gz", pictures)
    for which in ("before", "after"):
        rows = [",".join(["name", "tag", *(f"{c}{k:02d}" for k in range(76) for c in "xy")])]
        for seed, name in enumerate(names):
            points = np.random.default_rng(seed).uniform(5, 45, (76, 2)).round(1)
            points += 1.0 if which == "after" and seed % 2 else 0.0
            rows.append(",".join([name, "0000", *(str(v) for v in points.ravel())]))
        (outside / which).mkdir()
        table = "\n".join(rows).encode() + b"\n"
        _pack(
            outside / which / "muct-landmarks-v1.tar.gz",
            {"muct-landmarks/muct76-opencv.csv": table},
        )


def _pack(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def fresh(template: Path, folder: Path) -> Path:
    """Copy a template; returns the folder of the copy's project."""
    shutil.copytree(template, folder)
    return folder / "project"


def old_project(folder: Path) -> Path:
    """Make a project of the first version of the tables; returns its folder."""
    project = folder / "project"
    (project / "models").mkdir(parents=True)
    (project / "media").mkdir()
    shutil.copyfile(make.HERE / "v1.db", project / "project.db")
    (project / "models" / "model.safetensors").write_bytes(b"no real model")
    make.picture(folder / "picture.ppm")
    return project


def begun(scenario: str, template: Path, folder: Path) -> Path:
    """Make what a scenario of `victims` begins with; returns the project's folder."""
    if scenario == "migrate":
        return old_project(folder)
    project = fresh(template, folder)
    if scenario == "create":
        shutil.rmtree(project)
    return project


def check_left(scenario: str, project: Path, said: list[dict[str, Any]]) -> None:
    """Check what a scenario has left, however it ended."""
    # what has failed was under way: it may be there, as after a kill
    said = [line for line in said if not {"error", "calls"} & line.keys()]
    if scenario == "migrate":
        check_migrated(project)
        return
    if scenario == "create" and not any("created" in line for line in said):
        _check_not_created(project)
        return
    for _ in range(2):  # what is found is right, and stays so
        check_sound(project)
        check_kept(project, said)


def _check_not_created(project: Path) -> None:
    with suppress(ProjectError):  # it was made, and the victim had no time to say so
        Project.open(project).close()
        check_sound(project)
        return
    with pytest.raises(ProjectError, match="is no project"):
        Project.open(project)
    Project.create(project).close()  # and it can be made now
    check_sound(project)


def check_migrated(folder: Path) -> None:
    """Check that a project holds what it held before its tables were brought up to date."""
    expected = make.described("v1")
    with Project.open(folder) as project:
        assert json.loads(json.dumps(make.describe(project))) == expected
    check_database(folder)


def check_database(folder: Path) -> None:
    """Check what SQLite itself can tell."""
    with closing(sqlite3.connect(folder / "project.db")) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    left = list(folder.rglob(".staging-*"))
    assert left == [], "what dead processes left is cleaned when the project is opened"


def check_sound(folder: Path) -> None:
    """Check what is true of every project, whatever happened to it."""
    with Project.open(folder) as project:
        _check_revisions(project)
        _check_media(project)
        _check_models(project)
        _check_queue(project)
        project.faces()
    check_database(folder)


def _check_revisions(project: Project) -> None:
    for item in project.items():
        history = project.history(item.id)
        assert [r.id for r in history] == sorted(r.id for r in history)
        assert sum(r.is_head for r in history) == (1 if history else 0), item
        numbers = {r.id for r in history}
        assert all(r.based_on is None or r.based_on in numbers for r in history)
        if item.origin is not None:
            assert history, f"{item} came with an annotation"


def _check_media(project: Project) -> None:
    for media in project.media():
        file = project.resolve(media)
        assert content_hash(file) == media.sha256, file


def _check_models(project: Project) -> None:
    for record in project.models():
        assert content_hash(record.file) == record.sha256, record
        FaceModel.load(record.file)
    active = project.active_model
    assert active is None or active in project.models()


def _check_queue(project: Project) -> None:
    entries = project.queue.list(None)
    assert len({e.item_id for e in entries}) == len(entries)
    items = {item.id for item in project.items()}
    for entry in entries:
        assert entry.item_id in items
        assert entry.author is not None or entry.status != "claimed"


def check_kept(folder: Path, said: list[dict[str, Any]]) -> None:
    """Check that everything that was reported saved is there."""
    with Project.open(folder) as project:
        _check_saved(project, said)
        _check_all_or_none(project, said)
        _check_labels(project, said)
        _check_entries(project, said)
        _check_model_reports(project, said)
        _check_imports(project, said)
        _check_track(project, said)
    _check_many(folder, said)
    _check_made(folder, said)


def _check_saved(project: Project, said: list[dict[str, Any]]) -> None:
    saved = [line for line in said if "revision" in line]
    for item_id in {line["item"] for line in saved}:
        found = {r.id: r for r in project.history(item_id)}
        mine = [line for line in saved if line["item"] == item_id]
        for line in mine:
            assert digest(found[line["revision"]].annotation) == line["digest"], line
        head = next(r for r in found.values() if r.is_head)
        assert head.id >= mine[-1]["revision"], "what was saved last counts"
        # at most the one save that was under way
        others = [n for n, r in found.items() if n > mine[-1]["revision"]]
        assert len([n for n in others if "onfirm" not in found[n].action]) <= 1


def _check_all_or_none(project: Project, said: list[dict[str, Any]]) -> None:
    """Check that what was done to all faces at once was done to all or to none."""
    told = [line for line in said if "estimated" in line]
    if not told:
        return
    found = int(project.estimates()[7])
    under_way = "will" in said[-1]
    assert found in ({0, told[-1]["of"]} if under_way else {told[-1]["estimated"]})
    # What the project remembers agrees: it can be taken back if, and only if, it is there.
    assert (project.last_batch() is None) == (found > 0)


def _check_labels(project: Project, said: list[dict[str, Any]]) -> None:
    """Check that faces have the labels they were given last, all of a call or none."""
    told = {item: line["label"] for line in said if "labelled" in line for item in line["labelled"]}
    changed = {item for item, name in told.items() if project.expression(item) != name}
    under_way = set(said[-1]["items"]) if said and said[-1].get("will") == "label" else set()
    assert changed in (set(), under_way & told.keys())


def _check_entries(project: Project, said: list[dict[str, Any]]) -> None:
    last = {line["entry"]: line for line in said if "entry" in line}
    now = {e.id: e for e in project.queue.list(None)}
    changed = [n for n, line in last.items() if _state(now[n]) != line["state"]]
    under_way = bool(said) and "will" in said[-1]
    assert len(changed) <= (1 if under_way else 0), "at most what was under way has changed"
    for number, line in last.items():
        fit = now[number].fit
        if number not in changed:
            assert (None if fit is None else digest(fit)) == line["fit"]


def _state(entry: Any) -> list[Any]:
    reasons = [[*why[:-1], list(why.points)] for why in entry.reasons]
    return [entry.status, entry.author, entry.said, reasons]


def _check_model_reports(project: Project, said: list[dict[str, Any]]) -> None:
    known = {record.id: record for record in project.models()}
    for line in said:
        if "model" in line:
            assert known[line["model"]].sha256 == line["sha256"]
    notes = {line["noted"]: line["note"] for line in said if "noted" in line}
    for number, note in notes.items():
        assert known[number].note == note
    used = [line["used"] for line in said if "used" in line]
    if used:
        active = project.active_model
        now = None if active is None else active.id
        may = {used[-1]}
        if said[-1].get("will") == "use":
            may.add(said[-1]["which"])
        if said[-1].get("will") == "train":  # the second model, taken into use before it was said
            may.add(max(known))
        assert now in may


def _check_imports(project: Project, said: list[dict[str, Any]]) -> None:
    imports = [line for line in said if "imported" in line]
    muct = [item for item in project.items() if (item.origin or "").startswith("muct:")]
    if any(line["imported"] == "before" for line in imports):
        assert len(muct) == MUCT
    assert len(muct) in (0, MUCT), "all or nothing"
    if any(line["imported"] == "after" for line in imports):
        counts = [len(project.history(item.id)) for item in muct]
        assert sorted(counts) == [1] * (MUCT // 2) + [2] * (MUCT // 2)
    for item in muct:
        assert item.media_id is not None
    media = {m.id: m.sha256 for m in project.media()}
    names = {item.id: item.name for item in project.items()}
    for line in said:
        if "media" in line:
            assert media[line["media"]] == line["sha256"]
        if "made" in line:
            assert names[line["made"]] == line["name"]


def _check_track(project: Project, said: list[dict[str, Any]]) -> None:
    """Check that the track is there as it was kept last, and can be undone to its beginning."""
    told = [line["track"] for line in said if "track" in line]
    if not told:
        return
    (video,) = [media for media in project.media() if media.kind == "video"]
    history = project.track_history(video)
    assert history is not None
    assert history.written == told[-1] or said[-1].get("will") == "track"
    while history.done:
        history = history.undo()
    assert not history.track.faces[0].verdict.any()


def _check_many(folder: Path, said: list[dict[str, Any]]) -> None:
    """Check that what is finished by its record is whole, and the next run makes all so."""
    told = [line for line in said if "row" in line]
    tables = outputs_of(folder) / "tables"
    if not tables.is_dir():
        assert not [line for line in told if line["row"] != "failed"]
        return
    faces = told[-1]["faces"] if told else 1
    for record in tables.glob("*.track.json"):
        if not json.loads(record.read_text("utf-8"))["made_of"]:
            continue
        table = record.with_name(record.name.removesuffix(".track.json") + ".csv")
        assert {*pd.read_csv(table)["frame"]} == {*range(FRAMES)}
    for status in ({"tracked", "done before"}, {"done before"}):
        rows = track_into(folder, folder.parent / "outside", faces)
        assert {row.status for row in rows} <= status, [row.error for row in rows]
        assert {row.summary.frames for row in rows if row.summary} == {FRAMES}
    assert not list(tables.glob(".staging*"))


def _check_made(folder: Path, said: list[dict[str, Any]]) -> None:
    made = outputs_of(folder)
    done = [line for line in said if "tracked" in line]
    points, overlay = made / "points.parquet", made / "overlay.mp4"
    assert not done or (points.is_file() and overlay.is_file())
    if points.is_file():
        assert set(pq.read_table(points)["frame"].to_pylist()) == set(range(FRAMES))
    if overlay.is_file():
        assert sum(1 for _ in Video(overlay)) == FRAMES
    wrote = {line["wrote"] for line in said if "wrote" in line}
    for name in wrote:
        assert (made / name).is_file()
    if (made / "faces.csv").is_file():
        assert len((made / "faces.csv").read_text().splitlines()) == FACES
    if (made / "faces.parquet").is_file():
        assert pq.read_table(made / "faces.parquet").num_rows == FACES * 70
