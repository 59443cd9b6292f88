"""Export of a face model to a model file of clmtrackr."""

from .export import to_clmtrackr

__all__ = ["to_clmtrackr"]
