"""What training sees does not depend on how arrays lie in memory."""

from __future__ import annotations

import numpy as np

from faceloop_runtime.imaging.channels import CHANNELS, channel_stack


def test_channels_do_not_depend_on_where_the_crop_lies() -> None:
    rng = np.random.default_rng(0)
    crop = (rng.random((141, 141)) * 255).astype(np.float32)
    expected = channel_stack(crop, tuple(CHANNELS))
    room = np.empty(crop.nbytes + 64, np.uint8)
    kept = []
    for shift in range(0, 64, 4):
        moved = room[shift : shift + crop.nbytes].view(np.float32).reshape(crop.shape)
        moved[...] = crop
        # Odd sizes push the arrays that are made inside to other places too.
        kept.append(np.empty(int(rng.integers(1, 40_000)), np.uint8))
        for _ in range(4):
            np.testing.assert_array_equal(channel_stack(moved, tuple(CHANNELS)), expected)
