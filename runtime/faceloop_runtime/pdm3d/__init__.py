"""The shapes a face can take in space, and how a head is turned."""

from .head_pose import HeadPose, PoseCorrection, head_pose
from .model import ShapeModel3D
from .pose import SpacePoses, poses_of
from .rotation import rotations, small_turns, turn_vectors, turns_of

__all__ = [
    "HeadPose",
    "PoseCorrection",
    "ShapeModel3D",
    "SpacePoses",
    "head_pose",
    "poses_of",
    "rotations",
    "small_turns",
    "turn_vectors",
    "turns_of",
]
