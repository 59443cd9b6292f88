"""A check of a project's annotations: which look wrong, how much, and in what way.

Each annotation is compared with two things. The first is a fit of the starter model to its picture
(`whole_face_faults`): the starter model was trained on none of the project's annotations, so that
it also finds a fault that all of them share. The second are the other annotations of the project
(`outliers`), which show how its annotators place points.
"""

from .check import check_labels
from .faults import CheckedLabel, Correction, Fault, FaultKind
from .outliers import find_outliers

__all__ = ["CheckedLabel", "Correction", "Fault", "FaultKind", "check_labels", "find_outliers"]
