"""A face model on its way to clmtrackr."""

from .export import to_clmtrackr

__all__ = ["to_clmtrackr"]
