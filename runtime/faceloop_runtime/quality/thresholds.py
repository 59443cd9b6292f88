"""From which error on a fit is poor, has failed, or shows no face; all in IOD."""

from __future__ import annotations

POOR_ERROR = 0.06
"""A fit with a higher predicted error is poor: worth another try, or a person's look."""
FAILURE = 0.10
"""A fit with a larger NME has failed."""
NO_FACE_ERROR = 0.15
"""A fit with a higher predicted error shows no face. Of 1000 fits within .06 of the truth, to
people unknown to the models, none expects more than .11; of 31 that miss the face by .2 and more
30 do, and all 42 to what the detector takes for a face in pictures without one. In the label check,
of 248 fits from the right labels one that expects less was off by more; from labels that were
turned by 90 or 180 degrees none expected less."""
