"""Meshes drawn by OpenGL."""

from __future__ import annotations

from .warper import GlWarper

__all__ = ["GlWarper"]
