"""How tracks of other tools come in and go out: one module a format."""

from .format import FoundFace, FoundTrack, TrackFormat, TrackToWrite
from .placing import ImportedTrack, placed
from .registry import find_track_format, read_track_file, recognise_track, track_formats

__all__ = [
    "FoundFace",
    "FoundTrack",
    "ImportedTrack",
    "TrackFormat",
    "TrackToWrite",
    "find_track_format",
    "placed",
    "read_track_file",
    "recognise_track",
    "track_formats",
]
