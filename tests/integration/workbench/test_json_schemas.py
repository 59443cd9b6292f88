"""The JSON of commands is what `docs/reference/json` says.

Every other test that reads a command's JSON checks that too (`conftest.Outcome.json`): those of
training, evaluation and tracking, which take longer.
"""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator, ValidationError

from faceloop_datasets import Video, write_video
from faceloop_datasets.sample import sample_clip, sample_dir

from .conftest import SCHEMAS, Outcome, schema

if TYPE_CHECKING:
    from .conftest import Run

NAMES = sorted(file.stem for file in SCHEMAS.glob("*.json"))
PAGE = (SCHEMAS.parent / "programs.md").read_text(encoding="utf-8")
PROJECT = "PROJECT"
CHEAP = (
    "doctor",
    "faces list PROJECT",
    "subjects list --project PROJECT",
    "queue list --project PROJECT",
    "model list --project PROJECT",
    "model show --project PROJECT",
    "history 1 --project PROJECT",
    "export clmtools out.csv --project PROJECT",
    "import clmtools out.csv --project PROJECT --dry-run",
    "check PROJECT",
    "backup PROJECT copy.zip",
    "init new",
)


def test_the_page_names_every_schema() -> None:
    assert sorted(set(re.findall(r"json/([a-z-]+)\.json", PAGE))) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_schema_and_describes_every_field(name: str) -> None:
    content = schema(name).schema
    Draft202012Validator.check_schema(content)
    assert content["title"] == f"faceloop {name.replace('-', ' ')} --json"
    assert all("description" in field for field in content["properties"].values())


def test_cheap_commands_keep_to_their_schemas(
    faceloop: Run, small_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in CHEAP:
        done = faceloop(*command.replace(PROJECT, str(small_project)).split(), "--json")
        assert done.code == 0, done.err
        assert done.json().keys() <= schema(name_of(command)).schema["properties"].keys(), command


def test_fit_and_track_keep_to_theirs(faceloop: Run, tmp_path: Path) -> None:
    with Video(sample_clip()) as video:
        write_video(tmp_path / "v.mp4", [frame.image for frame in islice(video, 4)], 25.0)
    still = sample_dir() / "stills" / "s0014.jpg"
    assert faceloop("fit", still, "--json").json()["images"][0]["faces"]
    assert faceloop("track", tmp_path / "v.mp4", "--json").json()["frames"] == 4


def test_a_document_of_another_shape_is_noticed() -> None:
    with pytest.raises(ValidationError, match="'sound' is a required property"):
        Outcome(0, '{"counts": {}, "findings": []}', "", ("check", "x", "--json")).json()


def name_of(command: str) -> str:
    first, second, *_ = [*command.split(), ""]
    return f"{first}-{second}" if f"{first}-{second}" in NAMES else first
