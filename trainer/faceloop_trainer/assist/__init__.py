"""Assisted annotation: where a face starts, and where the other points go when one is dragged."""
