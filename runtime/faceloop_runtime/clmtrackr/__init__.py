"""clmtrackr's models (npm package ``clmtrackr`` 1.1): read, run as it runs them, written.

Such a model is of another kind than a `faceloop_runtime.FaceModel`: it lives in pixels of a small
canvas, its responses are stretched to 0..1, and its iteration's prior and kernel depend on the
face's size. So it is run by an iteration of its own, which follows clmtrackr's step by step.
"""

from .fitter import ClmtrackrFitter
from .iteration import ClmtrackrState
from .model import ClmtrackrModel, MossePatches, Scoring, SvmPatches
from .reading import load
from .writing import save

__all__ = [
    "ClmtrackrFitter",
    "ClmtrackrModel",
    "ClmtrackrState",
    "MossePatches",
    "Scoring",
    "SvmPatches",
    "load",
    "save",
]
