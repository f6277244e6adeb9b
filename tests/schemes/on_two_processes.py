"""``python -m tests.schemes.on_two_processes FOLDER``: fits, validates and tests, and writes what is logged.

Not a test: `test_video_scores` runs it. Lightning starts the second process with the same command line; each
writes a file.
"""

import json
import sys
from functools import partial
from pathlib import Path

import torch
from tests.schemes.test_base import clips, quiet_trainer, small
from torch.optim import SGD
from torch.utils.data import DataLoader

from dyninf.schemes import JointModule

SPLITS = ((5, 2), (1, 3))
"""Videos and batch size: an odd number, so that a video goes to both; one, so that a process has none."""


def logged(processes: int) -> dict[str, dict[str, float]]:
    """What validating and testing say of each split, and validating in the course of a training."""
    found = {}
    strategy = "ddp" if processes > 1 else "auto"
    for videos, batch_size in SPLITS:
        trainer = quiet_trainer(strategy=strategy, devices=processes, max_epochs=1)
        # Without a learning rate and new statistics training leaves the network as it is.
        module = JointModule(small("joint"), partial(SGD, lr=0.0))
        for part in module.modules():
            if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
                part.momentum = 0.0
        loader = DataLoader(clips(videos, seed=videos), batch_size)
        trainer.fit(module, DataLoader(clips(4), 2), loader)
        name = f"{videos} videos"
        found[f"{name}, fit"] = {
            key: float(value) for key, value in trainer.callback_metrics.items() if key.startswith("val/")
        }
        [found[f"{name}, validate"]] = trainer.validate(module, loader, verbose=False)
        [found[f"{name}, test"]] = trainer.test(module, loader, verbose=False)
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    metrics = logged(processes=2)
    (Path(sys.argv[1]) / f"{torch.distributed.get_rank()}.json").write_text(json.dumps(metrics))
