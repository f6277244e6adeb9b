"""Gates learn from a frozen network at which of its answers stopping is right.

Legend: V clips, K checkpoints, X inputs of a gate.
"""

import copy
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from dyninf.batch import Batch
from dyninf.gates.examples import GateExamples, record_examples
from dyninf.gates.pseudo_labels import RULES, pseudo_labels
from dyninf.grid import Network
from dyninf.grid.gates import Gate

BATCH = 128


@dataclass(frozen=True)
class Recipe:
    """How gates are fitted.

    rule: where stopping counts as right, ``near_last``, ``low_loss`` or ``no_gain``; epsilon, beta:
        its numbers (see `pseudo_labels`).
    width: units between the two layers of a gate.
    held_out: share of the clips that no gate is trained on; the epoch that is best there is kept.
    balance: from 0, every clip counts the same and a score is a probability that can be compared between
        checkpoints, to 1, both kinds of clips count the same in sum.
    epochs, learning_rate, weight_decay: of AdamW. seed: of everything that is drawn.

    Raises ValueError that names the value if one is out of its range.
    """

    rule: str = "near_last"
    epsilon: float = 0.3
    beta: float = 1.0
    width: int = 32
    held_out: float = 0.2
    balance: float = 0.0
    epochs: int = 30
    learning_rate: float = 0.003
    weight_decay: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f"rule must be one of {', '.join(RULES)}; got {self.rule!r}")
        for name, least in (("width", 1), ("epochs", 1), ("seed", 0)):
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
        ranges = {
            "epsilon": (0, math.inf),
            "beta": (0, math.inf),
            "held_out": (0, 0.9),
            "balance": (0, 1),
            "learning_rate": (0, 1),
            "weight_decay": (0, math.inf),
        }
        for name, (least, most) in ranges.items():
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or not least <= value <= most or value == math.inf:
                raise ValueError(f"{name} must be a number from {least} to {most}, got {value!r}")


@dataclass(frozen=True)
class GateFit:
    """How the gate of one checkpoint came out.

    right_to_stop: share of the clips where stopping there is right.
    separation: how often such a clip scores above one of the others, ties half, among the clips held out
        (the area under the ROC curve; 0.5 is chance); None where all of them are of one kind. The gate has
        not seen these clips, but the network was trained on them: on new ones it is lower.
    epochs: after how many the gate was best on them.
    """

    checkpoint: str
    right_to_stop: float
    separation: float | None
    epochs: int


def fit_gates(network: Network, loader: Iterable[Batch], recipe: Recipe | None = None) -> list[GateFit]:
    """Attach gates to a trained network and fit them to the clips of a loader, in one pass over it.

    The rest of the network stays as it is. `loader` should give neither the split on which thresholds are
    chosen nor the one that is reported. The same seed gives the same gates.

    Raises ValueError if the network has one checkpoint alone, the loader gives fewer than 2 clips, or some
    feature or logit of a clip is not finite.
    """
    recipe = recipe or Recipe()
    if len(network.checkpoints) == 1:
        network.attach_gates(recipe.width)  # refuses before the pass
    return fit_to_examples(network, record_examples(network, loader), recipe)


def fit_to_examples(network: Network, examples: GateExamples, recipe: Recipe) -> list[GateFit]:
    """The same from what was recorded; several recipes can be tried on one pass."""
    if len(examples) < 2:
        raise ValueError("gates cannot be fitted to a single clip; give 2 or more")
    draw = torch.Generator().manual_seed(recipe.seed)
    order_V = torch.randperm(len(examples), generator=draw)
    held_out = min(max(round(recipe.held_out * len(examples)), 1), len(examples) - 1)
    good_VK = pseudo_labels(examples, recipe.rule, recipe.epsilon, recipe.beta)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network.attach_gates(recipe.width)
    assert network.gates is not None
    fits = []
    for k, inputs_VX in enumerate(examples.inputs):
        gate = cast(Gate, network.gates[k])
        out, kept = ((inputs_VX[part], good_VK[part, k]) for part in order_V.tensor_split([held_out]))
        fitted, epochs = _fit(copy.deepcopy(gate).cpu(), out, kept, recipe, draw)
        gate.load_state_dict(fitted.state_dict())
        with torch.no_grad():
            apart = separation(fitted(out[0]), out[1])
        right = good_VK[:, k].double().mean().item()
        fits.append(GateFit(network.checkpoints[k].name, right, apart, epochs))
    return fits


def separation(score_V: Tensor, good_V: Tensor) -> float | None:
    """How often a good clip scores above one that is not, ties half; None without one of either kind."""
    good, bad = score_V[good_V].double().contiguous(), score_V[~good_V].double().sort().values
    if not len(good) or not len(bad):
        return None
    below = torch.searchsorted(bad, good) + torch.searchsorted(bad, good, right=True)
    return (below.double().mean() / (2 * len(bad))).item()


def _fit(
    gate: Gate,
    held_out: tuple[Tensor, Tensor],
    kept: tuple[Tensor, Tensor],
    recipe: Recipe,
    draw: torch.Generator,
) -> tuple[Gate, int]:
    """The gate as it was after its best epoch, and that epoch; 0 where no training was best."""
    inputs_VX, good_V = kept
    spread_X, mean_X = torch.std_mean(inputs_VX, 0, correction=0)
    spread_X = spread_X.clamp(min=1e-3)
    tested_VX = (held_out[0] - mean_X) / spread_X
    trained_VX = (inputs_VX - mean_X) / spread_X
    share = good_V.double().mean().clamp(0.5 / len(good_V), 1 - 0.5 / len(good_V))
    with torch.no_grad():
        gate.output.weight.zero_()  # starts as the share itself, whatever the clip
        gate.output.bias.fill_(share.logit())
    optimizer = torch.optim.AdamW(
        gate.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    best, least, best_epoch = copy.deepcopy(gate), math.inf, 0
    for epoch in range(recipe.epochs + 1):
        if epoch:
            for index in torch.randperm(len(good_V), generator=draw).split(BATCH):
                optimizer.zero_grad()
                _loss(gate(trained_VX[index]), good_V[index], share, recipe.balance).backward()
                optimizer.step()
        with torch.no_grad():
            loss = _loss(gate(tested_VX), held_out[1], share, recipe.balance).item()
        if loss < least:
            best, least, best_epoch = copy.deepcopy(gate), loss, epoch
    with torch.no_grad():  # from standardised inputs to those that there are
        best.hidden.weight.div_(spread_X)
        best.hidden.bias.sub_(best.hidden.weight @ mean_X)
    return best, best_epoch


def _loss(odds_V: Tensor, good_V: Tensor, share: Tensor, balance: float) -> Tensor:
    weight_V = torch.where(good_V, 0.5 / share, 0.5 / (1 - share)).float() ** balance
    return binary_cross_entropy_with_logits(odds_V, good_V.float(), weight_V)
