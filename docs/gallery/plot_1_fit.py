"""
A face found and fitted
=======================

The starter model comes with faceloop. A detector finds the face, the model is fitted to it, and
the fit says how far off it expects to be.
"""

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from faceloop_datasets.sample import sample_dir
from faceloop_runtime import Detector, FaceModel, Fitter

model = FaceModel.starter()
picture = np.asarray(Image.open(sample_dir() / "stills" / "s0014.jpg"))

box = Detector().detect(picture)[0]
fit = Fitter(model, backend="cpu").fit(picture, box)
print(f"a face: {fit.score:.0%}, expected error: {fit.predicted_error:.3f} of the eyes' distance")
pose = fit.head_pose
print(f"yaw {pose.yaw:.0f}°, pitch {pose.pitch:.0f}°, roll {pose.roll:.0f}°")

# %%
# Points that the model thinks are hidden are drawn hollow. The size of the others is the
# confidence: how much of a landmark's response lies where the fit put it.
figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
axes.imshow(picture)
seen = fit.visibility > 0.5
axes.scatter(
    *fit.points[seen].T, s=8 + 30 * fit.confidence[seen], c="#ffd400", edgecolors="k", lw=0.5
)
axes.scatter(*fit.points[~seen].T, s=14, facecolors="none", edgecolors="#ffd400")
axes.set_axis_off()
