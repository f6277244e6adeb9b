"""Every video of a split counts once.

Legend: B videos, Q views, T frames, C, H, W, K checkpoints, N classes.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.networks import NUM_CLASSES, random_clips
from tests.schemes.on_two_processes import SPLITS, logged
from tests.schemes.test_base import check_logged, clips, loader, quiet_trainer, small
from torch.utils.data import DataLoader

from dyninf import Trace
from dyninf.data import Clip
from dyninf.schemes import JointModule
from dyninf.schemes.video_scores import VideoScores


def test_two_processes_log_what_one_does(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.schemes.on_two_processes", str(tmp_path)],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert first == second
    alone = logged(processes=1)
    assert len(alone) == 3 * len(SPLITS)
    for name, expected in alone.items():
        assert len(expected) == 26, name  # the loss, top-1, and two of each of 12 checkpoints
        assert first[name] == pytest.approx(expected, rel=1e-5), name


def test_a_video_that_comes_again_counts_once() -> None:
    logits_BKN, label_B = torch.randn(4, 3, 6), torch.tensor([0, 1, 2, 3])
    once, again = VideoScores(), VideoScores()
    once.update("abcd", torch.arange(4.0), logits_BKN, label_B)
    again.update("abcd", torch.arange(4.0), logits_BKN, label_B)
    again.update("ab", torch.arange(2.0), logits_BKN[:2], label_B[:2])
    for found, expected in zip(again.compute(), once.compute(), strict=True):
        assert torch.equal(found, expected)
    loss, top1_K, top5_K = once.compute()
    assert loss == 1.5
    assert torch.equal(top1_K, (logits_BKN.argmax(-1) == label_B[:, None]).float().mean(0))
    five_BK5 = logits_BKN.argsort(-1, descending=True)[..., :5]
    assert torch.equal(top5_K, (five_BK5 == label_B[:, None, None]).any(-1).float().mean(0))


def test_after_a_reset_earlier_videos_are_forgotten() -> None:
    scores = VideoScores()
    scores.update("a", torch.ones(1), torch.tensor([[[1.0, 0.0]]]), torch.tensor([1]))
    scores.reset()
    scores.update("b", torch.zeros(1), torch.tensor([[[1.0, 0.0]]]), torch.tensor([0]))
    assert [value.tolist() for value in scores.compute()] == [0.0, [1.0], [1.0]]


def test_testing_in_views_logs_the_accuracies_of_the_trace() -> None:
    module = JointModule(small("joint"))
    views_BQTCHW = torch.stack([random_clips(6, 4, seed=seed) for seed in (1, 2)], 1)
    dataset = [Clip(views, i % NUM_CLASSES, str(i)) for i, views in enumerate(views_BQTCHW)]
    (logged,) = quiet_trainer().test(module, DataLoader(dataset, 4), verbose=False)
    trace = Trace.record(module.network, DataLoader(dataset, 4))
    assert logged["test/top1"] == pytest.approx(trace.full().top1)
    for k, checkpoint in enumerate(module.network.checkpoints):
        outcome = trace.stop_at(torch.full((6,), k))
        assert logged[f"test/top1/{checkpoint.name}"] == pytest.approx(outcome.top1)
        assert logged[f"test/top5/{checkpoint.name}"] == pytest.approx(outcome.top5)


def test_validating_alone_logs_what_the_network_does() -> None:
    module, dataset = JointModule(small("joint")), clips(7, seed=3)
    (logged,) = quiet_trainer().validate(module, loader(dataset), verbose=False)
    check_logged(logged, "val", module.network, dataset, [1.0] * len(module.network.checkpoints))
