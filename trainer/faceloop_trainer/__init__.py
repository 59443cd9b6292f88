"""Turns annotations into a face model, and measures how good it is."""
