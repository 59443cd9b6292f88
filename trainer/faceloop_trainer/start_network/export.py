"""The start network as the runtime reads it: ONNX, with weights in half precision."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from faceloop_datasets.files import atomic_path
from faceloop_runtime.start_network.network import SIDE

if TYPE_CHECKING:
    from pathlib import Path

    from .network import StartNetwork

_OUTPUTS = ["features", "outputs", "heatmaps"]
_SMALL = 64
"""Arrays of no more numbers stay in single precision: they are constants, and take no room."""
_OPSET = 13


def export(network: StartNetwork, target: Path) -> None:
    """Write a network, which is then in its state for use, to an ONNX file."""
    names = ["crops", *_OUTPUTS]
    plain = network.eval().to(memory_format=torch.contiguous_format)
    with atomic_path(target) as part:
        with warnings.catch_warnings():
            # The newer exporter needs one more package, and makes what OpenCV cannot read.
            warnings.simplefilter("ignore", DeprecationWarning)
            torch.onnx.export(
                plain,
                (torch.zeros(1, 1, SIDE, SIDE),),
                str(part),
                input_names=names[:1],
                output_names=_OUTPUTS,
                dynamic_axes={name: {0: "n"} for name in names},
                opset_version=_OPSET,
                dynamo=False,
            )
        model = onnx.load(str(part))
        _halve(model)
        onnx.save(model, str(part))


def _halve(model: onnx.ModelProto) -> None:
    """Store weights in half precision; OpenCV computes with them in single precision."""
    for array in model.graph.initializer:
        values = numpy_helper.to_array(array)
        if values.dtype == np.float32 and values.size > _SMALL:
            half = numpy_helper.from_array(values.astype(np.float16), array.name)
            array.CopyFrom(half)
