"""What the grid asks of a backbone.

Legend: B clips, M = clips · frames, C channels, H, W, F features of a head, N classes.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn

from dyninf.grid.shift import TemporalShift
from dyninf.grid.state import Features


class Backbone(nn.Module, ABC):
    """A 2-D network cut into stages, which count from 1.

    name: printed, and kept in traces.
    stage_names: one name a stage, from the input on.
    head_stages: the stages that can have a head.
    """

    name: str
    stage_names: tuple[str, ...]
    head_stages: tuple[int, ...]

    @abstractmethod
    def attach_heads(self, stages: Sequence[int], num_classes: int) -> None:
        """Make the heads that a scheme uses; only these have parameters."""

    @abstractmethod
    def run_stage(
        self,
        stage: int,
        features_M: Features,
        frames: int,
        shift: TemporalShift,
        kept: tuple[Tensor, ...] | None,
    ) -> tuple[Features, tuple[Tensor, ...]]:
        """Take M = B·`frames` images through one stage.

        features_M: the images (M, C, H, W) for stage 1, else what the stage before returned.
        kept: what this stage returned for the previous group of the same clips; None for the first.
        Returns the stage's output and what the shift has to keep for the next group (may be empty).
        """

    @abstractmethod
    def embed(self, stage: int, features_M: Features) -> Tensor:
        """The head's features (M, F), one vector a frame."""

    @abstractmethod
    def classify(self, stage: int, features_BF: Tensor) -> Tensor:
        """Logits (B, N) from head features averaged over frames."""
