"""The training loop of the start network, which can be interrupted and resumed."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import cv2
import torch

from faceloop_datasets.errors import TrainingError
from faceloop_datasets.files import atomic_path

from .batches import Batch, Batches, BatchSize
from .losses import Losses, LossWeights, losses
from .network import StartNetwork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from .augmentation import Augmentation

_RATE, _DECAY = 2e-3, 0.02
_RISE, _FIRST, _LAST = 0.05, 10, 200
"""Of one cycle: share of the steps in which the rate rises, what its first value is of the
highest, and its last of the first (as divisors)."""
_AHEAD = 6
"""Batches that each process has ready."""


@dataclass(frozen=True)
class Settings:
    """Settings of a training.

    Parameters
    ----------
    steps, seed : int
    threads, workers : int
        Of PyTorch, and processes that make batches; with 0 the training makes them itself.
        Neither changes what is drawn.
    tell_every, save_every : int
        Steps between lines of progress, and between checkpoints.
    """

    steps: int = 24000
    seed: int = 0
    threads: int = 1
    workers: int = 2
    tell_every: int = 200
    save_every: int = 2000


@dataclass(frozen=True, eq=False)
class Training:
    """A training of the start network.

    Parameters
    ----------
    augmentation : Augmentation
    rows : ndarray of int, shape (M,)
        Faces to train on.
    settings : Settings
    checkpoint : Path
        File of the state from which an interrupted training goes on.
    tell : callable
        Given lines of progress.
    size : BatchSize
    """

    augmentation: Augmentation
    rows: NDArray[np.intp]
    settings: Settings
    checkpoint: Path
    tell: Callable[[str], None]
    size: BatchSize = field(default_factory=BatchSize)

    def run(self, *, resume: bool = False) -> tuple[StartNetwork, dict[str, float], float]:
        """Train; return the network, its mean losses at the end, and the seconds it took.

        Raises
        ------
        FaceloopError
            If it is to resume and the checkpoint is missing, damaged or of another training.
        """
        torch.manual_seed(self.settings.seed)
        torch.set_num_threads(self.settings.threads)
        _one_thread()
        state = _State(self.settings.steps)
        if resume:
            state.restore(self._read())
        since, sums, counted = time.monotonic() - state.seconds, torch.zeros(7), 0
        means: dict[str, float] = state.means
        for batch in self._batches(state.step):
            sums, counted = sums + torch.stack(state.learn(batch)).detach(), counted + 1
            state.seconds = time.monotonic() - since
            if self._due(state.step, self.settings.tell_every):
                state.means = means = dict(
                    zip(Losses._fields, (sums / counted).tolist(), strict=True)
                )
                self.tell(_line(state.step, state.seconds, means))
                sums, counted = torch.zeros(7), 0
            if self._due(state.step, self.settings.save_every):
                self._save(state)
        return state.network.eval(), means, state.seconds

    def _due(self, step: int, every: int) -> bool:
        return step % every == 0 or step == self.settings.steps

    def _batches(self, first: int) -> Iterator[Batch]:
        settings = self.settings
        batches = Batches(
            self.augmentation, self.rows, self.size, settings.seed, first, settings.steps
        )
        # Forked processes share the pictures; where there is no fork each gets a copy.
        start = "fork" if sys.platform == "linux" else "spawn"
        loader = torch.utils.data.DataLoader(
            batches,
            batch_size=None,
            num_workers=settings.workers,
            prefetch_factor=_AHEAD if settings.workers else None,
            multiprocessing_context=start if settings.workers else None,
            worker_init_fn=_one_thread,
        )
        return iter(loader)

    def _identity(self) -> dict[str, Any]:
        settings = self.settings
        faces = self.augmentation.faces.digest
        return {"steps": settings.steps, "seed": settings.seed, "faces": faces, **asdict(self.size)}

    def _save(self, state: _State) -> None:
        with atomic_path(self.checkpoint) as part:
            torch.save({"training": self._identity(), **state.saved()}, part)

    def _read(self) -> dict[str, Any]:
        try:
            saved: dict[str, Any] = torch.load(self.checkpoint, weights_only=True)
            identity = saved["training"]
        except (OSError, RuntimeError, ValueError, KeyError, EOFError) as error:
            raise TrainingError(
                f"The checkpoint {self.checkpoint} cannot be read ({error}). Train without "
                "--resume."
            ) from error
        for name, value in self._identity().items():
            if identity.get(name) != value:
                raise TrainingError(
                    f"The checkpoint {self.checkpoint} is of a training with {name} "
                    f"{identity.get(name)}, not {value}. Name the same, or train without --resume."
                )
        return saved


class _State:
    """All that a training changes."""

    def __init__(self, steps: int) -> None:
        self.network = StartNetwork().to(memory_format=torch.channels_last).train()
        weights = list(self.network.parameters())
        groups = [
            {"params": [w for w in weights if w.ndim > 1], "weight_decay": _DECAY},
            {"params": [w for w in weights if w.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=_RATE)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            _RATE,
            total_steps=steps,
            pct_start=_RISE,
            anneal_strategy="cos",
            div_factor=_FIRST,
            final_div_factor=_LAST,
        )
        self.step, self.seconds = 0, 0.0
        self.means: dict[str, float] = {}

    def learn(self, batch: Any) -> Losses:
        """Take one step, with a `Batch` of tensors."""
        crops = batch.crops[:, None].contiguous(memory_format=torch.channels_last)
        # Half the time of float32 on processors that have bfloat16, and as good.
        with torch.autocast("cpu", dtype=torch.bfloat16):
            _, heads, heatmaps = self.network(crops)
        places = self.network.places(heatmaps)  # to bfloat16 a step would be an eighth of a pixel
        found = losses(heads, places, batch)
        self.optimizer.zero_grad()
        found.total(LossWeights()).backward()
        self.optimizer.step()
        self.schedule.step()
        self.step += 1
        return found

    def saved(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "means": self.means,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Go back to what a checkpoint holds."""
        for name in ("network", "optimizer", "schedule"):
            getattr(self, name).load_state_dict(saved[name])
        self.step, self.seconds, self.means = saved["step"], saved["seconds"], saved["means"]


def _one_thread(_worker: int = 0) -> None:
    # Crops are so small that threads of OpenCV only wait for each other.
    cv2.setNumThreads(1)


def _line(step: int, seconds: float, means: dict[str, float]) -> str:
    found = " ".join(f"{name} {value:.4f}" for name, value in means.items())
    return f"step {step}, {seconds:.0f} s: {found}"
