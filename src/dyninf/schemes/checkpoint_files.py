"""How Lightning's checkpoints become files: whole or not at all, with a checksum, and read without trust."""

import re
from pathlib import Path
from typing import Any

from pytorch_lightning.plugins.io import TorchCheckpointIO

from dyninf.tensor_file import load_tensors, save_tensors

VERSION = "pytorch-lightning_version"
"""The entry by which Lightning knows how to read a file."""


class CheckpointFiles(TorchCheckpointIO):
    """What a trainer saves and loads its checkpoints through, as one of its ``plugins``.

    A process that is killed while it saves, or a full disk, leaves the file that was there before.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Raises OSError that says in one line what could not be written, and where."""
        save_tensors(Path(path), checkpoint)

    def load_checkpoint(
        self, path: Any, map_location: Any = "cpu", weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Raises FileNotFoundError, or ValueError if the file is damaged or holds more than tensors."""
        content: dict[str, Any] = load_tensors(Path(path))
        version = content.get(VERSION) if isinstance(content, dict) else None
        if not isinstance(version, str) or not re.match(r"\d+\.\d+", version):
            raise ValueError(f"{path} is damaged: it has no {VERSION!r} entry, or a wrong one")
        return content

    def remove_checkpoint(self, path: Any) -> None:
        """Only a file: what the checkpoint of a training names may be a folder, which stays."""
        if Path(path).is_file():
            Path(path).unlink()
