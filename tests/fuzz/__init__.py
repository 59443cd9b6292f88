"""Fuzzing: what comes from outside may be refused, and nothing else may happen."""
