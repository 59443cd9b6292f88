"""Bringing annotated faces into a project: known ones told from new ones, and whom they show."""
