"""Which format files are, told by a look at a few of them."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import pytest

from faceloop_datasets import InputError
from faceloop_datasets.formats import recognise

PTS = "version: 1\nn_points: 68\n{\n1 2\n}\n"
ASF = "# by hand\n\n58\n0 0 .1 .2 0 1 1\n"
CSV = "a.jpg;" + "1.5;2;true;" * 71 + "\n"


def written(file: Path, text: str) -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_each_format_knows_its_own(tmp_path: Path) -> None:
    pts, asf = written(tmp_path / "i" / "a.pts", PTS), written(tmp_path / "m" / "a.asf", ASF)
    assert recognise([pts]).format == recognise([pts.parent]).format == "ibug"
    assert recognise([asf]).format == recognise([asf.parent]).format == "imm"
    csv = written(tmp_path / "c" / "faces.csv", "file;x;y\n" + CSV)
    assert recognise([csv]).format == "clmtools"
    muct = written(tmp_path / "u" / "muct76-opencv.csv", "name,tag,x00")
    assert recognise([muct]).format == recognise([muct.parent]).format == "muct"
    archive = tmp_path / "landmarks.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(muct, "somewhere/muct76-opencv.csv")
    assert recognise([archive]).format == "muct"
    shutil.copy(archive, tmp_path / "muct-a.tar.gz")
    assert recognise([tmp_path / "muct-a.tar.gz"]).format == "muct"


def test_what_is_like_nothing_names_what_was_looked_for(tmp_path: Path) -> None:
    written(tmp_path / "p" / "a.txt", "n_points: 29\n{\n")
    written(tmp_path / "p" / "a.asf", "73\n")
    written(tmp_path / "p" / "a.csv", "a,b,c\n")
    (tmp_path / "p" / "broken.tar.gz").write_bytes(b"\x1f\x8bnothing")
    found = recognise([tmp_path / "p", tmp_path / "p" / "a.csv"])
    assert found.format is None
    assert "no annotations of a known format" in found.problem
    for wanted in (
        "muct76-opencv.csv",
        ".pts file of 68 points (ibug)",
        "of another number of points (pts)",
        ".asf",
        "71 times x;y",
    ):
        assert wanted in found.problem
    assert "\n" not in found.problem


def test_two_formats_are_ambiguous(tmp_path: Path) -> None:
    written(tmp_path / "a.pts", PTS)
    written(tmp_path / "a.asf", ASF)
    found = recognise([tmp_path])
    assert found.format is None
    assert found.possible == ["ibug", "imm"]
    assert "may be ibug or imm" in found.problem


def test_a_file_without_a_header_is_known_by_its_name(tmp_path: Path) -> None:
    found = recognise([written(tmp_path / "a.pts", "1 2\n3 4\n")])
    assert found.format == "ibug"
    assert 0.5 <= found.sure["ibug"] < 1


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere does not exist"):
        recognise([tmp_path / "nowhere"])
