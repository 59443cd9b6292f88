"""Landmark schemes: looked at, made by hand, and chosen."""
