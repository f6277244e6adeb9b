"""Heads of stages that were not made to be the last.

Legend: M = clips · frames, C channels, F features.
"""

from typing import cast

from torch import Tensor, nn


class ProjectedHead(nn.Module):
    """Projection, batch norm, linear classifier, on pooled features.

    The paper's ResNet instances fit a 1×1 convolution with bias on the map before the pooling. Both are
    linear, so pooling first gives the same features for 1/(H·W) of the cost; batch norm then sees pooled
    features in training.
    """

    def __init__(self, channels: int, width: int, num_classes: int) -> None:
        super().__init__()
        self.project = nn.Linear(channels, width)
        self.norm = nn.BatchNorm1d(width)
        self.classifier = nn.Linear(width, num_classes)

    def embed(self, pooled_MC: Tensor) -> Tensor:
        """Features (M, F) of each frame."""
        return cast(Tensor, self.norm(self.project(pooled_MC)))
