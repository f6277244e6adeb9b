"""What the checkpoints of a run carry besides weights."""

from collections.abc import Mapping
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from dyninf.backbones.pretrained_file import SAVED_KEY


class SaveConfig(Callback):
    """Puts `saved` (plain dicts, lists, numbers, strings) into every checkpoint file.

    `checkpoint_file.load` rebuilds the network from it.
    """

    def __init__(self, saved: Mapping[str, Any]) -> None:
        self.saved = dict(saved)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint[SAVED_KEY] = self.saved
