"""Fitting a face model to a picture."""
