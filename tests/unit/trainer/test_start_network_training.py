"""The network is trained, exported and read again; an interrupted training goes on as it was."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_negatives
from faceloop_trainer.start_network.augmentation import Augmentation
from faceloop_trainer.start_network.batches import BatchSize
from faceloop_trainer.start_network.judging import points_of
from faceloop_trainer.start_network.rendered import RenderedFaces

from .rendered_faces import write_faces

if TYPE_CHECKING:
    from pathlib import Path

WHY = "needs PyTorch and ONNX: pip install --group network"
torch = pytest.importorskip("torch", reason=WHY)
pytest.importorskip("onnx", reason=WHY)


class Stopped(Exception):  # noqa: N818
    pass


def stop(_line: str) -> None:
    raise Stopped


def test_opencv_reads_what_pytorch_computes(tmp_path: Path) -> None:
    from faceloop_trainer.start_network.export import export
    from faceloop_trainer.start_network.network import StartNetwork

    torch.manual_seed(0)
    network = StartNetwork().train()
    torch.nn.init.normal_(network.head.weight, std=0.02)
    with torch.no_grad():
        for _ in range(3):  # means and spreads of the normalisation
            network(torch.randn(16, 1, 64, 64))
    crop = np.random.default_rng(0).normal(0, 1, (64, 64)).astype(np.float32)
    file = tmp_path / "network.onnx"
    export(network, file)
    with torch.no_grad():
        features, heads, heatmaps = network(torch.from_numpy(crop)[None, None])
        places = network.places(heatmaps)[0] + heads[0, :140].reshape(70, 2)
    read = cv2.dnn.readNetFromONNX(str(file))
    np.testing.assert_allclose(points_of(read, crop), places.numpy(), atol=2e-3)
    read.setInput(crop[None, None])
    found = read.forward(["features", "outputs", "heatmaps"])[0]
    np.testing.assert_allclose(found, features.numpy(), atol=2e-2)
    assert file.stat().st_size < 2.5e6  # in half precision


def test_a_resumed_training_ends_as_if_it_had_not_been_stopped(tmp_path: Path) -> None:
    from faceloop_trainer.start_network.training import Settings, Training

    write_faces(tmp_path / "faces", 6)
    negatives = [read_image(path, "gray") for path in sample_negatives()]
    augmentation = Augmentation(RenderedFaces.read(tmp_path / "faces"), negatives)
    settings = Settings(steps=3, workers=0, tell_every=2, save_every=1)
    rows, size, checkpoint = np.arange(6), BatchSize(4, 2), tmp_path / "network.checkpoint"
    with pytest.raises(Stopped):
        Training(augmentation, rows, settings, checkpoint, stop, size).run()
    lines: list[str] = []
    training = Training(augmentation, rows, settings, checkpoint, lines.append, size)
    resumed = training.run(resume=True)[0]
    whole = training.run()[0]
    assert "step 3" in lines[-1]
    for mine, theirs in zip(resumed.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.long
@pytest.mark.parametrize("workers", ["0", "1"])
def test_the_command_makes_a_network_and_says_of_what(tmp_path: Path, workers: str) -> None:
    write_faces(tmp_path / "faces", 24)
    target = tmp_path / "network.onnx"
    command = [sys.executable, "-m", "faceloop_trainer.start_network", str(tmp_path / "faces")]
    options = ["--steps", "2", "--workers", workers, "--to", str(target)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "step 2" in done.stdout
    about = json.loads(target.with_suffix(".json").read_text(encoding="utf-8"))
    assert about["sha256"] == hashlib.sha256(target.read_bytes()).hexdigest()
    assert (about["pictures"], about["people"], about["steps"]) == (24, 24, 2)
    assert about["error_aside"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "faces",
        "network.json",
        "network.onnx",
    ]
