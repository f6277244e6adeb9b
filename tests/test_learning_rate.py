"""How the learning rate follows the number of clips that a step learns from."""

from functools import partial

import pytest
from tests.schemes.test_base import quiet_trainer, small
from torch.optim import SGD

from dyninf.learning_rate import Step, scale_learning_rate, scaled
from dyninf.schemes import JointModule


@pytest.mark.parametrize(
    ("rule", "clips", "expected"),
    [("linear", 64, 0.4), ("linear", 8, 0.05), ("sqrt", 64, 0.2), ("sqrt", 4, 0.05), (None, 64, 0.1)],
)
def test_the_rate_follows_the_clips_of_a_step(rule: str | None, clips: int, expected: float) -> None:
    assert scaled(0.1, rule, clips, reference=16) == pytest.approx(expected)


def test_accumulated_batches_count_and_the_rest_of_the_optimizer_stays() -> None:
    module = JointModule(small("joint"), partial(SGD, lr=0.01, momentum=0.5))
    trainer = quiet_trainer(accumulate_grad_batches=4, max_epochs=1)
    step = scale_learning_rate(module, trainer, 8, "linear", 16)
    assert step == Step(processes=1, batch=8, accumulated=4, learning_rate=0.02)
    assert step.facts()["clips_per_step"] == 32
    [group] = module.optimizer(module.parameters()).param_groups
    assert (group["lr"], group["momentum"]) == (0.02, 0.5)


def test_without_a_rule_the_rate_stays_and_is_said() -> None:
    module = JointModule(small("joint"), partial(SGD, lr=0.01))
    assert str(scale_learning_rate(module, quiet_trainer(), 8)) == "8 clips a step, learning rate 0.01"
    assert str(Step(2, 8, 4, 0.5)) == "64 clips a step (2 processes x 8 clips x 4 batches), learning rate 0.5"


@pytest.mark.parametrize(
    ("rule", "reference", "message"),
    [
        ("square", 16, "scale_lr must be linear or sqrt, or null; got 'square'"),
        ("linear", None, "scale_lr=linear needs reference_batch, the clips a step that optimizer.lr is for"),
        ("sqrt", 0, "a whole number of 1 or more; got 0"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule: str, reference: int | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scaled(0.1, rule, 16, reference)


def test_a_rule_needs_a_rate_to_scale() -> None:
    module = JointModule(small("joint"), partial(SGD, momentum=0.5))
    with pytest.raises(ValueError, match=r"scale_lr=linear needs optimizer\.lr"):
        scale_learning_rate(module, quiet_trainer(), 8, "linear", 16)
