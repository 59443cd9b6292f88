"""The face model as a value, and its file."""

from .face_model import FaceModel

__all__ = ["FaceModel"]
