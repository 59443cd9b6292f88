"""Training of quality estimation: face validator, predicted error, visibility."""
