"""Where stopping is right, as far as a labelled clip tells: what gates are fitted to.

Legend: V clips, K checkpoints.
"""

import torch
from torch import Tensor

from dyninf.gates.examples import GateExamples

RULES = ("near_last", "low_loss", "no_gain")


def pseudo_labels(examples: GateExamples, rule: str, epsilon: float, beta: float) -> Tensor:
    """Whether stopping at each checkpoint but the last is right, booleans (V, K - 1).

    ``near_last``: the loss there is at most that at the last checkpoint plus epsilon.
    ``low_loss``: it is at most epsilon · exp(beta · k / (K - 1)), with k = 0 at the first checkpoint: the
    kind of rule that FrameExit has (Ghodrati et al. 2021), whose later exits are laxer.
    ``no_gain``: the class there is right, or that of the last checkpoint is wrong too.
    """
    if rule == "no_gain":
        return examples.right_VK[:, :-1] | ~examples.right_VK[:, -1:]
    if rule == "near_last":
        return examples.loss_VK[:, :-1] <= examples.loss_VK[:, -1:] + epsilon
    depth_K = torch.linspace(0, 1, examples.loss_VK.shape[1])
    return examples.loss_VK[:, :-1] <= epsilon * torch.exp(beta * depth_K[:-1])
