"""
A response map, smoothed less and less
======================================

A point climbs a response map by mean-shift: to the mean of the map under a Gaussian kernel, again
and again. A wide kernel sees the whole window and has one peak; a narrow one sees what is near, and
is exact. A search therefore starts wide (Saragih, Lucey & Cohn, IJCV 2011).
"""

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from faceloop_datasets.sample import sample_dir, sample_faces
from faceloop_runtime import FaceModel
from faceloop_runtime.fit.meanshift import mean_shift
from faceloop_runtime.imaging.channels import CropChannels
from faceloop_runtime.imaging.crop import FaceImage
from faceloop_runtime.responses import CpuResponses

model = FaceModel.starter()
experts = model.experts[0]
face = next(face for face in sample_faces() if face.name == "s0036")
picture = Image.open(sample_dir() / "stills" / face.image_name)
pose, _ = model.pdm.parameters(face.annotation.points)
size = model.crop_size(experts.scale, experts.patch)
image = FaceImage(np.asarray(picture.convert("L")), pose, model.extent, experts.scale)
channels = CropChannels(image.crop(pose, experts.scale, size), model.channels)
centres = np.rint(model.pdm.mean * experts.scale + (size - 1) / 2).astype(np.intp)
maps = experts.probabilities(CpuResponses(model.experts).responses(0, channels, centres))

# %%
# The chin has a map of several peaks, since the line of the jaw looks alike all along. Arrows are
# mean-shift steps from places all over the window.
chin = maps[model.scheme.point("chin")][None]
grid = np.arange(-5, 6)
figure, row = plt.subplots(1, 4, figsize=(9, 2.7), layout="constrained")
for variance, axes in zip((20.0, 10.0, 5.0, 2.5), row, strict=True):
    axes.imshow(chin[0], cmap="magma", extent=(-5.5, 5.5, 5.5, -5.5))
    for x in grid[::2]:
        for y in grid[::2]:
            step = mean_shift(chin, np.array([x + 1j * y]), variance)[0]
            axes.arrow(x, y, step.real, step.imag, color="#7fd4ff", width=0.05, head_width=0.4)
    axes.set(title=f"variance {variance:g} px²", xlim=(-5.5, 5.5), ylim=(5.5, -5.5))
    axes.set_axis_off()
