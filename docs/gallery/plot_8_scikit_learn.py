"""
With scikit-learn: pictures in, points out
==========================================

Who has arrays and no project trains with `faceloop_trainer.LandmarkEstimator`. It is an estimator
of scikit-learn: it can be cloned, searched over, and cross-validated by people.
"""

from itertools import islice

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GroupShuffleSplit

from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_faces
from faceloop_trainer import LandmarkEstimator, plotting

faces = list(islice(sample_faces(), 40))
pictures = [read_image(face.image.path, "rgb") for face in faces]
points = np.array([face.annotation.points for face in faces])
people = np.array([face.subject for face in faces])
print(f"{len(faces)} faces of {len(set(people))} people, {points.shape[1]} points each")

# %%
# A quarter of the people is kept aside. Faces of one person never stand on both sides.
training, test = next(
    GroupShuffleSplit(1, test_size=0.25, random_state=0).split(points, groups=people)
)
estimator = LandmarkEstimator(components=20)
estimator.fit([pictures[k] for k in training], points[training], people[training])

# %%
# `predict` finds the largest face of each picture and fits it. The score is the area under the
# cumulative error distribution up to an error of .08, from 0 to 1: a face that is not found counts
# as nothing.
found = estimator.predict([pictures[k] for k in test])
print(f"score: {estimator.score([pictures[k] for k in test], points[test]):.2f}")

scheme = estimator.model_.scheme
figure, grid = plt.subplots(1, 4, figsize=(9, 2.6), layout="constrained")
for axes, k, fitted in zip(grid, test, found, strict=False):
    plotting.plot_face(pictures[k], points[k], scheme, colour="white", ax=axes)
    plotting.plot_face(pictures[k], fitted, scheme, ax=axes)

# %%
# The model is a `faceloop_runtime.FaceModel` like any other: ``estimator.model_.save(path)`` writes
# it to one file, which tracks videos and can be used in the window.
figure, grid = plt.subplots(1, 3, figsize=(8, 3), layout="constrained")
for mode, axes in enumerate(grid):
    plotting.plot_mode(estimator.model_, mode, ax=axes)
    axes.set_title(f"mode {mode + 1}", fontsize=10)
