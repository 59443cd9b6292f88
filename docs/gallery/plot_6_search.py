"""
A search, step by step
======================

From the mean shape, shifted and turned, to the face: the points after each pass of the regularised
landmark mean-shift (Saragih, Lucey & Cohn, IJCV 2011), and what the learned correction adds.
"""

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from faceloop_datasets.sample import sample_dir, sample_faces
from faceloop_runtime import FaceModel
from faceloop_runtime.fit.schedule import FROM_START
from faceloop_runtime.fit.steps import SearchStart, correct, search
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.responses import CpuResponses

model = FaceModel.starter()
pdm = model.pdm
face = next(face for face in sample_faces() if face.name == "s0070")
picture = Image.open(sample_dir() / "stills" / face.image_name)
gray = np.asarray(picture.convert("L"))
truth = face.annotation.points
iod = model.scheme.inter_ocular_distance(truth)

# A start that is as rough as those that models are measured from.
true_pose = Similarity.between(pdm.mean, truth)
rough = true_pose.after(Similarity.from_polar(1.1, np.radians(8), 0.12, -0.1))
start = SearchStart.at(pdm, rough)

# %%
# Each pass looks at the picture once, and moves the points with a kernel that gets narrower: the
# variances below are in square pixels of the crop.
backend = CpuResponses(model.experts)
found = [
    search(model, backend, gray, start, FROM_START[:count])
    for count in range(1, len(FROM_START) + 1)
]
stages = [("start", rough.apply(pdm.mean))]
for one, result in zip(FROM_START, found, strict=True):
    kernels = ", ".join(f"{v:g}" for v in one.variances)
    said = f"eyes {model.experts[one.level].scale:g} px apart\nkernels {kernels}"
    stages.append((said, result.pose.apply(pdm.shape(result.b))))
corrected = correct(pdm, model.regressor, found[-1])
stages.append(("learned correction", corrected.pose.apply(pdm.shape(corrected.b))))

figure, grid = plt.subplots(2, 3, figsize=(8, 6), layout="constrained")
for (said, points), axes in zip(stages, grid.flat, strict=True):
    error = np.linalg.norm(points - truth, axis=1).mean() / iod
    axes.imshow(gray, cmap="gray")
    axes.plot(*points.T, ".", color="#ffd400", ms=4)
    axes.set_title(f"{said}\nerror {error:.3f}", fontsize=9)
    axes.set_axis_off()
