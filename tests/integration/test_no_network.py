"""Nothing is sent and nothing is fetched: the whole loop in a process that may not use a socket."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LOOP = """
import sys

USES = ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo",
        "socket.gethostbyname", "socket.gethostbyaddr", "urllib.Request", "http.client.connect",
        "ftplib.connect", "smtplib.connect", "webbrowser.open")

def watch(event, arguments):
    if event in USES:
        print("NETWORK", event, arguments, flush=True)
        raise RuntimeError(event)

sys.addaudithook(watch)
if sys.argv[1] == "try":
    import socket
    socket.create_connection(("127.0.0.1", 9))

from itertools import islice
from pathlib import Path

from faceloop_datasets import Project, Video
from faceloop_datasets.sample import sample_clip, sample_faces
from faceloop_runtime import Fitter, Tracker
from faceloop_trainer import TrainingConfig, evaluate, train
from faceloop_workbench.cli import main

root = Path(sys.argv[2])
with Project.create(root / "made") as project:
    project.import_entries("sample", islice(sample_faces(), 16, 40), scheme="face70", copy=True)
    project.add_media(sample_clip())
with Project.open(root / "made") as project:
    quick = TrainingConfig(experts="mosse", channels=("raw",), mirror=False, components=8)
    result = train(project, quick)
    evaluate(project, result.model)
    for frame in islice(Tracker(result.model).track(Video(sample_clip())), 5):
        frame.points
    result.model.save(root / "m.safetensors")
for command in (["export", "csv", root / "t.csv"], ["import", "clmtools", root / "c.csv"],
                ["model", "list"], ["queue", "list"]):
    if command[0] == "import":
        points = "".join(f"{10 + k % 9};{20 + k % 7};true;" for k in range(71))
        (root / "c.csv").write_text(f"a.jpg;{points}\\n")
    sys.argv = ["faceloop", *map(str, command), "--project", str(root / "made")]
    try:
        main()
    except SystemExit as end:
        assert not end.code, command
print("DONE")
"""


def run(what: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LOOP, what, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "FACELOOP_CONFIG": str(folder), "PYTHONWARNINGS": "default"},
    )


def test_import_training_fitting_and_tracking_use_no_network(tmp_path: Path) -> None:
    ran = run("loop", tmp_path)
    assert "DONE" in ran.stdout, ran.stderr
    assert "NETWORK" not in ran.stdout


def test_a_connection_would_be_seen(tmp_path: Path) -> None:
    assert "NETWORK" in run("try", tmp_path).stdout
