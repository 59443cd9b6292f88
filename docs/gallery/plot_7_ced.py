"""
Train a model and measure it
============================

A project with the sample's faces, a training on 40 of them, and the errors on people the model has
not seen, as a cumulative error distribution. Forty faces are few: :doc:`/reference/figures` says
what more of them are worth.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from faceloop_datasets import Project
from faceloop_trainer import TrainingConfig, evaluate, train

folder = tempfile.TemporaryDirectory()
project = Project.create(Path(folder.name) / "faces", sample=True)
result = train(project, TrainingConfig(limit=40, prior="none", mirror=False))
evaluation = evaluate(project, result.model)
print({name: value for name, value in evaluation.metrics().items() if name.startswith("nme")})

# %%
errors = np.sort(evaluation.errors)
figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
axes.step(errors, np.arange(1, len(errors) + 1) / len(errors), where="post", color="#2467ac")
axes.set(
    xlabel="normalised mean error (share of the distance of the eyes)",
    ylabel="faces with at most this error",
    xlim=(0, 0.1),
    ylim=(0, 1.01),
)
axes.grid(color="0.9")
axes.spines[["top", "right"]].set_visible(False)

# %%
# Which parts of the face are hard:
print(evaluation.per_group.sort_values().round(4).to_string())

project.close()
folder.cleanup()
