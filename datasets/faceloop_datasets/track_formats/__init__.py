"""How tracks of other tools come in and go out: one module a format."""

from .format import FoundFace, FoundTrack, TrackFormat, TrackToWrite
from .movement import from_xarray, to_xarray
from .placing import ImportedTrack, placed
from .registry import find_track_format, read_track_file, recognise_track, track_formats

__all__ = [
    "FoundFace",
    "FoundTrack",
    "ImportedTrack",
    "TrackFormat",
    "TrackToWrite",
    "find_track_format",
    "from_xarray",
    "placed",
    "read_track_file",
    "recognise_track",
    "to_xarray",
    "track_formats",
]
