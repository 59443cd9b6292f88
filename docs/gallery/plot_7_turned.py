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
turns = (-60, -30, 0, 30, 60)

figure, row = plt.subplots(1, len(turns), figsize=(9, 2.6), layout="constrained")
for yaw, axes in zip(turns, row, strict=True):
    turned = face @ HeadPose(yaw=yaw, pitch=0, roll=0, error=0).rotation.T
    near = turned[:, 2] - turned[:, 2].min()
    for contour in model.scheme.contours:
        line = list(contour.points) + ([contour.points[0]] if contour.closed else [])
        axes.plot(*turned[line, :2].T, color="0.7", lw=1)
    axes.scatter(*turned[:, :2].T, c=near, cmap="viridis", s=10)
    axes.set(xlim=(-1.6, 1.6), ylim=(1.5, -1.3), aspect="equal", title=f"yaw {yaw:+d}°")
    axes.set_axis_off()

# %%
# Yellow is near, blue is far.
