"""Response maps in OpenGL shaders, beside whatever else draws in this process.

What is done where, by measurement: milliseconds of one core at 70 landmarks, 10 channel maps and
11 x 11 patches, shaders drawn in software (llvmpipe of Mesa 22.3, 256 bits), where a call costs
what it computes and a transfer only its copy. Where a number depends on the crop, it is 75 and 137
pixels wide, the coarsest and the finest scale.

=========================  ===================  =============================
stage                      shader               CPU
=========================  ===================  =============================
warp of the crop           (stays on the CPU)   0.05
gray crop up, 75 KB        0.005 .. 0.007       (maps up, 900 KB: 0.06 .. 0.19)
channels, normalised       0.5 .. 1.4           0.09 .. 0.17
all responses, one draw    3.9 .. 4.1           0.7 .. 0.8
maps back, 37 KB           0.006, unpacked 0.01
one mean-shift update      0.034                0.025
=========================  ===================  =============================

- Channels are drawn. In software that is slower; what it saves is not: a twelfth of the bytes goes
  up, and the CPU neither computes the maps nor puts them four to a texel (0.15 to 0.36 a call, more
  than a whole call may take on a graphics processor; none was at hand to measure). A context that
  cannot draw floats gets the maps uploaded.
- The warp is not. Places of a crop that were computed in float32 are off by 1e-5 px, OpenCV's as
  much as a shader's; the same fits come out (7e-5 px apart) but responses 1.2e-5 apart, when they
  shall agree to 1e-5. And the last crop of a fit is needed on the CPU too, for the quality models.
- Mean-shift is not. The maps have to come back in any case, for the weights of the landmarks and
  for the quality models, and their bytes cost nothing: 37 KB 0.006, N x 2 numbers 0.003. What
  costs, on a graphics processor, is to wait for them. That is once an evaluation now, 4 times a
  fit; with mean-shift in a shader it would be once an update too, 13 times more, since each starts
  from points that the shape model has projected.
- Reading back was 82 % of clmtrackr's time and is 1 % here. Four neighbouring places stand in a
  texel, so that a fetch of a channel serves four responses; with one place a texel, which is what
  packing into bytes leaves, the draw takes twice as long.

`tests/benchmarks/gpu.py` measures all of this on the machine it runs on.
"""

from __future__ import annotations

from .context import GLContext, GLError
from .egl import EglContext
from .hardware import Hardware, hardware, renderer
from .responses import GlResponses

__all__ = [
    "EglContext",
    "GLContext",
    "GLError",
    "GlResponses",
    "Hardware",
    "hardware",
    "renderer",
]
