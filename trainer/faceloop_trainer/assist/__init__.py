"""Assisted annotation: initial positions of points, and of the others while some are dragged."""
