"""Annotations that look wrong: which, how much, and what seems to be wrong.

Two judges look at every face. One is the starter model, which has seen none of the project's
annotations, so that a fault that all of them share does not hide itself (`explain`); the other
are the other faces of the project, which know its annotators' habits (`compare`).
"""

from .checking import check_labels
from .compare import compare
from .doubt import Doubt, Finding, Kind, Mend

__all__ = ["Doubt", "Finding", "Kind", "Mend", "check_labels", "compare"]
