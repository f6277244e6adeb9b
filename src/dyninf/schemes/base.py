"""Training and testing of a network with several checkpoints.

Legend: B clips, T frames, C, H, W, K checkpoints, M = B·K, N classes.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy

from dyninf.batch import Batch
from dyninf.grid import Network, idle_parameters
from dyninf.schemes.mixing import Mixing

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]
SchedulerFactory = Callable[[Optimizer], LRScheduler]


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
    training: a mixed clip has no one class that could be right.

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
        self.metrics = nn.ModuleDict(
            {phase: _accuracies(names, network.num_classes) for phase in ("train_", "val_", "test_")}
        )

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
            loss = self._log_step("train", logits_BKN, batch)
        else:
            mixed_BTCHW, share_BN = self.mixing(batch.video, batch.label, self.network.num_classes)
            logits_BKN = self(mixed_BTCHW)
            loss = self.loss(logits_BKN, share_BN)
            self._log("train/loss", loss, batch)
        if self.distillation is None:
            return loss
        distillation = self.distillation(logits_BKN)
        self._log("train/distillation", distillation, batch)
        return loss + distillation

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._log_step("val", self(batch.video), batch)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self._log_step("test", self(batch.video), batch)

    def on_train_epoch_end(self) -> None:
        if self.mixing is None:
            self._log_metrics("train")

    def on_validation_epoch_end(self) -> None:
        self._log_metrics("val")

    def on_test_epoch_end(self) -> None:
        self._log_metrics("test")

    def configure_optimizers(self) -> Any:
        if self.optimizer is None:
            raise ValueError("training needs an optimizer")
        optimizer = self.optimizer(self.parameters())
        return optimizer if self.scheduler is None else ([optimizer], [self.scheduler(optimizer)])

    def loss(self, logits_BKN: Tensor, target_B: Tensor) -> Tensor:
        """Cross-entropy of each checkpoint, averaged over clips, weighted and summed over checkpoints.

        target_B: the clips' classes, or the shares of the classes in them (B, N).
        """
        K = logits_BKN.shape[1]
        target_M = target_B.repeat_interleave(K, 0)
        loss_M = cross_entropy(logits_BKN.flatten(0, 1), target_M, reduction="none")
        return (loss_M.unflatten(0, (-1, K)).mean(0) * cast(Tensor, self.loss_weight_K)).sum()

    def _log_step(self, phase: str, logits_BKN: Tensor, batch: Batch) -> Tensor:
        loss = self.loss(logits_BKN, batch.label)
        for k, accuracy in enumerate(self._metrics(phase)):
            accuracy.update(logits_BKN[:, k].detach(), batch.label)
        self._log(f"{phase}/loss", loss, batch)
        return loss

    def _log(self, name: str, value: Tensor, batch: Batch) -> None:
        self.log(name, value, on_epoch=True, on_step=False, batch_size=len(batch.label), sync_dist=True)

    def _log_metrics(self, phase: str) -> None:
        values: dict[str, Tensor] = {}
        for checkpoint, accuracy in zip(self.network.checkpoints, self._metrics(phase), strict=True):
            found = accuracy.compute()
            values |= {f"{phase}/{kind}/{checkpoint.name}": found[kind] for kind in ("top1", "top5")}
            accuracy.reset()
        self.log_dict(values)
        self.log(f"{phase}/top1", found["top1"], prog_bar=True)

    def _metrics(self, phase: str) -> Iterable[MetricCollection]:
        return cast(Iterable[MetricCollection], self.metrics[f"{phase}_"])


def _accuracies(names: Sequence[str], num_classes: int) -> nn.ModuleList:
    return nn.ModuleList(
        MetricCollection(
            {
                "top1": MulticlassAccuracy(num_classes, average="micro"),
                "top5": MulticlassAccuracy(num_classes, top_k=min(5, num_classes), average="micro"),
            },
            compute_groups=False,
        )
        for _ in names
    )
