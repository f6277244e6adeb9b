"""A training from objects alone, as in a notebook: no config, and nothing of it in the checkpoint."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.optim import SGD

from dyninf.backbones import CutNetwork
from dyninf.backbones.pretrained_file import SAVED_KEY
from dyninf.checkpoint_file import network_weights
from dyninf.data import Synthetic
from dyninf.grid import Network, Scheme
from dyninf.policies import MaxProbability
from dyninf.schemes import CheckpointFiles, JointModule, LastCheckpoint
from dyninf.tensor_file import load_tensors
from dyninf.training import train


class Tiny(nn.Module):
    """Images (M, 3, H, W) to 1000 logits. Legend: M = clips · frames, C channels, H, W."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, 4, 1), nn.BatchNorm2d(4), nn.ReLU())
        self.end = nn.Sequential(nn.Conv2d(4, 8, 3, 4, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.fc = nn.Linear(8, 1000)

    def forward(self, images_MCHW: Tensor) -> Tensor:
        return self.fc(self.end(self.stem(images_MCHW)).mean((2, 3)))


def objects(folder: Path) -> tuple[Synthetic, JointModule]:
    """Twelve clips a split, and a network whose backbone is no part of the package."""
    clips = dict.fromkeys(("train_clips", "calibration_clips", "test_clips"), 1)
    data = Synthetic(folder, num_frames=4, batch_size=6, num_workers=0, resize=32, crop=32, **clips)
    backbone = CutNetwork("tiny", Tiny(), ["stem"], ["end.0"])
    network = Network(backbone, Scheme("joint", groups=2, shift="online"), data.num_classes, data.num_frames)
    return data, JointModule(network, partial(SGD, lr=0.1))


def test_a_plain_trainer_and_a_backbone_of_ones_own_are_enough(tmp_path: Path) -> None:
    data, module = objects(tmp_path)
    trainer = Trainer(accelerator="cpu", max_epochs=1, default_root_dir=tmp_path / "trainer")
    assessment = train(data, module, trainer, MaxProbability(0.5), tmp_path / "run")
    assert assessment is not None
    assert assessment.summary["videos"] == data.num_classes
    assert (tmp_path / "run/summary.json").is_file()
    saved = load_tensors(Path(trainer.checkpoint_callback.best_model_path))
    assert SAVED_KEY not in saved


def test_the_best_epoch_is_assessed_and_not_the_last(tmp_path: Path) -> None:
    data, module = objects(tmp_path)
    first = ModelCheckpoint(tmp_path / "best", monitor="epoch", mode="min")
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=2,
        logger=False,
        callbacks=[first],
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    train(data, module, trainer, MaxProbability(0.5), tmp_path / "run")
    saved = load_tensors(Path(first.best_model_path))
    assert saved["epoch"] == 0
    assert trainer.current_epoch == 2
    weights = network_weights(first.best_model_path)
    assert weights.keys() == module.network.state_dict().keys()
    for name, tensor in module.network.state_dict().items():
        assert torch.equal(tensor, weights[name]), name
        assert torch.equal(tensor, saved["state_dict"][f"network.{name}"]), name


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"model": {}}, "is no checkpoint of dyninf.train: it has no 'state_dict' entry"),
        ({"state_dict": [1]}, "is damaged: its 'state_dict' entry has no weights by name"),
        ({"state_dict": {"network.x": "no tensor"}}, "is damaged: x is no tensor"),
    ],
)
def test_a_file_without_weights_says_what_is_missing(content: object, words: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "odd.ckpt")
    with pytest.raises(ValueError, match=f"odd[.]ckpt {words}"):
        network_weights(tmp_path / "odd.ckpt")


@pytest.mark.parametrize(
    "odd",
    [
        {"callbacks": [1]},
        {"loops": {"fit_loop": 3}},
        {"loops": {}},
        {"optimizer_states": ["x"]},
        {"optimizer_states": [{"state": {}, "param_groups": []}]},
        {"lr_schedulers": 7},
        {"state_dict": {"network.x": torch.zeros(1)}},
        {"state_dict": 1},
        {"pytorch-lightning_version": 5},
        {"pytorch-lightning_version": "new"},
    ],
    ids=str,
)
def test_a_file_that_holds_no_training_to_go_on_with_is_named(odd: dict[str, Any], tmp_path: Path) -> None:
    data, module = objects(tmp_path)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    once = Trainer(accelerator="cpu", max_epochs=1, enable_checkpointing=False, **quiet)
    once.fit(module, data)
    once.save_checkpoint(tmp_path / "last.ckpt")
    torch.save(load_tensors(tmp_path / "last.ckpt") | odd, tmp_path / "last.ckpt")
    callbacks, plugins = [LastCheckpoint(tmp_path)], [CheckpointFiles()]
    again = Trainer(accelerator="cpu", max_epochs=2, plugins=plugins, callbacks=callbacks, **quiet)
    with pytest.raises(ValueError) as caught:
        train(data, module, again, MaxProbability(0.5), tmp_path / "run", resume=tmp_path / "last.ckpt")
    said = str(caught.value)
    assert said.isprintable()
    assert said.startswith(
        (f"{tmp_path / 'last.ckpt'} is damaged", f"{tmp_path / 'last.ckpt'}: loaded state")
    )
