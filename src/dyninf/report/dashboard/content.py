"""The values behind a report's page: traces video by video, curves point by point, runs with their settings.

Legend: V videos, K checkpoints, N classes, P operating points, in ascending order of their thresholds.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dyninf.policies import LogitsNotFiniteError, MaxProbability, Policy
from dyninf.report.dashboard.pack import packed, smallest
from dyninf.report.dashboard.sources import Source, facts_of
from dyninf.report.published import published_points
from dyninf.report.runs import differing_settings, flat_config
from dyninf.trace import Resampling, Trace, check_calibration, sweep, top1_band
from dyninf.version import __version__

POINTS = 100
SHARES = 65535
"""What 1 is as a whole number of two bytes."""
MOST_POINTS = 255
"""So that the number of a point fits into a byte, one a video and checkpoint."""


@dataclass
class Content:
    """What the page is given, as JSON can hold it. Runs come one at a time; traces that they share, once.

    points: P of each curve. Each curve has thresholds spread over its scores, the first and the last of which
    let all videos, and none, leave at the first checkpoint.

    Raises ValueError for a number of points that a page cannot hold.
    """

    points: int = POINTS
    resampling: Resampling = field(default_factory=Resampling)
    traces: list[dict[str, Any]] = field(default_factory=list)
    curves: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    _configs: list[Mapping[str, Any]] = field(default_factory=list)
    _first: dict[int, tuple[int, np.ndarray]] = field(default_factory=dict)
    _known: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_points(self.points)

    def add(self, source: Source, gallery: Mapping[str, Any] | None = None) -> None:
        """A run with its curves and its trace."""
        run, summary = source.run, source.run.summary
        entry: dict[str, Any] = {
            "name": run.name,
            "command": run.command,
            "facts": facts_of(source),
            "config": flat_config(run.config),
            "figures": run.figures() if "dynamic" in summary else {},
            "full": summary["full"],
            "dynamic": summary.get("dynamic"),
            "checkpoints": summary["checkpoints"],
            "milliseconds": summary.get("milliseconds"),
            "grid": summary.get("grid"),
            "videos": summary["videos"],
            "trace": None,
            "without_trace": source.without_trace,
            "curves": [],
            "own_curve": None,
            "own": None,
            "notes": [f"The run's own policy: {source.without_policy}"] if source.without_policy else [],
            "gallery": gallery or {"videos": [], "without": source.without_pictures},
        }
        if source.trace is not None:
            trace = source.trace()
            entry["trace"] = self._trace(trace)
            calibration = _calibration(source, trace, entry["notes"])
            if (missing := summary["videos"] - len(trace.video_ids)) != 0:
                entry["notes"].append(
                    f"{-missing} videos of the trace were left out of the run's own figures"
                )
            policies = with_own(source)
            if source.policy is not None and source.policy.threshold is not None:
                entry["own"] = _own(trace, source.policy)
            milliseconds = (summary.get("milliseconds") or {}).get("checkpoints")
            for name, policy in policies.items():
                try:
                    found = self._curve(name, policy, trace, calibration, entry["trace"], milliseconds)
                except LogitsNotFiniteError:
                    raise  # no policy can judge this trace
                except ValueError as error:  # such as gates that the trace lacks
                    entry["notes"].append(f"No curve of {name}: {error}")
                    continue
                if policy is source.policy:
                    entry["own_curve"] = found
                if found not in entry["curves"]:
                    entry["curves"].append(found)
        self.runs.append(entry)
        self._configs.append(run.config)

    def finished(self, title: str, left_out: Mapping[str, str]) -> dict[str, Any]:
        """All of it, with the settings in which the runs differ, and what others published."""
        settings = differing_settings(self._configs)
        for place, run in enumerate(self.runs):
            run["settings"] = {key: values[place] for key, values in settings.items()}
        return {
            "title": title,
            "version": __version__,
            "level": self.resampling.level,
            "runs": self.runs,
            "traces": self.traces,
            "curves": self.curves,
            "left_out": dict(left_out),
            "published": [asdict(point) for point in published_points()],
        }

    def _trace(self, trace: Trace) -> int:
        """The number of a trace among those of the page."""
        key = f"trace {_digest_of(trace)}"
        if key not in self._known:
            self._known[key] = len(self.traces)
            classes = smallest(len(trace.info.classes))
            self.traces.append(
                {
                    "network": trace.info.network,
                    "split": trace.info.split,
                    "classes": list(trace.info.classes),
                    "checkpoints": list(trace.info.checkpoints),
                    "gmacs": (trace.macs_K / 1e9).tolist(),
                    "label": packed(trace.label_V.numpy(), classes),
                    "predicted": packed(trace.ranked_VKn[:, :, 0].numpy(), classes),
                    # Rounded down, so that a bin's border stays where it is for 3, 5, 15 bins.
                    "probability": packed(np.floor(top_probabilities(trace) * SHARES), "uint16"),
                }
            )
        return self._known[key]

    def _curve(
        self,
        name: str,
        policy: Policy,
        trace: Trace,
        calibration: Trace | None,
        number: int,
        milliseconds: Sequence[float] | None,
    ) -> int:
        """The number of a policy's curve on a trace among those of the page."""
        scores_VK = trace.scores(policy)
        digest = hashlib.sha256(scores_VK.numpy().tobytes()).hexdigest()
        chosen_on = None if calibration is None else _digest_of(calibration)
        key = f"curve {number} {digest} {chosen_on} {milliseconds}"
        if key not in self._known:
            self._known[key] = len(self.curves)
            curve = sweep(trace, policy, self.points, scores_VK)
            low_P, high_P = top1_band(curve, trace, scores_VK, self.resampling)
            threshold_P, V = curve.threshold_P, len(scores_VK)
            rows = {"threshold": threshold_P, "gmacs": curve.macs_P / 1e9}
            counts = {"right": (curve.top1_P * V).round()}
            reached = _reached(scores_VK, threshold_P)
            base, first = self._first.setdefault(number, (len(self.curves), reached))
            if milliseconds is not None:
                rows["milliseconds"] = curve.exit_share_PK @ torch.tensor(milliseconds, dtype=torch.float64)
            if calibration is not None:
                held_out = sweep(calibration, policy, threshold_P)
                rows["calibration_gmacs"] = held_out.macs_P / 1e9
                counts["calibration_right"] = (held_out.top1_P * len(calibration.label_V)).round()
            counted = torch.stack([*counts.values()]).numpy()
            self.curves.append(
                {
                    "policy": name,
                    "sees_labels": policy.sees_labels,
                    "trace": number,
                    "points": len(threshold_P),
                    "is_scaled": policy.temperature is not None,
                    "rows": [*rows],
                    "values": packed(torch.stack([*rows.values()]).double().numpy(), "float32"),
                    "counts": [*counts],
                    "counted": packed(counted, smallest(int(counted.max()) + 1)),
                    "band": packed((torch.stack([low_P, high_P]) * SHARES).round().numpy(), "uint16"),
                    # Policies agree on most videos: what they differ by takes less space.
                    "base": None if base == len(self.curves) else base,
                    "reached": packed((reached - (0 if base == len(self.curves) else first)) % 256, "uint8"),
                }
            )
        return self._known[key]


def _calibration(source: Source, trace: Trace, notes: list[str]) -> Trace | None:
    """The trace on which thresholds may be chosen; a note where there is one that cannot be used."""
    if source.calibration is None:
        return None
    try:
        calibration = source.calibration()
        check_calibration(trace, calibration)
        if not torch.equal(calibration.macs_K, trace.macs_K):
            raise ValueError("its videos cost other than those of the reported split, as with other views")
    except (ValueError, OSError) as error:
        notes.append(f"The calibration trace cannot be used: {error}")
        return None
    return calibration


def _digest_of(trace: Trace) -> str:
    """Of all that a trace says."""
    digest = hashlib.sha256(f"{trace.info}{trace.video_ids}{trace.macs_K.tolist()}".encode())
    for rows in trace.chunks():
        digest.update(trace.logits_VKN[rows].contiguous().numpy().tobytes())
    for part in (trace.label_V, trace.gate_VK):
        if part is not None:
            digest.update(part.contiguous().numpy().tobytes())
    return digest.hexdigest()


def check_points(points: int) -> None:
    """Raise ValueError unless a page can hold curves of so many points."""
    if not 2 <= points <= MOST_POINTS:
        raise ValueError(f"points must be from 2 to {MOST_POINTS} in a report, got {points}")


def top_probabilities(trace: Trace) -> np.ndarray:
    """The probability (V, K) of the class that each checkpoint gives, in float64."""
    found: np.ndarray = trace.scores(MaxProbability()).numpy()
    return found


def _reached(scores_VK: Tensor, threshold_P: Tensor) -> np.ndarray:
    """(K - 1, V): how many thresholds a video has reached by each checkpoint, less those by the one before.

    With the threshold of point p, from 0, a video leaves where their sum first is above p.
    """
    maximum_VK = scores_VK[:, :-1].cummax(1).values
    reached_VK = torch.searchsorted(threshold_P.double().contiguous(), maximum_VK.contiguous(), right=True)
    return np.diff(reached_VK.T.numpy(), axis=0, prepend=0)


def policy_name(policy: Policy) -> str:
    """Of its criterion, as files in ``conf/policy`` are named."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(policy).__name__).lower()


def with_own(source: Source) -> dict[str, Policy]:
    """The policies of a run by name, its own first; another of the same name has other settings."""
    if source.policy is None:
        return dict(source.curves)
    own = policy_name(source.policy)
    others = {f"{name} (as given)" if name == own else name: policy for name, policy in source.curves.items()}
    return {own: source.policy, **others}


def _own(trace: Trace, policy: Policy) -> dict[str, Any]:
    """The operating point of a run: where each video leaves."""
    K = len(trace.macs_K)
    thresholds = policy.thresholds(K).tolist()
    return {
        "policy": policy_name(policy),
        "thresholds": [value if math.isfinite(value) else None for value in thresholds],
        "exit": packed(trace.replay(policy).checkpoint_V.numpy(), smallest(K)),
    }
