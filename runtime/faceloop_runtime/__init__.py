"""The face model, patch responses, fitting, tracking and validation."""
