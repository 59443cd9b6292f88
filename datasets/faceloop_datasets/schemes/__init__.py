"""Landmark schemes, and conversions between them, as data and as what reads them."""
