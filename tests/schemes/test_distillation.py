"""Self-distillation against the definition, checkpoint by checkpoint and class by class.

Legend: B clips, K checkpoints, N classes.
"""

import pytest
import torch
from tests.networks import Labelled, labelled, random_clips, random_network

from dyninf.grid import Network
from dyninf.schemes import SchemeModule, SelfDistillation


def test_the_loss_is_the_divergence_from_the_last_checkpoint() -> None:
    B, K, N, temperature, weight = 3, 4, 5, 2.0, 0.5
    logits_BKN = torch.randn(B, K, N)
    softened_BKN = (logits_BKN / temperature).softmax(-1)
    expected = 0.0
    for b in range(B):
        for k in range(K - 1):
            for n in range(N):
                teacher, pupil = softened_BKN[b, -1, n].item(), softened_BKN[b, k, n].item()
                expected += teacher * torch.tensor(teacher / pupil).log().item() / B
    found = SelfDistillation(weight, temperature)(logits_BKN)
    assert found.item() == pytest.approx(weight * temperature**2 * expected, rel=1e-5)


def test_the_last_checkpoint_teaches_and_does_not_learn() -> None:
    logits_BKN = torch.randn(3, 4, 5, requires_grad=True)
    SelfDistillation()(logits_BKN).backward()
    assert torch.equal(logits_BKN.grad[:, -1], torch.zeros(3, 5))
    assert (logits_BKN.grad[:, :-1] != 0).all()


def test_one_checkpoint_has_no_teacher() -> None:
    assert SelfDistillation()(torch.randn(3, 1, 5)).item() == 0


def test_a_network_with_one_checkpoint_is_refused() -> None:
    network = random_network("resnet_small", "plain", 4, width=8, head_width=16)
    with pytest.raises(ValueError, match="needs a checkpoint before the last, resnet_small-plain-4f has one"):
        SchemeModule(network, distillation=SelfDistillation())


def test_it_is_added_in_training_and_logged_on_its_own() -> None:
    batch = labelled(random_clips(3, 4))
    network = random_network("resnet_small", "joint", 4, width=8, head_width=16)
    (alone, logged_alone), (distilled, logged_distilled) = (
        training_step(network, distillation, batch) for distillation in (None, SelfDistillation())
    )
    expected = SelfDistillation()(network(batch.video)).item()
    assert logged_alone == {"train/loss": alone}
    assert logged_distilled == {"train/loss": alone, "train/distillation": pytest.approx(expected, rel=1e-5)}
    assert distilled == pytest.approx(alone + expected, rel=1e-5)


def training_step(
    network: Network, distillation: SelfDistillation | None, batch: Labelled
) -> tuple[float, dict[str, float]]:
    """The loss of the step, and what it sums up to be logged."""
    module = SchemeModule(network, distillation=distillation)
    return module.training_step(batch, 0).item(), losses_of(module)


def losses_of(module: SchemeModule) -> dict[str, float]:
    return {name: mean.item() for name, mean in module.sums.means().items() if name.startswith("train/")}


@pytest.mark.parametrize("setting", [{"weight": 0.0}, {"temperature": -1.0}, {"temperature": float("nan")}])
def test_a_weight_or_temperature_that_is_not_positive_is_refused(setting: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="positive weight and temperature"):
        SelfDistillation(**setting)
