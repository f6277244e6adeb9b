"""Mixup and cutmix: whole clips, shares that add up, and what a training step makes of them.

Legend: B clips, T frames, C, H, W, K checkpoints, N classes.
"""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pytorch_lightning import Trainer
from tests.networks import NUM_CLASSES, Labelled, labelled, random_clips, random_network
from torch import Tensor
from torch.optim import SGD
from torch.utils.data import DataLoader

from dyninf.data import Clip
from dyninf.grid import Network
from dyninf.schemes import Cutmix, JointModule, Mixing, Mixup, MixupOrCutmix, SelfDistillation

KINDS = (Mixup, Cutmix, MixupOrCutmix)
any_mixing = st.sampled_from(KINDS).map(lambda kind: kind())


def even_clips(clips: int, frames: int = 3, height: int = 12, width: int = 16) -> Tensor:
    """Clip b has the value b in every pixel."""
    value_B1111 = torch.arange(clips, dtype=torch.float32).view(-1, 1, 1, 1, 1)
    return value_B1111.expand(-1, frames, 3, height, width).clone()


def seeded(mixing: Mixing, video_BTCHW: Tensor, label_B: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    torch.manual_seed(seed)
    return mixing(video_BTCHW, label_B, NUM_CLASSES)


@given(any_mixing, st.integers(1, 5), st.integers(0, 2**31))
def test_all_frames_are_mixed_alike_and_the_labels_in_proportion(
    mixing: Mixing, clips: int, seed: int
) -> None:
    video_BTCHW, label_B = even_clips(clips), torch.arange(clips)
    mixed_BTCHW, share_BN = seeded(mixing, video_BTCHW, label_B, seed)
    assert type(mixed_BTCHW) is Tensor
    assert mixed_BTCHW.shape == video_BTCHW.shape
    assert share_BN.shape == (clips, NUM_CLASSES)
    for clip_TCHW in mixed_BTCHW:
        assert (clip_TCHW == clip_TCHW[:1, :1]).all()  # the same box in every frame and colour
    # With values equal to the labels, the mean pixel is the mean label.
    expected_B = (share_BN * torch.arange(NUM_CLASSES)).sum(1)
    torch.testing.assert_close(mixed_BTCHW.mean((1, 2, 3, 4)), expected_B, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(share_BN.sum(1), torch.ones(clips))
    assert (share_BN >= 0).all()
    assert torch.equal(video_BTCHW, even_clips(clips))
    assert label_B.tolist() == list(range(clips))


@pytest.mark.parametrize("kind", KINDS)
def test_mixtures_repeat_with_torchs_seed_and_differ_between_batches(kind: Callable[[], Mixing]) -> None:
    video_BTCHW, label_B = random_clips(4, 3), torch.arange(4)
    first, again, other = (seeded(kind(), video_BTCHW, label_B, seed) for seed in (1, 1, 2))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[1], other[1])


def test_mixup_is_a_weighted_mean_and_cutmix_takes_pixels_as_they_are() -> None:
    video_BTCHW, label_B = even_clips(2), torch.arange(2)
    mixed_BTCHW, share_BN = seeded(Mixup(), video_BTCHW, label_B)
    torch.testing.assert_close(mixed_BTCHW[0], share_BN[0, 1].expand_as(mixed_BTCHW[0]))
    cut_BTCHW, _ = seeded(Cutmix(), video_BTCHW, label_B)
    assert set(cut_BTCHW.unique().tolist()) == {0.0, 1.0}


def test_both_kinds_come_in_the_share_that_is_asked_for() -> None:
    mixing = MixupOrCutmix(cutmix_share=0.2)
    cut = 0
    for seed in range(200):
        mixed_BTCHW, _ = seeded(mixing, even_clips(2), torch.arange(2), seed)
        cut += set(mixed_BTCHW.unique().tolist()) <= {0.0, 1.0}
    assert 20 < cut < 70


def test_a_lone_clip_stays_as_it_is() -> None:
    video_BTCHW = random_clips(1, 3)
    for kind in KINDS:
        mixed_BTCHW, share_BN = seeded(kind(), video_BTCHW, torch.tensor([2]))
        torch.testing.assert_close(mixed_BTCHW, video_BTCHW)
        torch.testing.assert_close(share_BN, torch.eye(NUM_CLASSES)[[2]])


@pytest.mark.parametrize("alpha", [0, -1.0, float("nan"), float("inf"), "much"])
def test_an_alpha_that_is_not_positive_is_refused_by_name(alpha: float) -> None:
    for make, name in (
        (lambda: Mixup(alpha), "mixup"),
        (lambda: Cutmix(alpha), "cutmix"),
        (lambda: MixupOrCutmix(mixup_alpha=alpha), "mixup"),
        (lambda: MixupOrCutmix(cutmix_alpha=alpha), "cutmix"),
    ):
        with pytest.raises(ValueError, match=f"alpha of {name} must be a positive number, got {alpha!r}"):
            make()


@pytest.mark.parametrize("share", [0, 1, -0.5, float("nan"), "half"])
def test_a_share_that_leaves_one_kind_alone_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"cutmix_share must be between 0 and 1.*mixing=mixup"):
        MixupOrCutmix(cutmix_share=share)


# In a training step ----------------------------------------------------------------------------------


def small(scheme: str = "joint") -> Network:
    return random_network("resnet_small", scheme, 4, width=8, head_width=16)


def step_of(module: JointModule, batch: Labelled) -> tuple[float, dict[str, float]]:
    """The loss of the step, and what it sums up to be logged."""
    torch.manual_seed(5)
    loss = module.training_step(batch, 0).item()
    return loss, {name: mean.item() for name, mean in module.sums.means().items()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("distillation", [None, SelfDistillation()], ids=["alone", "distilled"])
def test_every_checkpoint_learns_the_shares_of_the_mixed_clips(
    kind: Callable[[], Mixing], distillation: SelfDistillation | None
) -> None:
    network, batch = small(), labelled(random_clips(4, 4))
    K = len(network.checkpoints)
    weights = [0.5 + k for k in range(K)]
    module = JointModule(network, loss_weights=weights, mixing=kind(), distillation=distillation)
    total, logged = step_of(module, batch)

    mixed_BTCHW, share_BN = seeded(kind(), batch.video, batch.label, seed=5)
    logits_BKN = network(mixed_BTCHW)
    entropy_BK = -(share_BN[:, None] * logits_BKN.log_softmax(-1)).sum(-1)
    expected = (entropy_BK.mean(0) * torch.tensor(weights)).sum().item()
    assert logged["train/loss"] == pytest.approx(expected, rel=1e-5)
    extra = 0.0 if distillation is None else distillation(logits_BKN).item()
    assert total == pytest.approx(expected + extra, rel=1e-5)
    assert logged.keys() == {"train/loss"} | ({"train/distillation"} if distillation else set())


def test_the_loss_of_whole_clips_is_that_of_their_classes() -> None:
    module, batch = JointModule(small()), labelled(random_clips(4, 4))
    logits_BKN = module(batch.video)
    one_hot_BN = torch.eye(NUM_CLASSES)[batch.label]
    torch.testing.assert_close(module.loss(logits_BKN, one_hot_BN), module.loss(logits_BKN, batch.label))


def test_validation_is_not_mixed_and_training_reports_no_accuracy() -> None:
    clips = [Clip(video, i % NUM_CLASSES, f"{i}") for i, video in enumerate(random_clips(8, 4))]
    logged = {}
    for mixing in (None, MixupOrCutmix()):
        trainer = Trainer(
            max_epochs=1,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        module = JointModule(small(), lambda parameters: SGD(parameters, lr=0.0), mixing=mixing)
        module.network.eval()
        trainer.fit(module, DataLoader(clips, batch_size=4), DataLoader(clips, batch_size=4))
        logged[mixing is not None] = {name: value.item() for name, value in trainer.callback_metrics.items()}
    plain, mixed = logged[False], logged[True]
    assert {name for name in mixed if name.startswith("train/")} == {"train/loss"}
    assert {name for name in mixed if name.startswith("val/")} == {
        name for name in plain if name.startswith("val/")
    }
    (check,) = Trainer(logger=False, enable_progress_bar=False, enable_model_summary=False).validate(
        module, DataLoader(clips, batch_size=4), verbose=False
    )
    assert check["val/top1"] == pytest.approx(mixed["val/top1"])
