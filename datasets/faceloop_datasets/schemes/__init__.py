"""Landmark schemes and conversions as data, and the scripts that fit and measure them."""
