"""What happens to a clip on its way through the grid, as JSON.

Legend: t frames of a group, C, H, W, N classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor

from dyninf.grid import Network
from dyninf.policies import Policy
from dyninf.runtime import Answer, ClipFrames, Decoded, Judged, Ran, likeliest, watch
from dyninf.service.description import Description

Event = tuple[str, Mapping[str, Any]]
"""A name, and data for JSON."""


class Teller:
    """Takes clips along the whole route of a network, and tells of every step.

    network: in evaluation mode. height, width: of the frames. pictures: data URLs of frames (t, C, H, W).
    """

    def __init__(
        self,
        network: Network,
        policy: Policy,
        description: Description,
        height: int,
        width: int,
        pictures: Callable[[Tensor], list[str]],
    ) -> None:
        self._network, self._policy, self._description = network, policy, description
        self._costs = network.costs(height, width)
        self._pictures = pictures
        thresholds = policy.thresholds(len(network.checkpoints)).tolist()
        # JSON has no infinity: None where nothing leaves, and at the last checkpoint, where everything does.
        self._thresholds = [value if math.isfinite(value) else None for value in thresholds]

    @property
    def grid(self) -> Mapping[str, Any]:
        """The network as the page draws it; groups and stages count from 1, frames from 0."""
        network = self._network
        return {
            "network": network.name,
            "policy": type(self._policy).__name__,
            "classes": len(self._description.classes),
            "frames": network.num_frames,
            "groups": [list(frames) for frames in network.permutation],
            "stages": list(network.backbone.stage_names),
            "cells": [
                {"group": cell.group, "stage": cell.stage, "macs": self._costs.cells[cell]}
                for cell in network.route.cells
            ],
            "checkpoints": [
                {
                    "name": checkpoint.name,
                    "group": checkpoint.cell.group,
                    "stage": checkpoint.cell.stage,
                    "gmacs": gmacs,
                    "threshold": threshold,
                }
                for checkpoint, gmacs, threshold in zip(
                    network.checkpoints, self._description.gmacs, self._thresholds, strict=True
                )
            ],
            "full_gmacs": self._description.full_gmacs,
        }

    def tell(self, clip: ClipFrames, number: int) -> Iterator[Event]:
        """From the first frames to the answer, and on to what full inference says.

        Raises what `watch` does. `answer` and `full` have the fields of an answer to /v1/predict; their
        milliseconds are those of decoding and computing, without the telling.
        """
        milliseconds, decoded, has_left = 0.0, 0, False
        for happened in watch(self._network, self._policy, clip, number):
            milliseconds += happened.milliseconds
            took = {"milliseconds": round(happened.milliseconds, 3), "after": has_left}
            if isinstance(happened, Decoded):
                decoded += len(happened.frames_tCHW)
                yield "frames", self._frames(happened) | took
            elif isinstance(happened, Ran):
                yield "cell", happened.cell._asdict() | took
            else:
                yield "checkpoint", self._checkpoint(happened) | took
                answer = self._answer(happened, clip, number, milliseconds, decoded)
                if happened.leaves:
                    has_left = True
                    yield "answer", answer
        yield "full", answer

    def _frames(self, decoded: Decoded) -> dict[str, Any]:
        frames = self._network.permutation[decoded.group - 1]
        return {
            "group": decoded.group,
            "frames": list(frames),
            "pictures": self._pictures(decoded.frames_tCHW),
        }

    def _checkpoint(self, judged: Judged) -> dict[str, Any]:
        classes = self._description.classes
        top5 = [[classes[label], value] for label, value in likeliest(judged.logits_N.softmax(-1))]
        return {
            "name": self._network.checkpoints[judged.checkpoint].name,
            "class": top5[0][0],
            "probability": top5[0][1],
            "top5": top5,
            "score": judged.score,
            "threshold": self._thresholds[judged.checkpoint],
            "leaves": judged.leaves,
        }

    def _answer(
        self, judged: Judged, clip: ClipFrames, number: int, milliseconds: float, decoded: int
    ) -> Mapping[str, Any]:
        probability, label = judged.logits_N.softmax(-1).max(-1)
        k = judged.checkpoint
        return self._description.answer(
            Answer(
                number, clip.name, int(label), float(probability), k, self._costs.macs_K[k].item(),
                milliseconds, decoded, judged.logits_N,
            )
        )  # fmt: skip
