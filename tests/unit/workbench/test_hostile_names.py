"""Names that would be run by a terminal, or taken for HTML by the window."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from faceloop_datasets import FaceloopError
from faceloop_workbench.cli.console import note, say, show_table
from faceloop_workbench.commands import Commands
from faceloop_workbench.key_file import load_keys

if TYPE_CHECKING:
    from pathlib import Path

ESCAPES = "\x1b]0;title\x07\x1b[2J\x9b31m\x08\r"


def test_a_terminal_is_told_nothing_but_text(capsys: pytest.CaptureFixture[str]) -> None:
    for show in (say, note, lambda text: show_table(["name"], [[text]])):
        show(f"a{ESCAPES}b [red]c[/red] [link=http://x]d[/link]\ne")
    shown = "".join(capsys.readouterr())
    assert not {c for c in shown if ord(c) < 32 or 127 <= ord(c) < 160} - {"\n"}
    assert shown.count("[red]c[/red] [link=http://x]d[/link]") == 3


@pytest.mark.parametrize(
    "text",
    ["x = " + "[" * 5000, "x = " + "9" * 5000, "x = 0x" + "f" * 9000, "desk.help = 1", "\x00",
     "a = 1\n" * 200_000],
    ids=["deep", "digits", "hexadecimal", "number", "zero", "long"],
)  # fmt: skip
def test_keys_that_want_memory_or_time(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACELOOP_CONFIG", str(tmp_path))
    (tmp_path / "keys.toml").write_text(text)
    with pytest.raises(FaceloopError, match=r"keys\.toml") as caught:
        load_keys(Commands())
    assert len(str(caught.value)) < 1000


LABELS = """
import ast, sys
from pathlib import Path
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication
from faceloop_workbench.widgets.basic import PlainLabel, paragraph, plain_tip
app = QApplication([])
name = "<img src='file:///etc/passwd'><b>a</b>\\n<script>b</script>"
for label in (PlainLabel(name), paragraph(name)):
    assert label.textFormat() == Qt.TextFormat.PlainText
    assert label.text() == name
assert plain_tip("a.jpg\\nb") == "a.jpg\\nb"
assert "<img" not in plain_tip(name) and "<b>" not in plain_tip(name)
print("DONE")
"""


def test_labels_and_tooltips_show_names_as_they_are() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LABELS],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    assert "DONE" in ran.stdout, ran.stderr


def test_every_label_of_the_window_is_a_plain_one() -> None:
    import re
    from pathlib import Path

    import faceloop_workbench

    folder = Path(faceloop_workbench.__file__).parent
    made = [
        line.strip()
        for file in folder.rglob("*.py")
        for line in file.read_text(encoding="utf-8").splitlines()
        if re.search(r"(?<!\w)QLabel\(", line)
    ]
    assert made == []
