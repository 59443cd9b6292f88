"""The point distribution model: what shapes a face can take."""

from .model import PointDistributionModel, face_extent

__all__ = ["PointDistributionModel", "face_extent"]
