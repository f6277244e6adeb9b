"""A backbone on a grid: all checkpoints in one pass, or cell by cell.

Legend: B clips, T frames, t frames of a group, M = B·t, G groups, C, H, W, F head features, K checkpoints,
N classes.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from dyninf.grid.backbone import Backbone
from dyninf.grid.checkpoint import Checkpoint
from dyninf.grid.costs import Costs, count_costs
from dyninf.grid.route import Cell
from dyninf.grid.scheme import Scheme
from dyninf.grid.shift import SHIFTS
from dyninf.grid.state import Features, State, map_features


class Network(nn.Module):
    """A backbone, a scheme and as many frames as the clips have.

    Frames of the input are in time order; the network permutes them itself.

    Raises ValueError if the scheme does not fit the backbone or the number of frames.
    """

    def __init__(self, backbone: Backbone, scheme: Scheme, num_classes: int, num_frames: int) -> None:
        super().__init__()
        self.name = f"{backbone.name}-{scheme.name}-{num_frames}f"
        self.num_classes = num_classes
        self.num_frames = num_frames
        layout = scheme.lay_out(backbone.stage_names, backbone.head_stages, num_frames)
        self.group_frames = num_frames // scheme.groups
        self.permutation = layout.permutation
        self.route = layout.route
        self.checkpoints: tuple[Checkpoint, ...] = layout.checkpoints
        self.shift = SHIFTS[scheme.shift]()
        backbone.attach_heads(sorted({checkpoint.cell.stage for checkpoint in self.checkpoints}), num_classes)
        self.backbone = _channels_last(backbone)
        self._costs: dict[tuple[int, int], Costs] = {}

    # All checkpoints at once -------------------------------------------------------------------------

    def forward(self, video_BTCHW: Tensor) -> Tensor:
        """Logits (B, K, N) of every checkpoint, in one pass over the stages.

        Raises ValueError if the video does not have `num_frames` frames.
        """
        self.check_video(video_BTCHW)
        order = [frame for group in self.permutation for frame in group]
        features: Features = video_BTCHW[:, order].unflatten(1, (-1, self.group_frames))  # B G t C H W
        before = tuple(range(1, len(self.permutation) + 1))
        logits: dict[Cell, Tensor] = {}
        for stage in range(1, self.route.stages + 1):
            groups = self.route.groups_at(stage)
            if not groups:
                break
            flat = _images(_take_groups(features, before, groups), dims=3)
            flat, _ = self.backbone.run_stage(stage, flat, len(groups) * self.group_frames, self.shift, None)
            features = _by_group(flat, len(groups), self.group_frames)
            logits |= self._predict_stage(stage, features, groups)
            before = groups
        return torch.stack([logits[checkpoint.cell] for checkpoint in self.checkpoints], dim=1)

    def _predict_stage(self, stage: int, features: Features, groups: tuple[int, ...]) -> dict[Cell, Tensor]:
        """Logits (B, N) of each checkpoint at `stage`; `features` (B, G, t, ...) has its groups in order."""
        places = [groups.index(c.cell.group) for c in self.checkpoints if c.cell.stage == stage]
        if not places:
            return {}
        # Groups behind the stage's last checkpoint are in no average.
        needed = groups[: max(places) + 1]
        flat = _images(_take_groups(features, groups, needed), dims=3)
        group_BGF = self.backbone.embed(stage, flat).unflatten(0, (-1, len(needed), self.group_frames)).sum(2)
        seen_G = torch.arange(1, len(needed) + 1, device=group_BGF.device) * self.group_frames
        mean_BGF = group_BGF.cumsum(1) / seen_G[:, None]
        logits_MN = self.backbone.classify(stage, mean_BGF[:, places].flatten(0, 1))
        logits_BGN = logits_MN.unflatten(0, (-1, len(places)))
        return {Cell(groups[place], stage): logits_BGN[:, i] for i, place in enumerate(places)}

    # Cell by cell ------------------------------------------------------------------------------------

    def group_frames_of(self, video_BTCHW: Tensor, group: int) -> Tensor:
        """The frames (B, t, C, H, W) of one group, which counts from 1."""
        return video_BTCHW[:, list(self.permutation[group - 1])]

    def run_cell(self, cell: Cell, state: State, frames_BtCHW: Tensor | None = None) -> State:
        """Process one cell; stage 1 needs the frames of the cell's group (`group_frames_of`)."""
        group, stage = cell
        if stage == 1:
            if frames_BtCHW is None:
                raise ValueError(f"cell {cell} is a first stage: it needs the frames of group {group}")
            inputs: Features = frames_BtCHW
        else:
            inputs = state.features[group]
        flat, kept = self.backbone.run_stage(
            stage, _images(inputs, dims=2), self.group_frames, self.shift, state.kept.get(stage)
        )

        sums, frames = dict(state.sums), dict(state.frames)
        if self._head_reads(cell):
            sum_BF = self.backbone.embed(stage, flat).unflatten(0, (-1, self.group_frames)).sum(1)
            sums[stage] = sum_BF if stage not in sums else sums[stage] + sum_BF
            frames[stage] = frames.get(stage, 0) + self.group_frames
        features = {g: value for g, value in state.features.items() if g != group}
        if Cell(group, stage + 1) in self.route.cells:
            features[group] = map_features(lambda x: x.unflatten(0, (-1, self.group_frames)), flat)
        all_kept = dict(state.kept)
        if kept:
            all_kept[stage] = kept
        return State(features, all_kept, sums, frames)

    def predict(self, checkpoint: Checkpoint, state: State) -> Tensor:
        """Logits (B, N) at a checkpoint whose cell is the last one that was run."""
        stage = checkpoint.cell.stage
        return self.backbone.classify(stage, state.sums[stage] / state.frames[stage])

    def walk(self, video_BTCHW: Tensor) -> Iterator[tuple[Checkpoint, Tensor]]:
        """Every checkpoint with its logits (B, N), cell by cell along the route."""
        self.check_video(video_BTCHW)
        places = {checkpoint.cell: checkpoint for checkpoint in self.checkpoints}
        state = State()
        for cell in self.route.cells:
            frames = self.group_frames_of(video_BTCHW, cell.group) if cell.stage == 1 else None
            state = self.run_cell(cell, state, frames)
            if cell in places:
                yield places[cell], self.predict(places[cell], state)

    def _head_reads(self, cell: Cell) -> bool:
        """Whether a checkpoint at the cell's stage comes with it or after it."""
        groups = self.route.groups_at(cell.stage)
        position = groups.index(cell.group)
        return any(
            c.cell.stage == cell.stage and groups.index(c.cell.group) >= position for c in self.checkpoints
        )

    # Facts -------------------------------------------------------------------------------------------

    def costs(self, height: int, width: int) -> Costs:
        """MACs of a clip with frames of this size, counted from the operations that run."""
        if (height, width) not in self._costs:
            self._costs[height, width] = count_costs(self, height, width)
        return self._costs[height, width]

    def check_video(self, video_BTCHW: Tensor) -> None:
        """Raise ValueError unless these are clips (B, T, C, H, W) of `num_frames` frames."""
        if video_BTCHW.ndim != 5 or video_BTCHW.shape[1] != self.num_frames:
            raise ValueError(
                f"need clips of shape (B, {self.num_frames}, C, H, W) for {self.name}, "
                f"got {tuple(video_BTCHW.shape)}"
            )
        if not video_BTCHW.is_floating_point():
            raise ValueError(f"need normalised clips of a floating-point type, got {video_BTCHW.dtype}")


def _images(features: Features, dims: int) -> Features:
    """Join the first `dims` dimensions to M; maps get their channels innermost in memory."""

    def join(x: Tensor) -> Tensor:
        x = x.flatten(0, dims - 1)
        return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x

    return map_features(join, features)


def _channels_last(backbone: Backbone) -> Backbone:
    # Convolutions on a CPU are up to 1.5 times as fast with the channels innermost.
    for parameter in backbone.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return backbone


def _by_group(features_M: Features, groups: int, frames: int) -> Features:
    """From M = B·G·t to (B, G, t, ...)."""
    return map_features(lambda x: x.unflatten(0, (-1, groups, frames)), features_M)


def _take_groups(features: Features, there: tuple[int, ...], wanted: tuple[int, ...]) -> Features:
    """Of features (B, G, t, ...) whose groups are `there`, the `wanted` ones in that order."""
    if wanted == there:
        return features
    places = [there.index(group) for group in wanted]
    return map_features(lambda x: x[:, places], features)
