"""What gates learn from: what each would see of every clip of a split, and how good stopping there is.

Legend: B clips, V clips of a split, K checkpoints, N classes, X inputs of a gate.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from dyninf.batch import Batch
from dyninf.grid import Network, clips_of, evaluation_mode, gate_inputs


@dataclass(frozen=True, eq=False)
class GateExamples:
    """One row a clip; each view of a video counts as a clip.

    inputs: of each gate, K - 1 tensors (V, X).
    loss_VK: cross-entropy at each checkpoint. right_VK: whether its class is right.
    """

    inputs: tuple[Tensor, ...]
    loss_VK: Tensor
    right_VK: Tensor

    def __len__(self) -> int:
        return len(self.loss_VK)

    def __getitem__(self, index_V: Tensor) -> "GateExamples":
        """Some of the clips."""
        inputs = tuple(inputs_VX[index_V] for inputs_VX in self.inputs)
        return GateExamples(inputs, self.loss_VK[index_V], self.right_VK[index_V])


def record_examples(network: Network, loader: Iterable[Batch]) -> GateExamples:
    """One pass of a trained network over a split, as it is tested.

    Raises ValueError if the loader is empty or something that a gate would see is not finite.
    """
    device = next(network.parameters()).device
    inputs: list[list[Tensor]] = [[] for _ in network.checkpoints]
    losses, right = [], []
    with evaluation_mode(network), torch.inference_mode():
        for batch in loader:
            clips_BTCHW, views = clips_of(batch.video.to(device))
            label_B = batch.label.to(device).repeat_interleave(views)
            loss_BK, right_BK = [], []
            for k, place in enumerate(network.states(clips_BTCHW)):
                logits_BN = network.predict(*place).float()
                inputs[k].append(gate_inputs(network.features_at(*place), logits_BN).cpu())
                loss_BK.append(cross_entropy(logits_BN, label_B, reduction="none").cpu())
                right_BK.append((logits_BN.argmax(-1) == label_B).cpu())
            losses.append(torch.stack(loss_BK, 1))
            right.append(torch.stack(right_BK, 1))
    if not losses:
        raise ValueError("gates cannot be fitted: the loader is empty")
    found = GateExamples(tuple(map(torch.cat, inputs[:-1])), torch.cat(losses), torch.cat(right))
    if not all(part.isfinite().all() for part in (*found.inputs, found.loss_VK)):
        raise ValueError(
            "gates cannot be fitted: features or logits of a clip are not finite (diverged training?)"
        )
    return found
