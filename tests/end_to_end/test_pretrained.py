"""``python -m dyninf.train pretrained=PATH``: a training that starts from the weights in a file."""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from tests.end_to_end.commands import Finished
from torch import Tensor

import dyninf

Command = Callable[..., Finished]
STILL = ("optimizer.lr=0", "optimizer.weight_decay=0")  # nothing moves but batch norm's statistics


def backbone_of(checkpoint: Path) -> dict[str, Tensor]:
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    prefix = "network.backbone."
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def is_trained(name: str) -> bool:
    return not name.endswith(("running_mean", "running_var", "num_batches_tracked"))


def test_a_run_starts_from_one_of_another_scheme_which_evaluating_it_does_not_need(
    command: Command, here: Path, tmp_path: Path, tiny: list[str], run_of: Callable[[str], Path]
) -> None:
    file = tmp_path / "kinetics.ckpt"
    file.write_bytes((run_of("plain") / "checkpoints/best.ckpt").read_bytes())
    done = command("train", "scheme=joint", *tiny, *STILL, f"pretrained={file}", "output=run").check()
    assert f"resnet_small-joint-4f: weights from {file} (checkpoint of dyninf.train)" in done.out
    assert "new in the network: heads.res3 (not in the file); heads.res4 (not in the file)" in done.out
    assert "left in the file: nothing" in done.out
    before, after = backbone_of(file), backbone_of(here / "run/checkpoints/best.ckpt")
    assert before.keys() < after.keys()
    assert all(after[name].equal(value) for name, value in before.items() if is_trained(name))
    content = torch.load(here / "run/checkpoints/best.ckpt", weights_only=True)
    assert content["dyninf"]["config"]["pretrained"] == str(file)

    file.unlink()
    command("evaluate", "checkpoint=run/checkpoints/best.ckpt", "output=again").check()
    summaries = [json.loads((here / run / "summary.json").read_text()) for run in ("run", "again")]
    assert summaries[0] == summaries[1]
    two = ("trainer.max_epochs=2", "scheduler.T_max=2", "output=resumed")
    command("train", "scheme=joint", *tiny, *two, "checkpoint=run/checkpoints/last.ckpt").check()


def test_a_multirun_starts_every_job_from_torchvisions_names_with_a_fresh_classifier(
    command: Command, here: Path, tmp_path: Path, tiny: list[str]
) -> None:
    weights = dyninf.build_network("resnet_small", "plain", 1000, 1).backbone.state_dict()
    torch.save(weights, tmp_path / "imagenet.pth")
    start = f"pretrained={tmp_path / 'imagenet.pth'}"
    done = command("train", "-m", "scheme=depth,input", *tiny, *STILL, start, "output=both").check()
    assert done.out.count("imagenet.pth (torchvision ResNet)") == 2
    assert done.out.count("fc (other number of classes: 1000 in the file, 12 here)") == 2
    for job in ("0-depth", "1-input"):
        after = backbone_of(here / "both" / job / "checkpoints/best.ckpt")
        trained = {name: value for name, value in weights.items() if is_trained(name) and name[:3] != "fc."}
        assert all(after[name].equal(value) for name, value in trained.items())
        assert after["fc.weight"].shape == (12, 192)
