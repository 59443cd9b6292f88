"""Pages that say what is in a file say all of it."""

from __future__ import annotations

import json
import re

import pytest
from safetensors import safe_open

from faceloop_datasets.formats import tidy
from faceloop_datasets.tracks.face_track import FaceTrack
from faceloop_runtime import FaceModel
from faceloop_runtime.model import face_model
from faceloop_runtime.model.layout import OPTIONAL, VERSION, fields_of

from .pages import DOCS

MODEL_PAGE = (DOCS / "reference/model-file.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `([\w.]+)` \| ([^|]+) \| F\d\d \|", MODEL_PAGE, re.MULTILINE))


def by_any_scale(name: str) -> str:
    return re.sub(r"^experts\.\d\.", "experts.K.", name)


def test_the_page_of_the_model_file_has_every_array_and_its_shape() -> None:
    declared = {
        by_any_scale(f.name): " \u00d7 ".join(f.shape)
        for f in fields_of(VERSION, 3, list(OPTIONAL))
    }
    assert declared == ROWS


def test_it_has_every_key_of_the_starter_model() -> None:
    path = face_model.Path(face_model.__file__).parents[1] / "starter" / "face70.safetensors"
    with safe_open(path, framework="numpy") as file:
        assert {by_any_scale(name) for name in file.keys()} <= ROWS.keys()  # noqa: SIM118
        about = json.loads(file.metadata()["faceloop"])
    assert [name for name in about if f"| `{name}` |" not in MODEL_PAGE] == []
    assert FaceModel.starter().scheme.name == "face70"


@pytest.mark.parametrize("column", tidy.COLUMNS)
def test_the_page_of_tables_has_every_column_of_the_tidy_one(column: str) -> None:
    page = (DOCS / "reference/tables.md").read_text(encoding="utf-8")
    annotations = page.split("## Annotations")[1]
    assert re.search(rf"^\|.*`{column}`.*\|", annotations, re.MULTILINE)


def test_the_page_of_the_project_has_every_array_of_a_track() -> None:
    page = (DOCS / "reference/project.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`face\.ID\.(\w+)`", page))
    assert listed == {"points", "predicted_error", "kind", "verdict", "head_pose", "expressions"}
    assert listed <= {*FaceTrack.__dataclass_fields__}
