"""
A tracked video as a table
==========================

A track is written as one row a point: pandas reads it, and so does everything else that knows
Parquet or CSV (:doc:`/reference/tables` lists the columns). Here the first three seconds of the
sample's clip.
"""

import itertools

import matplotlib.pyplot as plt
import pandas as pd

from faceloop_datasets import Video
from faceloop_datasets.sample import sample_clip
from faceloop_runtime import FaceModel, Tracker

model = FaceModel.starter()
with Video(sample_clip()) as video:
    results = list(Tracker(model, backend="cpu").track(itertools.islice(video, 75)))

rows = [
    (frame.index, frame.time, name, x, y)
    for frame in results
    for face in frame.faces
    for name, (x, y) in zip(model.scheme.names, face.fit.points, strict=True)
]
table = pd.DataFrame(rows, columns=["frame", "time", "point", "x", "y"])
print(table.head().to_string(index=False))

# %%
# A column for each point is one line away, and from there how far the mouth is open, divided by the
# distance of the outer corners of the eyes:
wide = table.pivot(index="time", columns="point", values=["x", "y"])
opening = wide["y"]["inner lower lip middle"] - wide["y"]["inner upper lip middle"]
eyes = wide["x"]["right eye outer"] - wide["x"]["left eye outer"]

figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
axes.plot(opening / eyes, color="#2467ac")
axes.set(xlabel="seconds", ylabel="opening of the mouth")
axes.grid(color="0.9")
axes.spines[["top", "right"]].set_visible(False)
