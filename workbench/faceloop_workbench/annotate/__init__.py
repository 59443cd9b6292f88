"""Correcting a face: points, undo, help from the model, and what the canvas shows."""
