"""Exact video: frames by number and time as a player shows them, and files of frames."""

from .player_view import PlayerView
from .reading import Video, VideoFrame
from .shots import ShotCounter
from .sound import Sound
from .stream import MAX_FRAME_PIXELS, VIDEO_SUFFIXES
from .timing import MAX_FRAMES
from .writing import VideoWriter, write_video

__all__ = [
    "MAX_FRAMES",
    "MAX_FRAME_PIXELS",
    "VIDEO_SUFFIXES",
    "PlayerView",
    "ShotCounter",
    "Sound",
    "Video",
    "VideoFrame",
    "VideoWriter",
    "write_video",
]
