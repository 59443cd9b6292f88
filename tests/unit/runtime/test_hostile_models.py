"""Model files that promise more than they hold."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from faceloop_datasets import ModelFileError
from faceloop_runtime import FaceModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def data(small_model: FaceModel, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("models") / "m.safetensors"
    small_model.save(path)
    return path.read_bytes()


def with_header(data: bytes, header: object) -> bytes:
    end = 8 + int.from_bytes(data[:8], "little")
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[end:]


def header_of(data: bytes) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return header


@pytest.fixture(autouse=True)
def _little_memory(peak_memory: Callable[[], int]) -> Iterator[None]:
    """A file that lies about its size is no reason to take much."""
    used = peak_memory()
    yield
    assert peak_memory() - used < 100 << 20


def refused(tmp_path: Path, content: bytes) -> str:
    file = tmp_path / "m.safetensors"
    file.write_bytes(content)
    with pytest.raises(ModelFileError) as caught:
        FaceModel.load(file)
    return str(caught.value)


@pytest.mark.parametrize(
    "entry",
    [
        {"shape": [1 << 40, 2]},
        {"shape": [(1 << 63) - 1, 2]},
        {"shape": [1 << 32, 1 << 32]},
        {"shape": [-1, 2]},
        {"shape": [58, 2] * 500},
        {"shape": [58, 2, 1 << 62, 0]},
        {"data_offsets": [0, 1 << 62]},
        {"data_offsets": [1 << 62, 0]},
        {"data_offsets": [-8, 8]},
        {"dtype": "F8_E4M3", "shape": [1 << 40]},
        {"dtype": "BOOL"},
    ],
    ids=str,
)
def test_arrays_larger_than_the_file(data: bytes, entry: dict[str, Any], tmp_path: Path) -> None:
    header = header_of(data)
    header["pdm.mean"] = {**header["pdm.mean"], **entry}
    refused(tmp_path, with_header(data, header))


@pytest.mark.parametrize("where", ["mean", "overlap", "all"])
def test_arrays_that_share_their_bytes(data: bytes, where: str, tmp_path: Path) -> None:
    """A short file whose many arrays are all the same bytes would be large in memory."""
    header = header_of(data)
    first = header["pdm.mean"]
    chosen = {"mean": ["pdm.mean"], "overlap": ["pdm.components"], "all": list(header)}[where]
    for name in chosen:
        if name != "__metadata__":
            header[name] = {**header[name], "data_offsets": [0, first["data_offsets"][1] + 8]}
    refused(tmp_path, with_header(data, header))


@pytest.mark.parametrize(
    "header",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"__metadata__": {"faceloop": "' + b"[" * 5000 + b'"}}',
        b'{"__metadata__": {"faceloop": "' + b"9" * 5000 + b'"}}',
        b"\xff" * 100,
        b"",
    ],
    ids=["lists", "objects", "metadata", "digits", "bytes", "nothing"],
)
def test_headers_without_end(data: bytes, header: bytes, tmp_path: Path) -> None:
    refused(tmp_path, with_header(data, header))


@pytest.mark.parametrize(
    "value", [1e308, 10**400, "9" * 5000, [[[[]]]], True, None], ids=lambda v: repr(v)[:8]
)
def test_numbers_that_are_none(data: bytes, value: object, tmp_path: Path) -> None:
    header = header_of(data)
    about = json.loads(header["__metadata__"]["faceloop"])
    about["validator.bias"] = value
    header["__metadata__"]["faceloop"] = json.dumps(about)
    assert "validator.bias" in refused(tmp_path, with_header(data, header))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("training_subjects", 5),
        ("training_subjects", [["a"]]),
        ("config", [1]),
        ("versions", "1"),
        ("x", json.loads("[" * 30 + "]" * 30)),
    ],
    ids=lambda v: repr(v)[:20],
)
def test_where_a_model_comes_from_has_the_types_that_are_relied_on(
    data: bytes, key: str, value: object, tmp_path: Path
) -> None:
    header = header_of(data)
    about = json.loads(header["__metadata__"]["faceloop"])
    about["provenance"][key] = value
    header["__metadata__"]["faceloop"] = json.dumps(about)
    assert "provenance" in refused(tmp_path, with_header(data, header))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes and devices here")
def test_pipes_and_devices_are_no_models(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        with pytest.raises(ModelFileError, match="no such file"):
            FaceModel.load(tmp_path / name)


def test_a_model_is_data_and_no_program(tmp_path: Path) -> None:
    import pickle

    class Run:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    refused(tmp_path, pickle.dumps(Run()))
    assert not (tmp_path / "ran").exists()
