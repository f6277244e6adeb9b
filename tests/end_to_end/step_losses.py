"""Callbacks that a training is compared with another by: none is a test."""

import json
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from torch.nn.modules.batchnorm import _BatchNorm


class FrozenNorms(Callback):
    """Batch norm keeps its statistics, while all else is as in training."""

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        for part in pl_module.modules():
            if isinstance(part, _BatchNorm):
                part.eval()


class StepLosses(Callback):
    """The loss of each step, a line each, in a file of its own for each process."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / f"losses-{trainer.global_rank}.jsonl", "a") as file:
            file.write(json.dumps(float(outputs["loss"])) + "\n")
