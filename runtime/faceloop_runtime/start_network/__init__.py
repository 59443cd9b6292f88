"""What a face looks like as a whole, and where a search therefore starts."""

from .network import FaceDescription, describe, frame_of_box, frame_of_points, look, network_key
from .start_map import StartMap

__all__ = [
    "FaceDescription",
    "StartMap",
    "describe",
    "frame_of_box",
    "frame_of_points",
    "look",
    "network_key",
]
