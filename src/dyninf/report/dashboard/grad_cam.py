"""Where a network looks: Grad-CAM (Selvaraju et al. 2017) of one checkpoint, by captum.

Legend: T frames, M of them that a stage processes, C, H, W, N classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from dyninf.grid import Backbone, Exchange, Features, Network, evaluation_mode


def grad_cam(network: Network, video_TCHW: Tensor, checkpoint: int, label: int) -> Tensor:
    """Where in each frame (T, H, W) the map that a head pools speaks for a class: in [0, 1], 1 the most.

    checkpoint: its number, from 0. Frames that its head has not averaged get 0.
    """
    from captum.attr import LayerGradCam  # takes a second to import

    place = network.checkpoints[checkpoint]
    groups = network.route.groups_at(place.cell.stage)
    read = [group for group in groups if network.head_reads(place.cell._replace(group=group))]
    device = next(network.parameters()).device
    with evaluation_mode(network), torch.enable_grad(), _watched(network, place.cell.stage) as watched:

        def logits(video_1TCHW: Tensor) -> Tensor:
            return network(video_1TCHW)[:, checkpoint]

        method = LayerGradCam(logits, watched.map)
        cam_M1HW = method.attribute(video_TCHW[None].to(device), target=label, relu_attributions=True)
    cam_MHW = cam_M1HW.detach()[:, 0].float().cpu()
    cam_THW = torch.zeros(len(video_TCHW), *cam_MHW.shape[1:])
    # Later groups have no gradient at this checkpoint, and a map of zeros.
    cam_THW[[frame for group in read for frame in network.permutation[group - 1]]] = cam_MHW
    most = cam_THW.max()
    return cam_THW / most if most > 0 else cam_THW


@contextmanager
def _watched(network: Network, stage: int) -> Iterator[_Watched]:
    """A network with a layer in front of a stage's head that captum can watch."""
    backbone = network.backbone
    watched = _Watched(backbone, stage)
    network.backbone = watched
    try:
        yield watched
    finally:
        network.backbone = backbone


class _Watched(Backbone):
    """Stands in for a backbone; what a stage's head reads goes through `map`, which changes nothing."""

    def __init__(self, backbone: Backbone, stage: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = backbone.dropout
        self.map = nn.Identity()
        self._stage = stage

    def attach_heads(self, stages: Sequence[int], num_classes: int) -> None:
        self.backbone.attach_heads(stages, num_classes)

    def run_stage(self, stage: int, features_M: Features, exchange: Exchange) -> Features:
        return self.backbone.run_stage(stage, features_M, exchange)

    def embed(self, stage: int, features_M: Features) -> Tensor:
        if stage == self._stage:
            if isinstance(features_M, Tensor):
                features_M = self.map(features_M)
            else:
                maps = list(features_M)
                maps[self.backbone.read_map] = self.map(maps[self.backbone.read_map])
                features_M = tuple(maps)
        return self.backbone.embed(stage, features_M)

    def classifier_of(self, stage: int) -> nn.Linear:
        return self.backbone.classifier_of(stage)
