"""The last checkpoint teaches those before it.

Legend: B clips, K checkpoints, N classes.
"""

from torch import Tensor
from torch.nn.functional import kl_div, log_softmax


class SelfDistillation:
    """Kullback-Leibler divergence of each earlier checkpoint from the last one, which gets no gradient of it.

    weight: of the sum over checkpoints, beside their cross-entropies.
    temperature: divides the logits of both sides; the divergence is multiplied by its square, so that the
        gradient keeps its size (Hinton et al. 2015; for exits of one network, Phuong and Lampert, ICCV 2019).

    Raises ValueError if one of them is not positive.
    """

    def __init__(self, weight: float = 1.0, temperature: float = 2.0) -> None:
        if not (weight > 0 and temperature > 0):
            raise ValueError(
                f"distillation needs a positive weight and temperature, got {weight} and {temperature}"
            )
        self.weight = weight
        self.temperature = temperature

    def __call__(self, logits_BKN: Tensor) -> Tensor:
        """The loss, averaged over clips and summed over checkpoints."""
        teacher_B1N = log_softmax(logits_BKN[:, -1:].detach() / self.temperature, -1)
        pupil_BJN = log_softmax(logits_BKN[:, :-1] / self.temperature, -1)
        divergence_BJN = kl_div(
            pupil_BJN, teacher_B1N.expand_as(pupil_BJN), reduction="none", log_target=True
        )
        return self.weight * self.temperature**2 * divergence_BJN.sum((1, 2)).mean()
