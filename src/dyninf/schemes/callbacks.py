"""What the checkpoints of a run carry besides weights, and what its steps draw."""

from collections.abc import Mapping
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from dyninf.backbones.pretrained_file import SAVED_KEY
from dyninf.seeds import seed_of


class SaveConfig(Callback):
    """Puts `saved` (plain dicts, lists, numbers, strings) into every checkpoint file.

    What `checkpoint_file.read` gives rebuilds the network from it.
    """

    def __init__(self, saved: Mapping[str, Any]) -> None:
        self.saved = dict(saved)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint[SAVED_KEY] = self.saved


class SeedSteps(Callback):
    """What a step draws, as dropout and mixing do, follows from the seed, its place and its process.

    So it does not depend on what was drawn before, which an interruption would change.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        torch.manual_seed(seed_of("step", self.seed, trainer.current_epoch, batch_idx, trainer.global_rank))
