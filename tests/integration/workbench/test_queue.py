"""`queue` on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from faceloop_datasets import Project

if TYPE_CHECKING:
    from .conftest import Run


@pytest.fixture
def queued(small_project: Path) -> Path:
    with Project.open(small_project) as project:
        first, second, *_ = project.items()
        project.queue.add(first.id, "poor-fit", predicted_error=0.08, model="m")
        project.queue.add(second.id, "poor-fit", predicted_error=0.12, model="m")
    return small_project


def test_list_shows_the_worst_first(faceloop: Run, queued: Path) -> None:
    done = faceloop("queue", "list", "--project", queued)
    assert done.code == 0
    lines = [line for line in done.out.splitlines() if "poor-fit" in line]
    assert ["0.120" in lines[0], "0.080" in lines[1]] == [True, True]


def test_list_as_json_can_be_limited(faceloop: Run, queued: Path) -> None:
    listed = faceloop("queue", "list", "--project", queued, "--limit", 1, "--json").json()
    assert listed["count"] == 2
    (entry,) = listed["entries"]
    assert entry["predicted_error"] == 0.12
    assert Path(entry["file"]).is_file()


@pytest.fixture
def doubted(queued: Path) -> Path:
    """The better of two poor fits looks doubtful as well, and so does a face without entry."""
    with Project.open(queued) as project:
        first, _, third, *_ = project.items()
        project.queue.add(first.id, "label-check", note="Nose tip lies beside.", points=(61,))
        project.queue.add(third.id, "label-check", note="Chin lies [too] low.")
    return queued


def test_a_reason_is_found_beside_others_with_its_sentence(faceloop: Run, doubted: Path) -> None:
    everything = faceloop("queue", "list", "--project", doubted)
    assert " ".join(everything.out.split()).count("label-check") == 2
    listed = faceloop("queue", "list", "--project", doubted, "--reason", "label-check")
    said = " ".join(listed.out.split())
    assert "Nose tip lies" in said  # in a narrow terminal it is folded
    assert "Chin lies [too] low." in said
    assert "0.120" not in said
    assert "2 entries, open" in listed.err
    found = faceloop("queue", "list", "-p", doubted, "--reason", "label-check", "--json").json()
    assert found["count"] == 2
    assert [e["reason"] for e in found["entries"]] == ["label-check", "label-check"]
    assert found["entries"][0]["reasons"] == [
        {"reason": "label-check", "predicted_error": None, "note": "Nose tip lies beside.",
         "points": [61]},
        {"reason": "poor-fit", "predicted_error": 0.08, "note": "", "points": []},
    ]  # fmt: skip
    assert faceloop("queue", "list", "-p", doubted, "--reason", "blurred").code == 2


def test_next_tells_all_reasons(faceloop: Run, doubted: Path) -> None:
    faceloop("queue", "next", "--project", doubted)
    second = faceloop("queue", "next", "--project", doubted).out
    assert "label-check, poor-fit" in second
    assert "Nose tip lies beside." in second


def test_next_claims_for_an_author(faceloop: Run, queued: Path) -> None:
    entry = faceloop("queue", "next", "--project", queued, "--author", "ann", "--json").json()
    assert (entry["status"], entry["author"], entry["predicted_error"]) == ("claimed", "ann", 0.12)
    other = faceloop("queue", "next", "--project", queued, "--author", "bo", "--json").json()
    assert other["entry"] != entry["entry"]
    empty = faceloop("queue", "next", "--project", queued)
    assert (empty.code, empty.out) == (0, "The queue is empty.\n")
    assert faceloop("queue", "next", "--project", queued, "--json").json() is None


def test_done_and_skip_close_entries(faceloop: Run, queued: Path) -> None:
    entries = faceloop("queue", "list", "--project", queued, "--json").json()["entries"]
    worst, other = (entry["entry"] for entry in entries)
    assert f"Entry {worst}" in faceloop("queue", "done", worst, "--project", queued).out
    skipped = faceloop(
        "queue", "skip", other, "--project", queued, "--reason", "hand", "--json"
    ).json()
    assert (skipped["status"], skipped["note"]) == ("skipped", "hand")
    assert faceloop("queue", "list", "--project", queued, "--json").json()["entries"] == []
    everything = faceloop("queue", "list", "--project", queued, "--status", "all", "--json").json()
    assert everything["count"] == 2
