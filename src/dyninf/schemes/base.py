"""Training and testing of a network with several checkpoints.

Legend: B clips, Q views of a video, T frames, C, H, W, K checkpoints, M = B·K, N classes.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from dyninf.batch import Batch
from dyninf.grid import Network, idle_parameters, video_logits
from dyninf.schemes.epoch_sums import EpochSums
from dyninf.schemes.mixing import Mixing
from dyninf.schemes.video_scores import VideoScores, right_among_the_first

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]
SchedulerFactory = Callable[[Optimizer], LRScheduler]

ACCURACIES = ("top1", "top5")
SUMS_KEY = "epoch_sums"
"""In a checkpoint: what the epoch that is under way has summed up so far."""


class SchemeModule(LightningModule):
    """A weighted sum of the checkpoints' cross-entropies; top-1 and top-5 at each checkpoint.

    network: what is trained.
    optimizer, scheduler: partials, called with the parameters and the optimizer; the schedule steps once
        an epoch. Without an optimizer the module can only be tested.
    loss_weights: one number a checkpoint; all 1 (MSDNet's unweighted sum) when absent.
    distillation: a further loss, from the logits (B, K, N) of a training batch; it is logged on its own, as
        ``train/distillation``, and is no part of ``train/loss``.
    mixing: of the clips of each training batch; every checkpoint then learns the shares of the classes.
    activation_checkpointing: switches it on in the network (see `Network`).

    Logs ``{train,val,test}/loss``, ``…/top1/NAME`` and ``…/top5/NAME`` for each checkpoint, and
    ``…/top1`` of the last checkpoint, which is full inference. With `mixing` there are no accuracies in
    training: a mixed clip has no one class that could be right. In validation and testing every video of the
    split counts once, on however many processes, and may come in several views (B, Q, T, C, H, W).

    Raises ValueError if the number of weights does not fit, the network is not of the scheme, or its one
    checkpoint has none before it to distil into.
    """

    def __init__(
        self,
        network: Network,
        optimizer: OptimizerFactory | None = None,
        scheduler: SchedulerFactory | None = None,
        loss_weights: Sequence[float] | None = None,
        distillation: Callable[[Tensor], Tensor] | None = None,
        mixing: Mixing | None = None,
        activation_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.check_scheme(network)
        names = [checkpoint.name for checkpoint in network.checkpoints]
        weights = [1.0] * len(names) if loss_weights is None else list(loss_weights)
        if len(weights) != len(names):
            raise ValueError(f"{len(weights)} loss weights for {len(names)} checkpoints: {', '.join(names)}")
        if distillation is not None and len(names) == 1:
            raise ValueError(f"distillation needs a checkpoint before the last, {network.name} has one alone")
        self.network = network
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.distillation = distillation
        self.mixing = mixing
        if activation_checkpointing:
            network.activation_checkpointing = True
        self.register_buffer("loss_weight_K", torch.tensor(weights), persistent=False)
        self.sums = EpochSums()
        self.scores = VideoScores()

    def check_scheme(self, network: Network) -> None:
        """Raise ValueError if the network's route is not of this scheme."""

    def setup(self, stage: str) -> None:
        if stage == "fit" and self.trainer.world_size > 1:
            # Processes wait for the gradient of every parameter that asks for one.
            for name in idle_parameters(self.network):
                self.network.get_parameter(name).requires_grad_(False)

    def forward(self, video_BTCHW: Tensor) -> Tensor:
        return cast(Tensor, self.network(video_BTCHW))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        if self.mixing is None:
            logits_BKN = self(batch.video)
            loss = self.loss(logits_BKN, batch.label)
            for name, right_BK in zip(
                ACCURACIES, right_among_the_first(logits_BKN, batch.label), strict=True
            ):
                self.sums.add(name, right_BK.sum(0), len(right_BK))
        else:
            mixed_BTCHW, share_BN = self.mixing(batch.video, batch.label, self.network.num_classes)
            logits_BKN = self(mixed_BTCHW)
            loss = self.loss(logits_BKN, share_BN)
        self.sums.add("train/loss", loss * len(batch.label), len(batch.label))
        if self.distillation is None:
            return loss
        distillation = self.distillation(logits_BKN)
        self.sums.add("train/distillation", distillation * len(batch.label), len(batch.label))
        return loss + distillation

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._score(batch)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self._score(batch)

    def on_train_epoch_end(self) -> None:
        means = self.sums.means(self.trainer.world_size)
        self.sums.reset()
        for name in sorted(means.keys() - ACCURACIES):
            self.log(name, means[name][0])
        if means.keys() >= set(ACCURACIES):
            self._log_accuracies("train", *(means[name] for name in ACCURACIES))

    def on_validation_epoch_end(self) -> None:
        self._log_scores("val")

    def on_test_epoch_end(self) -> None:
        self._log_scores("test")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint[SUMS_KEY] = self.sums.state_dict(self.trainer.world_size)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.sums.load_state_dict(checkpoint.get(SUMS_KEY, {}), self.trainer.global_rank)

    def configure_optimizers(self) -> Any:
        if self.optimizer is None:
            raise ValueError("training needs an optimizer")
        optimizer = self.optimizer(self.parameters())
        return optimizer if self.scheduler is None else ([optimizer], [self.scheduler(optimizer)])

    def loss(self, logits_BKN: Tensor, target_B: Tensor) -> Tensor:
        """Cross-entropy of each checkpoint, averaged over clips, weighted and summed over checkpoints.

        target_B: the clips' classes, or the shares of the classes in them (B, N).
        """
        return (self._loss(logits_BKN, target_B).mean(0) * cast(Tensor, self.loss_weight_K)).sum()

    def _loss(self, logits_BKN: Tensor, target_B: Tensor) -> Tensor:
        """The cross-entropies (B, K)."""
        K = logits_BKN.shape[1]
        target_M = target_B.repeat_interleave(K, 0)
        loss_M = cross_entropy(logits_BKN.flatten(0, 1), target_M, reduction="none")
        return loss_M.unflatten(0, (-1, K))

    def _score(self, batch: Batch) -> None:
        logits_BKN = video_logits(self.network, batch.video)
        loss_B = self._loss(logits_BKN, batch.label) @ cast(Tensor, self.loss_weight_K)
        self.scores.update(batch.video_id, loss_B, logits_BKN, batch.label)

    def _log_scores(self, phase: str) -> None:
        loss, top1_K, top5_K = self.scores.compute(self.trainer.world_size)
        self.scores.reset()
        self.log(f"{phase}/loss", loss)
        self._log_accuracies(phase, top1_K, top5_K)

    def _log_accuracies(self, phase: str, top1_K: Iterable[Tensor], top5_K: Iterable[Tensor]) -> None:
        values: dict[str, Tensor] = {}
        for checkpoint, top1, top5 in zip(self.network.checkpoints, top1_K, top5_K, strict=True):
            values |= {f"{phase}/top1/{checkpoint.name}": top1, f"{phase}/top5/{checkpoint.name}": top5}
        self.log_dict(values)
        self.log(f"{phase}/top1", top1, prog_bar=True)
