"""Which settings a training may go on with."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, open_dict

from dyninf.checkpoint_file import CheckpointFile
from dyninf.configuration import CONF
from dyninf.going_on import check_same_training


def composed(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", [*overrides, "paths.output_dir=out", "paths.data_dir=data"])


def check(begun: DictConfig, config: DictConfig) -> None:
    check_same_training(CheckpointFile(Path("last.ckpt"), begun, ("a", "b"), {}), config)


def test_the_number_of_processes_may_change_where_nothing_else_does() -> None:
    one, two = composed(), composed("trainer=ddp_cpu", "dataset.batch_size=4")
    synchronised = composed("trainer=ddp"), composed("trainer.sync_batchnorm=true")
    for begun, config in ((one, two), (two, one), synchronised, synchronised[::-1]):
        assert begun != config
        check(begun, config)
    with pytest.raises(ValueError, match=r"trainer\.sync_batchnorm is True in the file, False here"):
        check(synchronised[0], one)


def test_a_file_that_says_nothing_of_batch_norms_was_made_without_synchronising_them() -> None:
    older = composed()
    with open_dict(older):
        older.trainer.pop("sync_batchnorm", None)
    check(older, composed("trainer=ddp_cpu"))
    check(composed("trainer=ddp_cpu"), older)
    with pytest.raises(
        ValueError, match=r"trainer\.sync_batchnorm is False in the file, True here; give the"
    ):
        check(older, composed("trainer=ddp"))
