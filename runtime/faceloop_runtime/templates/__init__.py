"""What faces look like as a whole: linear templates on cells of gradients."""

from .cells import CELL, PYRAMID_STEP, Level, cell_map, pyramid
from .face_templates import FacePlace, FaceTemplates, TemplateFrame

__all__ = [
    "CELL",
    "PYRAMID_STEP",
    "FacePlace",
    "FaceTemplates",
    "Level",
    "TemplateFrame",
    "cell_map",
    "pyramid",
]
