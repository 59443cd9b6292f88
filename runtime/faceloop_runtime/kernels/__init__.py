"""What Python computes too slowly, in C; everything works without it, by NumPy.

Each ``*.c`` here is compiled when the package is built (``hatch_build.py`` in the root of the
repository), once for each instruction set, and loaded by ctypes.
"""

from .calls import kernel
from .library import address, compiled, describe
from .memory import reused

__all__ = ["address", "compiled", "describe", "kernel", "reused"]
