"""The table of commands and the keys that a person has chosen."""

from __future__ import annotations

from collections import Counter

import pytest

from faceloop_datasets import FaceloopError
from faceloop_workbench.commands import TABLE, Commands
from faceloop_workbench.key_file import load_keys, save_keys


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FACELOOP_CONFIG", str(tmp_path))


def test_every_command_and_every_key_is_there_once():
    assert max(Counter(command.id for command in TABLE).values()) == 1
    for place in ("annotate", "live"):
        keys = [c.key for c in TABLE if c.key and c.place in ("", place)]
        assert max(Counter(keys).values()) == 1
    assert all(command.help.endswith(".") for command in TABLE)


def test_a_command_runs_unless_something_is_in_the_way():
    commands, done = Commands(), []
    assert not commands.run("queue.next")
    commands.handle("queue.next", lambda: done.append("next"))
    assert commands.run("queue.next")
    commands.disable("queue.next", "The list is empty.")
    assert not commands.run("queue.next")
    assert commands.why_not("queue.next") == "The list is empty."
    commands.disable("queue.next", "")
    assert commands.run("queue.next")
    assert done == ["next", "next"]


def test_a_held_command_is_told_when_it_begins_and_when_it_ends():
    commands, told = Commands(), []
    commands.handle("annotate.hide", told.append)
    commands.run("annotate.hide", held=True)
    commands.run("annotate.hide", held=False)
    assert told == [True, False]


def test_an_unknown_command_is_a_mistake_of_the_program():
    with pytest.raises(KeyError):
        Commands().handle("queue.nxt", print)


def test_a_key_has_one_command():
    commands, changed = Commands(), []
    commands.changed.connect(changed.append)
    assert commands.rebind("queue.next", "A") == ["queue.previous"]
    assert commands.key("queue.next") == "A"
    assert commands.key("queue.previous") == ""
    assert set(changed) == {"queue.next", "queue.previous"}


def test_live_and_the_face_in_work_may_share_a_key_and_no_other():
    commands = Commands()
    assert commands.rebind("live.step", "D") == []
    assert commands.key("queue.next") == "D"
    assert commands.rebind("desk.help", "D") == ["queue.next", "live.step"]


def test_chosen_keys_come_back_also_from_an_editor_that_marks_utf_8(tmp_path):
    first = Commands()
    first.rebind("queue.next", "A")
    first.rebind("live.play", "Ctrl+'\"")
    save_keys(first)
    (tmp_path / "keys.toml").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "keys.toml").read_bytes())
    second = Commands()
    load_keys(second)
    assert {name: second.key(name) for name in second.table} == {
        name: first.key(name) for name in first.table
    }


@pytest.mark.parametrize(
    "text", ["queue.next = ", '"queue.nxt" = "A"\n', '"queue.next" = 3\n', "\xff"]
)
def test_a_damaged_file_is_named_and_the_usual_keys_stay(tmp_path, text):
    (tmp_path / "keys.toml").write_bytes(text.encode("latin-1"))
    commands = Commands()
    with pytest.raises(FaceloopError, match=r"keys\.toml"):
        load_keys(commands)
    assert commands.key("queue.next") == "D"
