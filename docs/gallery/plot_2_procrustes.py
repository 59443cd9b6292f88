"""
Shapes aligned: Procrustes analysis
===================================

People stand nearer or farther, and hold their heads at an angle. That is no difference between
faces: each shape is moved, turned and scaled onto the mean shape before anything is learned from it
(generalised Procrustes analysis: Gower, 1975).
"""

import matplotlib.pyplot as plt
import numpy as np

from faceloop_datasets.sample import sample_faces
from faceloop_runtime import FaceModel
from faceloop_runtime.geometry import Similarity

mean = FaceModel.starter().pdm.mean
shapes = [face.annotation.points for face in sample_faces()][::8]
aligned = [Similarity.between(shape, mean).apply(shape) for shape in shapes]

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
for shape in shapes:
    left.plot(*shape.T, ".", ms=2, alpha=0.5)
for shape in aligned:
    right.plot(*shape.T, ".", ms=2, alpha=0.5)
right.plot(*mean.T, "k+", ms=5)
left.set_title(f"{len(shapes)} faces, as they stand in their pictures")
right.set_title("the same, aligned to the mean shape (+)")
for axes in (left, right):
    axes.set_aspect("equal")
    axes.invert_yaxis()
    axes.set_axis_off()

# %%
# What is left is the difference between faces, and between turns of the head. Each of its points
# is, on the average, this far from where the mean shape has it, in distances of the eyes:
print(f"{np.linalg.norm(np.stack(aligned) - mean, axis=2).mean():.3f}")
