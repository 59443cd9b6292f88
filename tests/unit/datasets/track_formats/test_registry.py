"""Which format a file has, and what is said where a package is missing."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from faceloop_datasets import InputError, Scheme
from faceloop_datasets.track_formats import (
    find_track_format,
    read_track_file,
    recognise_track,
    track_formats,
)

from .tracks_to_write import to_write

_HDF5 = b"\x89HDF\r\n\x1a\n"
_NEEDS = {"sleap": "sleap_io", "nwb": "pynwb", "movement": "xarray"}


@pytest.mark.parametrize("name", [n for n, one in track_formats().items() if one.write])
def test_what_a_format_writes_is_recognised_as_it_alone(name: str, tmp_path: Path) -> None:
    one = find_track_format(name)
    if name in _NEEDS and importlib.util.find_spec(_NEEDS[name]) is None:
        pytest.skip(f"{_NEEDS[name]} is not installed")
    out = tmp_path / f"talk{one.suffixes[0]}"
    assert one.write is not None
    one.write(to_write(Scheme.load("face70")), out)
    like = [
        other.name
        for other in track_formats().values()
        if out.suffix in other.suffixes and other.recognise(out)
    ]
    assert like == [name]
    assert recognise_track(out) is one


@pytest.mark.parametrize("name", list(_NEEDS))
def test_a_package_that_is_missing_is_one_line_with_its_command(name: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(_NEEDS[name]) is not None:
        pytest.skip(f"{_NEEDS[name]} is installed")
    one = find_track_format(name)
    file = tmp_path / f"talk{one.suffixes[0]}"
    file.write_bytes(_HDF5 + bytes(64))
    with pytest.raises(InputError, match=r"is not installed: pip install 'faceloop\[\w+\]'$"):
        read_track_file(file)
    assert one.write is not None
    with pytest.raises(InputError, match=r"is not installed: pip install 'faceloop\[\w+\]'$"):
        one.write(to_write(Scheme.load("face70")), file)
    assert file.read_bytes() == _HDF5 + bytes(64)


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".slp", ".nwb", ".nc", ".mp4", ".h5"])
@pytest.mark.parametrize("data", [b"", b"a,b\n1,2\n", b"\x00\xff" * 40, b"frame\n" * 9])
def test_other_files_are_none(ending: str, data: bytes, tmp_path: Path) -> None:
    file = tmp_path / f"talk{ending}"
    file.write_bytes(data)
    with pytest.raises(InputError, match="is no track of a known format"):
        recognise_track(file)


def test_names_explain_themselves() -> None:
    for name, one in track_formats().items():
        assert name == one.name
        assert one.explanation.endswith(".")
        assert one.read is not None
    with pytest.raises(InputError, match="no format of tracks 'dlc'"):
        find_track_format("dlc")
