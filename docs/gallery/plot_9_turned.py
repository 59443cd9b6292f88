"""
Heads turned: the shape in space
================================

Nobody annotates depth. The model learns it from how points move in pictures of heads that are
turned (:doc:`/explanation/head-pose`), and can show the mean face from any side.
"""

import matplotlib.pyplot as plt

from faceloop_runtime import FaceModel
from faceloop_runtime.pdm3d import HeadPose

model = FaceModel.starter()
face = model.shape3d.mean
angles = (-50, -25, 0, 25, 50)

figure, grid = plt.subplots(2, len(angles), figsize=(9, 4.6), layout="constrained")
for name, row in zip(("yaw", "pitch"), grid, strict=True):
    for angle, axes in zip(angles, row, strict=True):
        turn = {"yaw": 0.0, "pitch": 0.0, name: angle}
        turned = face @ HeadPose(**turn, roll=0.0, error=0.0).rotation.T
        for contour in model.scheme.contours:
            line = list(contour.points) + ([contour.points[0]] if contour.closed else [])
            axes.plot(*turned[line, :2].T, color="0.7", lw=1)
        axes.scatter(*turned[:, :2].T, c=turned[:, 2], cmap="viridis", s=10)
        axes.set(xlim=(-1.3, 1.3), ylim=(1.5, -1.1), aspect="equal", title=f"{name} {angle:+d}°")
        axes.set_axis_off()

# %%
# Yellow is near, blue is far.
