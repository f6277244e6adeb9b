"""What the grid asks of a backbone.

Legend: B clips, M = clips · frames, C channels, H, W, F features of a head, N classes.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from dyninf.grid.shift import Exchange
from dyninf.grid.state import Features


class Backbone(nn.Module, ABC):
    """A 2-D network cut into stages, which count from 1.

    name: printed, and kept in traces.
    stage_names: one name a stage, from the input on.
    head_stages: the stages that can have a head.
    variant: settings that change the function but no weight, such as the place of the shift.
    dropout: before every classifier.
    read_map: which of a stage's maps its head reads, where a stage has several.
    """

    name: str
    stage_names: tuple[str, ...]
    head_stages: tuple[int, ...]
    variant: str = ""
    dropout: nn.Module
    read_map: int = -1

    @abstractmethod
    def attach_heads(self, stages: Sequence[int], num_classes: int) -> None:
        """Make the heads that a scheme uses; only these have parameters."""

    @abstractmethod
    def run_stage(self, stage: int, features_M: Features, exchange: Exchange) -> Features:
        """Take M images through one stage, calling `exchange` at each place of the temporal shift.

        features_M: the images (M, C, H, W) for stage 1, else what the stage before returned.
        """

    @abstractmethod
    def embed(self, stage: int, features_M: Features) -> Tensor:
        """The head's features (M, F), one vector a frame."""

    @abstractmethod
    def classifier_of(self, stage: int) -> nn.Linear:
        """The last layer of the stage's head, from F features to N logits."""

    def classify(self, stage: int, features_BF: Tensor) -> Tensor:
        """Logits (B, N) from head features averaged over frames."""
        return cast(Tensor, self.classifier_of(stage)(self.dropout(features_BF)))
