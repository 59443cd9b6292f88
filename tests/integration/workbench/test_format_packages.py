"""Formats of other packages: that of docs/how-to/add-a-format.md, and some that are broken."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

_PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "add-a-format.md"

_BROKEN = {
    "raises": "raise RuntimeError('no luck')",
    "other": "FORMAT = 3",
    "taken": "from faceloop_datasets.formats.imm import FORMAT",
}

_USE = """
import sys
from pathlib import Path
from faceloop_datasets import Project
from faceloop_datasets.formats import readable, recognise, source_scheme, writable, write_faces
from faceloop_workbench.services.add_files import are_annotations
from faceloop_workbench.services.format_help import annotation_files, title_of

folder = Path(sys.argv[1])
assert recognise([folder]).format == "lmk"
assert "lmk" in readable() and "lmk" in writable() and title_of("lmk") == "Points by name (.lmk)"
assert "*.lmk" in annotation_files() and are_annotations([folder])
with Project.create(folder / "project", source_scheme("lmk", [folder])) as project:
    report = project.import_from("lmk", [folder])
    print(report.new, [str(refusal) for refusal in report.refused])
    write_faces("lmk", project.records(), folder / "out", scheme=project.scheme)
"""


def _package(folder: Path, name: str, code: str, point: str = "FORMAT") -> None:
    """Install a package as pip leaves it."""
    (folder / f"{name}.py").write_text(code)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[faceloop.formats]\n{name} = {name}:{point}\n")


def _run(packages: Path, *args: object) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(packages), *sys.path])
    return subprocess.run(
        [sys.executable, *map(str, args)],
        env={**os.environ, "PYTHONPATH": paths, "COLUMNS": "400"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (code,) = re.findall(r"```python\n(.*?)```", _PAGE.read_text(encoding="utf-8"), re.DOTALL)
    _package(folder, "faceloop_lmk", code)
    return folder


def test_broken_packages_are_left_out_in_one_line_each(packages: Path) -> None:
    for name, code in _BROKEN.items():
        _package(packages, name, code)
    command = "from faceloop_workbench.cli import main; main()"
    done = _run(packages, "-c", command, "formats", "--json")
    listed = {row["format"]: row for row in json.loads(done.stdout)["formats"]}
    assert listed["lmk"]["read"]
    assert listed["lmk"]["written"]
    assert listed["imm"]["title"].startswith("IMM")
    lines = done.stderr.splitlines()
    assert [line.split(" is left out: ")[0] for line in lines] == [
        "Warning: The format other:FORMAT",
        "Warning: The format raises:FORMAT",
        "Warning: The format taken:FORMAT",
    ]
    for line, why in zip(lines, ("it is no Format", "RuntimeError: no luck", "'imm'"), strict=True):
        assert why in line


def test_the_example_of_the_page_reads_and_writes(packages: Path, tmp_path: Path) -> None:
    faces = tmp_path / "faces"
    faces.mkdir()
    (faces / "a.lmk").write_text("a.jpg\nleft eye 1.5 2\nnose 3 7\nchin nan nan")
    (faces / "b.lmk").write_text("b.jpg\nleft eye 1.5 2\nnose 3 7\nchin 3 9.25")
    (faces / "c.lmk").write_text("\nleft eye 1 2\nnose 3 9\n")
    done = _run(packages, "-c", _USE, faces)
    assert done.stderr == ""
    assert done.stdout.startswith("2 [")
    assert "the name of the picture is empty" in done.stdout
    for number, name in enumerate(("a", "b")):
        written = (faces / "out" / f"{number:05}.lmk").read_text().replace(".0", "")
        assert written == (faces / f"{name}.lmk").read_text()


def test_the_example_is_as_short_as_it_says(packages: Path) -> None:
    code = (packages / "faceloop_lmk.py").read_text().splitlines()
    assert sum(1 for line in code if line.strip()) < 50
