"""A backbone on a grid: all checkpoints in one pass, or cell by cell.

Legend: B clips, T frames, t frames of a group, M = B·t, G groups, C, H, W, F head features, K checkpoints,
N classes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from dyninf.grid.backbone import Backbone
from dyninf.grid.checkpoint import Checkpoint
from dyninf.grid.costs import Costs, count_costs
from dyninf.grid.gates import Gates
from dyninf.grid.permutation import Permutation
from dyninf.grid.recompute import computed_again
from dyninf.grid.route import Cell
from dyninf.grid.scheme import Scheme
from dyninf.grid.shift import SHIFTS, Exchange, Frames
from dyninf.grid.state import Features, State, map_features


class Network(nn.Module):
    """A backbone, a scheme and as many frames as the clips have.

    Frames of the input are in time order; the network permutes them itself.

    activation_checkpointing: set to True, a training pass stores features between stages only and computes
        those inside again for the gradient: about two thirds of the memory, a fifth to a third more time.

    gates: None until `attach_gates`. A network that has gates runs and counts them whatever the policy.

    Raises ValueError if the scheme does not fit the backbone or the number of frames.
    """

    gates: Gates | None

    def __init__(self, backbone: Backbone, scheme: Scheme, num_classes: int, num_frames: int) -> None:
        super().__init__()
        self.name = f"{backbone.name}-{scheme.name}-{num_frames}f"
        self.num_classes = num_classes
        self.num_frames = num_frames
        layout = scheme.lay_out(backbone.stage_names, backbone.head_stages, num_frames)
        self.group_size = num_frames // scheme.groups
        self.permutation = layout.permutation
        self.route = layout.route
        self.checkpoints: tuple[Checkpoint, ...] = layout.checkpoints
        self.shift = SHIFTS[scheme.shift]()
        backbone.attach_heads(sorted({checkpoint.cell.stage for checkpoint in self.checkpoints}), num_classes)
        self.backbone = _channels_last(backbone)
        self.average = scheme.average
        self._read = layout.read
        self._places = {checkpoint.cell: checkpoint for checkpoint in self.checkpoints}
        self._check_head_widths()
        self.activation_checkpointing = False
        self.gates = None
        self._costs: dict[tuple[int, int], Costs] = {}

    def _check_head_widths(self) -> None:
        stages = {checkpoint.cell.stage for checkpoint in self.checkpoints}
        widths = {stage: self.backbone.classifier_of(stage).in_features for stage in sorted(stages)}
        if self.average == "cells" and len(set(widths.values())) > 1:
            raise ValueError(
                f"average=cells adds up the features of all heads, but those of {self.backbone.name} have "
                f"{', '.join(map(str, widths.values()))} features; set a head_width that makes them equal, "
                "or average=stage"
            )

    def forward(self, video_BTCHW: Tensor) -> Tensor:
        """Logits (B, K, N) of every checkpoint, in one pass over the stages.

        Raises ValueError if the video does not have `num_frames` frames.
        """
        return torch.stack([self.predict(*place) for place in self.states(video_BTCHW)], dim=1)

    def states(self, video_BTCHW: Tensor) -> Iterator[tuple[Checkpoint, State]]:
        """Every checkpoint with the sums that its head reads, in one pass over the stages."""
        self.check_video(video_BTCHW)
        order = [frame for group in self.permutation for frame in group]
        features: Features = video_BTCHW[:, order].unflatten(1, (-1, self.group_size))  # B G t C H W
        before = tuple(range(1, len(self.permutation) + 1))
        sums: dict[Cell, Tensor] = {}
        for stage in range(1, self.route.stages + 1):
            groups = self.route.groups_at(stage)
            if not groups:
                break
            flat = _images(_take_groups(features, before, groups), dims=3)
            flat = self._run_whole_stage(stage, flat, Frames(self._frames_of(groups)))
            features = _by_group(flat, len(groups), self.group_size)
            read = tuple(group for group in groups if self.head_reads(Cell(group, stage)))
            if read:
                flat = _images(_take_groups(features, groups, read), dims=3)
                sum_BGF = (
                    self.backbone.embed(stage, flat).unflatten(0, (-1, len(read), self.group_size)).sum(2)
                )
                sums |= {Cell(group, stage): sum_BGF[:, i] for i, group in enumerate(read)}
            before = groups
        state = State()
        for cell in self.route.cells:
            if cell in sums:
                state = self._add(state, cell, sums[cell])
            if cell in self._places:
                yield self._places[cell], state

    def _run_whole_stage(self, stage: int, features_M: Features, frames: Frames) -> Features:
        """A stage for all its groups; with `activation_checkpointing`, its inner features are not stored."""

        def run(*parts: Tensor) -> Features:
            inputs = parts[0] if isinstance(features_M, Tensor) else parts
            return self.backbone.run_stage(stage, inputs, Exchange(self.shift, frames, keep=False))

        parts = (features_M,) if isinstance(features_M, Tensor) else features_M
        if self.activation_checkpointing and torch.is_grad_enabled():
            return computed_again(run, self.backbone, *parts)
        return run(*parts)

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
        groups = self.route.groups_at(stage)
        frames = Frames(self._frames_of((group,)), self._frames_of(groups[: groups.index(group)]))
        exchange = Exchange(self.shift, frames, state.kept.get(stage, ()), keep=group != groups[-1])
        flat = self.backbone.run_stage(stage, _images(inputs, dims=2), exchange)

        if self.head_reads(cell):
            sum_BF = self.backbone.embed(stage, flat).unflatten(0, (-1, self.group_size)).sum(1)
            state = self._add(state, cell, sum_BF)
        features = {g: value for g, value in state.features.items() if g != group}
        if Cell(group, stage + 1) in self.route.cells:
            features[group] = map_features(lambda x: x.unflatten(0, (-1, self.group_size)), flat)
        kept = {d: value for d, value in state.kept.items() if d != stage}
        if exchange.kept:
            kept[stage] = exchange.kept
        return replace(state, features=features, kept=kept)

    def predict(self, checkpoint: Checkpoint, state: State) -> Tensor:
        """Logits (B, N) at a checkpoint whose cell is the last one that was run."""
        return self.backbone.classify(checkpoint.cell.stage, self.features_at(checkpoint, state))

    def gate(self, checkpoint: Checkpoint, state: State, logits_BN: Tensor) -> Tensor:
        """The gate's scores (B,) there, given what `predict` said; 1 at the last, which has no gate.

        Raises ValueError if the network has no gates.
        """
        if self.gates is None:
            raise ValueError(f"{self.name} has no gates; attach_gates makes them, fit_gates fits them")
        k = self.checkpoints.index(checkpoint)
        return self.gates.score(k, self.features_at(checkpoint, state), logits_BN)

    def features_at(self, checkpoint: Checkpoint, state: State) -> Tensor:
        """The head features (B, F) that a checkpoint's classifier and gate see."""
        pool = self.pool(checkpoint.cell.stage)
        return state.sums[pool] / state.frames[pool]

    def walk(self, video_BTCHW: Tensor) -> Iterator[tuple[Checkpoint, Tensor]]:
        """Every checkpoint with its logits (B, N), cell by cell along the route."""
        self.check_video(video_BTCHW)
        state = State()
        for cell in self.route.cells:
            frames = self.group_frames_of(video_BTCHW, cell.group) if cell.stage == 1 else None
            state = self.run_cell(cell, state, frames)
            if cell in self._places:
                yield self._places[cell], self.predict(self._places[cell], state)

    def _add(self, state: State, cell: Cell, sum_BF: Tensor) -> State:
        """The state with a cell's head features added to those that its head averages."""
        pool = self.pool(cell.stage)
        before = state.sums.get(pool)
        sums = {**state.sums, pool: sum_BF if before is None else before + sum_BF}
        frames = {**state.frames, pool: state.frames.get(pool, 0) + self.group_size}
        return replace(state, sums=sums, frames=frames)

    def pool(self, stage: int) -> int:
        """Which sum a stage's head reads: its own, or the one of all stages, 0."""
        return stage if self.average == "stage" else 0

    def _frames_of(self, groups: Iterable[int]) -> Permutation:
        return tuple(self.permutation[group - 1] for group in groups)

    def head_reads(self, cell: Cell) -> bool:
        """Whether some checkpoint averages over the cell's head features."""
        return cell in self._read

    def attach_gates(self, width: int) -> None:
        """Place a fresh gate of so many units at every checkpoint but the last, in place of any there is.

        Raises ValueError if there is no other checkpoint.
        """
        if len(self.checkpoints) == 1:
            raise ValueError(
                f"{self.name} has one checkpoint alone, where every clip stops: it needs no gate"
            )
        stages = [checkpoint.cell.stage for checkpoint in self.checkpoints[:-1]]
        features = [self.backbone.classifier_of(stage).in_features for stage in stages]
        self.gates = Gates(features, width).to(next(self.parameters()).device)
        self._costs.clear()

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
