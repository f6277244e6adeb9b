"""To which stage or head each weight of a backbone belongs.

Seen by running a copy that has shapes but no numbers, so that a backbone need not say it.
"""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from dyninf.grid import Backbone, Exchange, Features, Frames, Network, NoShift

SIZE = 224  # pixels; no backbone is made for frames so large that this would be too small


@dataclass(frozen=True)
class Part:
    """A stage, or the head after it."""

    stage: str
    head: bool

    def __str__(self) -> str:
        return f"head of {self.stage}" if self.head else self.stage


# Weights that no stage uses are asked for all the same: a file that lacks them is of another network.
UNUSED = Part("no stage", head=False)


def parts_of(network: Network) -> dict[str, Part]:
    """Every name of the backbone's state dict with its part, in the order of a pass."""
    with torch.no_grad():
        ghost: Backbone = copy.deepcopy(network.backbone).to("meta").eval()
        headed = {checkpoint.cell.stage for checkpoint in network.checkpoints}
        seen: dict[nn.Module, Part] = {}
        features: Features = torch.empty(1, 3, SIZE, SIZE, device="meta")
        for stage, name in enumerate(ghost.stage_names, 1):
            with _watched(ghost, seen, Part(name, head=False)):
                features = ghost.run_stage(stage, features, Exchange(NoShift(), Frames(((0,),))))
            if stage in headed:
                with _watched(ghost, seen, Part(name, head=True)):
                    ghost.classify(stage, ghost.embed(stage, features))
    found = {name: _part_of(name, ghost, seen) for name in ghost.state_dict()}
    order = [*dict.fromkeys([*seen.values(), *found.values()])]
    return dict(sorted(found.items(), key=lambda item: order.index(item[1])))


@contextmanager
def _watched(backbone: Backbone, seen: dict[nn.Module, Part], part: Part) -> Iterator[None]:
    """Note in `seen` which modules run for the first time inside the block."""

    def note(module: nn.Module, inputs: object) -> None:
        seen.setdefault(module, part)

    handles = [module.register_forward_pre_hook(note) for module in backbone.modules()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _part_of(name: str, backbone: Backbone, seen: Mapping[nn.Module, Part]) -> Part:
    """That of the innermost module around the weight that has run."""
    owner = name
    while owner:
        owner = owner.rpartition(".")[0]
        module = backbone.get_submodule(owner)
        if module in seen:
            return seen[module]
    return UNUSED


def classifiers_of(network: Network) -> frozenset[str]:
    """The names of the last linear layer of every head."""
    lasts = {network.backbone.classifier_of(point.cell.stage) for point in network.checkpoints}
    return frozenset(
        f"{owner}.{name}"
        for owner, module in network.backbone.named_modules()
        if module in lasts
        for name in module.state_dict()
    )
