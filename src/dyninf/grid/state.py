"""What a clip carries along its route, as a value.

Legend: B clips, t frames of a group, F features of a head.

Every tensor has the clips as its first dimension, so that clips can leave between any two cells.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

Features = Tensor | tuple[Tensor, ...]
"""What a stage hands to the next: one tensor, or several (the scales of an MSDNet)."""


def map_features(function: Callable[[Tensor], Tensor], features: Features) -> Features:
    """Apply `function` to every tensor of `features`."""
    return function(features) if isinstance(features, Tensor) else tuple(function(part) for part in features)


@dataclass(frozen=True, eq=False)
class State:
    """Everything that later cells need of earlier ones.

    features: group → output of its deepest stage so far, each tensor (B, t, ...).
    kept: stage → what the temporal shift keeps of earlier groups at each of its places, each (B, ...).
    sums: stage (or 0, where a head averages over all cells) → head features summed so far, (B, F).
    frames: the same → how many frames that sum has.
    """

    features: Mapping[int, Features] = field(default_factory=dict)
    kept: Mapping[int, tuple[Tensor, ...]] = field(default_factory=dict)
    sums: Mapping[int, Tensor] = field(default_factory=dict)
    frames: Mapping[int, int] = field(default_factory=dict)

    def __getitem__(self, index_B: Tensor) -> "State":
        """The clips at `index_B` (a boolean mask or whole numbers), in that order."""
        return State(
            features={g: map_features(lambda x: x[index_B], value) for g, value in self.features.items()},
            kept={d: tuple(x[index_B] for x in value) for d, value in self.kept.items()},
            sums={d: value[index_B] for d, value in self.sums.items()},
            frames=self.frames,
        )
