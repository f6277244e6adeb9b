"""Training and testing of a network with several checkpoints.

Legend: B clips, T frames, C, H, W, V videos, K checkpoints, N classes.
"""

from collections.abc import Sequence
from functools import partial

import pytest
import torch
from pytorch_lightning import Trainer
from tests.networks import NUM_CLASSES, random_clips, random_network
from torch.nn.functional import cross_entropy
from torch.optim import SGD
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader

from dyninf.data import Clip
from dyninf.grid import Network
from dyninf.schemes import DepthAxisModule, InputAxisModule, JointModule


def small(scheme: str, **overrides: object) -> Network:
    return random_network("resnet_small", scheme, 4, width=8, head_width=16, **overrides)


def clips(number: int, seed: int = 1) -> Sequence[Clip]:
    """A data set in memory."""
    video_BTCHW = random_clips(number, 4, seed=seed)
    return [Clip(video_TCHW, i % NUM_CLASSES, f"{seed}-{i}") for i, video_TCHW in enumerate(video_BTCHW)]


def loader(dataset: Sequence[Clip]) -> DataLoader:
    return DataLoader(dataset, batch_size=4)


def quiet_trainer(**settings: object) -> Trainer:
    return Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **settings,
    )


@pytest.mark.parametrize("weights", [None, [1.0, 0.5, 0.0, 3.0]])
def test_the_loss_is_the_weighted_sum_of_the_checkpoints_cross_entropies(weights: list[float] | None) -> None:
    network = small("input")
    module = InputAxisModule(network, loss_weights=weights).eval()
    batch = next(iter(loader(clips(4))))
    expected = sum(
        weight * cross_entropy(network(batch.video)[:, k], batch.label)
        for k, weight in enumerate(weights or [1.0] * 4)
    )
    assert torch.allclose(module.training_step(batch, 0), expected)


def test_a_checkpoint_of_weight_zero_is_not_trained() -> None:
    network = small("joint", checkpoints=[[1, 2], [4, 4]])
    module = JointModule(network, loss_weights=[0.0, 1.0])
    module.training_step(next(iter(loader(clips(4)))), 0).backward()
    assert network.backbone.heads["res3"].classifier.weight.grad.abs().sum() == 0
    assert network.backbone.fc.weight.grad.abs().sum() > 0


def test_another_number_of_weights_is_refused_with_the_checkpoints() -> None:
    with pytest.raises(ValueError, match="2 loss weights for 3 checkpoints: 4f-res3, 4f-res4, 4f-res5"):
        DepthAxisModule(small("depth"), loss_weights=[1, 2])


def test_a_network_of_another_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match=r"depth-axis scheme has one group, .* has 4"):
        DepthAxisModule(small("joint"))
    with pytest.raises(ValueError, match=r"after the last stage only.*4f-res3, 4f-res4"):
        InputAxisModule(small("depth"))
    with pytest.raises(ValueError, match=r"after the last stage only.*1f-res3"):
        InputAxisModule(small("joint"))
    for scheme, module in (
        ("depth", DepthAxisModule),
        ("plain", DepthAxisModule),
        ("input", InputAxisModule),
    ):
        assert module(small(scheme)).network.checkpoints
        assert JointModule(small(scheme)).network.checkpoints


def test_training_without_an_optimizer_is_refused() -> None:
    with pytest.raises(ValueError, match="needs an optimizer"):
        quiet_trainer(max_epochs=1).fit(JointModule(small("joint")), loader(clips(4)))


@pytest.mark.parametrize(
    "scheme, module_class", [("depth", DepthAxisModule), ("input", InputAxisModule), ("joint", JointModule)]
)
def test_fit_and_test_log_what_the_network_does_at_each_checkpoint(scheme: str, module_class: type) -> None:
    network = small(scheme)
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    weights = [1.0 + k for k in range(len(network.checkpoints))]
    module = module_class(
        network, partial(SGD, lr=0.01), partial(StepLR, step_size=1, gamma=0.1), loss_weights=weights
    )
    trainer = quiet_trainer(max_epochs=2)
    training, validation = clips(8), clips(10, seed=2)
    trainer.fit(module, loader(training), loader(validation))
    assert any(not torch.equal(before[name], parameter) for name, parameter in network.named_parameters())
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.0001)

    check_logged(trainer.callback_metrics, "val", network, validation, weights)
    names = [checkpoint.name for checkpoint in network.checkpoints]
    for key in ("loss", "top1", *(f"{kind}/{name}" for kind in ("top1", "top5") for name in names)):
        assert f"train/{key}" in trainer.callback_metrics

    other = clips(7, seed=3)
    (logged,) = trainer.test(module, loader(other), verbose=False)
    check_logged(logged, "test", network, other, weights)


def check_logged(
    logged: dict, phase: str, network: Network, dataset: Sequence[Clip], weights: list[float]
) -> None:
    """Compare with the accuracies and the loss over the whole data set at once."""
    network.eval()
    label_V = torch.tensor([clip.label for clip in dataset])
    with torch.inference_mode():
        logits_VKN = network(torch.stack([clip.video for clip in dataset]))
    losses = []
    for k, checkpoint in enumerate(network.checkpoints):
        order_VN = logits_VKN[:, k].argsort(descending=True)
        top1 = (order_VN[:, 0] == label_V).float().mean().item()
        top5 = (order_VN[:, :5] == label_V[:, None]).any(1).float().mean().item()
        assert float(logged[f"{phase}/top1/{checkpoint.name}"]) == pytest.approx(top1)
        assert float(logged[f"{phase}/top5/{checkpoint.name}"]) == pytest.approx(top5)
        losses.append(weights[k] * cross_entropy(logits_VKN[:, k], label_V).item())
    assert float(logged[f"{phase}/top1"]) == pytest.approx(top1)
    assert float(logged[f"{phase}/loss"]) == pytest.approx(sum(losses), rel=1e-4)


def test_loss_weights_are_no_part_of_a_checkpoint_file() -> None:
    module = JointModule(small("joint"))
    assert set(module.state_dict()) == {f"network.{name}" for name in module.network.state_dict()}
