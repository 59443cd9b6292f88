"""Archives that want out of their folder, or to be more than they are."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from faceloop_datasets import InputError, Project, archive
from faceloop_datasets.archive import extract_members, list_members, read_member
from faceloop_datasets.formats import read_faces

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def pack(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for info in members:
            tar.addfile(info, io.BytesIO(bytes(info.size)))
    return path


@pytest.mark.parametrize(
    "info",
    [
        member("../outside.jpg"),
        member("/etc/outside.jpg"),
        member("jpg/../../outside.jpg"),
        member("..\\outside.jpg"),
        member("C:outside.jpg"),
        member("link.jpg", tarfile.SYMTYPE, "/etc/passwd"),
        member("hard.jpg", tarfile.LNKTYPE, "../outside.jpg"),
        member("zero.jpg", tarfile.CHRTYPE),
        member("disk.jpg", tarfile.BLKTYPE),
        member("pipe.jpg", tarfile.FIFOTYPE),
        member("bell\x07.jpg"),
        member("escape\x1b[2J.jpg"),
        member("half\udcff.jpg"),
    ],
    ids=lambda info: ascii(info.name),
)
def test_nothing_is_taken_from_a_dangerous_archive(info: tarfile.TarInfo, tmp_path: Path) -> None:
    file = pack(tmp_path / "a.tar.gz", member("a"), info)
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"a\.tar\.gz"):
        extract_members(file, ["a"], out)
    with pytest.raises(InputError, match=r"a\.tar\.gz"):
        list(read_faces("muct", [file]))
    with Project.create(tmp_path / "project", "muct76") as project, pytest.raises(InputError):
        project.import_from("muct", [file])
    assert not out.exists()
    assert not list(tmp_path.rglob("*outside*"))


def test_a_symlink_that_is_there_already_is_replaced_and_not_followed(tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("kept")
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.jpg").symlink_to(kept)
    info = member("a.jpg")
    info.size = 9
    extract_members(pack(tmp_path / "a.tar.gz", info), ["a.jpg"], out)
    assert kept.read_text() == "kept"
    assert (out / "a.jpg").read_bytes() == bytes(9)


def bomb(path: Path, size: int) -> Path:
    """Zeros, which shrink to a thousandth."""
    info = member("zeros.jpg")
    info.size = size
    with gzip.open(path, "wb", compresslevel=1) as out:
        out.write(info.tobuf())
        for _ in range(size >> 20):
            out.write(bytes(1 << 20))
    return path


def test_what_unpacks_to_far_more_than_it_is_is_refused(tmp_path: Path) -> None:
    file = bomb(tmp_path / "a.tar.gz", 100 << 20)
    assert file.stat().st_size < 1 << 20
    with pytest.raises(InputError, match="100 times its size"):
        list_members(file)


def test_more_than_fits_on_the_disk_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = member("a.jpg")
    info.size = 1 << 20
    file = pack(tmp_path / "a.tar.gz", info)
    monkeypatch.setattr(archive, "_ROOM", 1 << 60)  # no disk of a test is full
    with pytest.raises(InputError, match="Free some space"):
        extract_members(file, ["a.jpg"], tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.jpg"))


def test_more_members_than_a_list_may_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBERS", 5)
    with pytest.raises(InputError, match="more than 5 files"):
        list_members(pack(tmp_path / "a.tar.gz", *(member(f"{k}.jpg") for k in range(6))))


def headers(kind: bytes, size: int, count: int) -> bytes:
    info = member("x", kind)
    info.size = size
    return (info.tobuf(tarfile.GNU_FORMAT) + bytes(-(-size // 512) * 512)) * count


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (headers(tarfile.XHDTYPE, 1 << 20, 1), "header of 1,048,576 bytes"),
        (headers(tarfile.GNUTYPE_LONGNAME, 1 << 20, 1), "header of 1,048,576 bytes"),
        (headers(tarfile.XHDTYPE, 512, 3000), "damaged"),
        (headers(tarfile.GNUTYPE_LONGNAME, 100, 3000), "damaged"),
        (headers(tarfile.GNUTYPE_SPARSE, 0, 1), "holes"),
    ],
    ids=["attributes", "long name", "attributes of attributes", "names of names", "holes"],
)
def test_headers_without_end(content: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "a.tar"
    file.write_bytes(content)
    with pytest.raises(InputError, match=said):
        list_members(file)


def test_a_sparse_file_by_attributes(tmp_path: Path) -> None:
    info = member("a.jpg")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0",
                        "GNU.sparse.name": "a", "GNU.sparse.realsize": "99999999999"}  # fmt: skip
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info)
    with pytest.raises(InputError, match="holes"):
        list_members(tmp_path / "a.tar")


def test_a_table_too_large_for_the_memory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_TEXT", 10)
    info = member("table.csv")
    info.size = 11
    with pytest.raises(InputError, match="too much for a table"):
        read_member(pack(tmp_path / "a.tar.gz", info), "table.csv")


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes and devices here")
@pytest.mark.parametrize("make", [_pipe, _device])
@pytest.mark.parametrize(
    ("source_format", "name"), [("ibug", "a.pts"), ("imm", "a.asf"), ("clmtools", "a.csv")]
)
def test_pipes_and_devices_are_not_read(
    make: Callable[[Path], None], source_format: str, name: str, tmp_path: Path
) -> None:
    make(tmp_path / name)
    try:
        entries = list(read_faces(source_format, [tmp_path / name]))
    except InputError as error:
        said = str(error)
    else:
        said = str(entries[0])
    assert "device" in said
