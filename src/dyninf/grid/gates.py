"""Learned gates: a small network at each checkpoint says how sure one can be to stop there.

Legend: B clips, F features of a head, N classes, K checkpoints.

FrameExit (Ghodrati et al. 2021) puts one at each of its exits. Here a gate sees what its checkpoint sees, the
head features averaged over the frames so far, and what the classifier makes of them.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

TOP = 5
"""How many of the largest class probabilities a gate sees, besides their entropy."""


class Gate(nn.Module):
    """Two layers, on head features and on the shape of the class probabilities.

    features: F of them. width: units between the layers.
    """

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(features + TOP + 1, width)
        self.output = nn.Linear(width, 1)

    def forward(self, inputs_BX: Tensor) -> Tensor:
        """Log odds (B,) that stopping is right, from `gate_inputs`."""
        return cast(Tensor, self.output(relu(self.hidden(inputs_BX))))[:, 0]


class Gates(nn.ModuleList):
    """A gate for every checkpoint but the last, which accepts all.

    features: F of the heads of these K - 1 checkpoints. width: units between the layers of each gate.
    """

    def __init__(self, features: Sequence[int], width: int) -> None:
        super().__init__(Gate(number, width) for number in features)
        self.width = width

    def score(self, k: int, features_BF: Tensor, logits_BN: Tensor) -> Tensor:
        """Scores (B,) in [0, 1] at checkpoint k from 0, float64; 1 at the last."""
        if k == len(self):
            return torch.ones(len(logits_BN), dtype=torch.float64, device=logits_BN.device)
        # In float32 half of the scores of sure gates would round to 1 and could not be told apart.
        return self.log_odds(k, features_BF, logits_BN).double().sigmoid()

    def log_odds(self, k: int, features_BF: Tensor, logits_BN: Tensor) -> Tensor:
        """What the gate of checkpoint k gives (B,), of which the score is the sigmoid; the last has none."""
        return cast(Tensor, self[k](gate_inputs(features_BF, logits_BN)))


def gate_inputs(features_BF: Tensor, logits_BN: Tensor) -> Tensor:
    """What a gate sees (B, F + TOP + 1): features, the largest log probabilities, the entropy."""
    log_BN = logits_BN.float().log_softmax(-1).clamp(min=-20)  # so that an impossible class is no outlier
    top_Bn = log_BN.topk(min(TOP, log_BN.shape[-1])).values
    top_Bn = pad(top_Bn, (0, TOP - top_Bn.shape[-1]))
    entropy_B1 = -(log_BN.exp() * log_BN).sum(-1, keepdim=True)
    return torch.cat([features_BF.float(), top_Bn, entropy_B1], -1)
