"""
How faces vary: the modes of the shape model
============================================

A shape is the mean shape and a weighted sum of modes (Cootes et al., CVIU 1995). Each row moves one
parameter from three standard deviations below the mean to three above it.
"""

import matplotlib.pyplot as plt
import numpy as np

from faceloop_runtime import FaceModel

model = FaceModel.starter()
pdm, scheme = model.pdm, model.scheme
steps = (-3.0, -1.5, 0.0, 1.5, 3.0)
modes = 4

figure, grid = plt.subplots(modes, len(steps), figsize=(8, 6.8), layout="constrained")
for mode, row in enumerate(grid):
    for step, axes in zip(steps, row, strict=True):
        b = np.zeros(len(pdm.variances))
        b[mode] = step * np.sqrt(pdm.variances[mode])
        shape = pdm.shape(b)
        for contour in scheme.contours:
            line = list(contour.points) + ([contour.points[0]] if contour.closed else [])
            axes.plot(*shape[line].T, color="#2467ac", lw=1.2)
        axes.set(xlim=(-1.4, 1.4), ylim=(1.5, -1.3), aspect="equal")
        axes.set_axis_off()
        if mode == 0:
            axes.set_title(f"{step:+g} σ", fontsize=10)

# %%
# The first modes are turns of the head, since the sample's people look into many directions.
# Together, few modes explain most of what there is:
shares = np.cumsum(pdm.variances) / pdm.variances.sum()
for wanted in (0.8, 0.9, 0.95):
    print(f"{wanted:.0%} of the variance: {np.searchsorted(shares, wanted) + 1} modes")
