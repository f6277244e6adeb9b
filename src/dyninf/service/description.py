"""What clients are told, as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dyninf.grid import Network
from dyninf.policies import Policy
from dyninf.runtime import Answer, likeliest
from dyninf.service.limits import Limits


@dataclass(frozen=True)
class Description:
    """Words for a network's answers.

    classes, checkpoints: names. gmacs: of a clip up to each checkpoint.
    """

    network: str
    classes: Sequence[str]
    checkpoints: Sequence[str]
    gmacs: Sequence[float]

    @classmethod
    def of(cls, network: Network, classes: Sequence[str], height: int, width: int) -> Description:
        names = [checkpoint.name for checkpoint in network.checkpoints]
        return cls(network.name, classes, names, network.costs(height, width).gmacs_K)

    @property
    def full_gmacs(self) -> float:
        """Of a clip that goes through the whole network."""
        return self.gmacs[-1]

    def answer(self, answer: Answer) -> dict[str, Any]:
        """An answer without error."""
        assert answer.logits_N is not None
        assert answer.label is not None
        assert answer.checkpoint is not None
        return {
            "label": answer.label,
            "class": self.classes[answer.label],
            "probability": answer.probability,
            "top5": [[self.classes[label], value] for label, value in likeliest(answer.logits_N.softmax(-1))],
            "checkpoint": self.checkpoints[answer.checkpoint],
            "gmacs": answer.macs / 1e9,
            "share_of_full": answer.macs / 1e9 / self.full_gmacs,
            "milliseconds": round(answer.milliseconds, 3),
            "frames_decoded": answer.frames_decoded,
        }

    def info(self, policy: Policy, limits: Limits) -> dict[str, Any]:
        """About the service. A threshold is null where nothing leaves."""
        thresholds = policy.thresholds(len(self.checkpoints))[:-1].tolist()
        return {
            "network": self.network,
            "classes": len(self.classes),
            "checkpoints": [
                {"name": name, "gmacs": gmacs}
                for name, gmacs in zip(self.checkpoints, self.gmacs, strict=True)
            ],
            "policy": {
                "name": type(policy).__name__,
                "thresholds": [value if math.isfinite(value) else None for value in thresholds],
            },
            "limits": {
                "upload_mb": limits.upload_mb,
                "upload_seconds": limits.upload_seconds,
                "video_seconds": limits.seconds,
                "video_frames": limits.frames,
                "megapixels": limits.megapixels,
                "seconds": limits.time_limit,
            },
        }
