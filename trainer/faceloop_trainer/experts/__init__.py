"""Patch experts: sampling, moments, filters and their calibration."""
