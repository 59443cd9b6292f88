"""
What one patch expert sees
==========================

A patch expert is a linear filter, one for each landmark and scale. Around where the mean shape has
its landmark, its response says at each place how much that looks like the landmark; a softmax makes
a probability of it (`faceloop_runtime.responses`).
"""

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from faceloop_datasets.sample import sample_dir, sample_faces
from faceloop_runtime import FaceModel
from faceloop_runtime.imaging.channels import CropChannels
from faceloop_runtime.imaging.crop import FaceImage
from faceloop_runtime.responses import CpuResponses

model = FaceModel.starter()
face = next(face for face in sample_faces() if face.name == "s0036")
picture = Image.open(sample_dir() / "stills" / face.image_name)
gray = np.asarray(picture.convert("L"))
truth = face.annotation.points
pose, _ = model.pdm.parameters(truth)
landmark = model.scheme.point("mouth right corner")

# %%
# At each scale the face is cut out upright and at the size that the experts know. The window is 11
# pixels wide: much of the face at the coarsest scale, a part of the mouth at the finest.
backend = CpuResponses(model.experts)
image = FaceImage(gray, pose, model.extent, model.experts[-1].scale)
figure, grid = plt.subplots(2, 3, figsize=(8, 5.4), layout="constrained")
for level, (experts, above, below) in enumerate(zip(model.experts, *grid, strict=True)):
    size = model.crop_size(experts.scale, experts.patch)
    middle = (size - 1) / 2
    crop = image.crop(pose, experts.scale, size)
    centres = np.rint(model.pdm.mean * experts.scale + middle).astype(np.intp)
    responses = backend.responses(level, CropChannels(crop, model.channels), centres)
    probability = experts.probabilities(responses)[landmark]

    x, y = centres[landmark]
    true = pose.inverse().apply(truth)[landmark] * experts.scale + middle
    edges = (x - 5.5, x + 5.5, y + 5.5, y - 5.5)
    above.imshow(crop, cmap="gray")
    above.add_patch(plt.Rectangle((x - 5.5, y - 5.5), 11, 11, fill=False, color="#ffd400"))
    above.set_title(f"eyes {experts.scale:g} px apart", fontsize=10)
    below.imshow(probability, cmap="magma", extent=edges)
    below.plot(*true, "+", color="#7fd4ff", ms=14, mew=2)
    for axes in (above, below):
        axes.set_axis_off()

# %%
# The cross is where the landmark truly is. No map is a single sharp peak: that is why the landmarks
# are not moved one by one, but together, held by the shape model.
