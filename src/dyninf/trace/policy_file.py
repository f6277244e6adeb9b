"""``policy.json``: a policy with its thresholds, and what they hold for."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from dyninf import policies
from dyninf.grid import Network, fingerprint
from dyninf.json_file import brief, read_json, write_json
from dyninf.policies import Policy
from dyninf.split_name import are_same_videos
from dyninf.trace.calibrate import Promise
from dyninf.trace.milliseconds import Milliseconds
from dyninf.trace.trace import Trace
from dyninf.version import __version__

CRITERIA: Mapping[str, type[Policy]] = {
    name: found
    for name in policies.__all__
    if isinstance(found := getattr(policies, name), type)
    and issubclass(found, Policy)
    and found is not Policy
}
"""The classes that a file may name; no other is ever made from one."""


@dataclass(frozen=True)
class FittedPolicy:
    """A policy that has its thresholds, and where they are from.

    network, fingerprint, checkpoints: what it was fitted for.
    promise: what the thresholds keep on `split`; both None where a person gave the thresholds.
    split: as a trace names it, with the data set's fingerprint.
    created: UTC, ISO 8601. version: of dyninf.
    """

    policy: Policy
    network: str
    fingerprint: str
    checkpoints: tuple[str, ...]
    promise: dict[str, Any] | None
    split: str | None
    created: str
    version: str

    @classmethod
    def of(
        cls,
        policy: Policy,
        trace: Trace,
        promise: Promise | None = None,
        milliseconds: Milliseconds | None = None,
    ) -> FittedPolicy:
        """As of now, for the network of a trace: of the calibration split that `promise` was kept on.

        Without a promise the thresholds were given, and only the network of the trace counts.
        milliseconds: those of a budget in them.
        """
        info = trace.info
        kept: dict[str, Any] | None = None
        if promise is not None:
            kept = asdict(promise) | {"unit": promise.unit, "says": str(promise)}
            if promise.unit == "ms" and milliseconds is not None:
                kept |= {"milliseconds": list(milliseconds.milliseconds), "device": milliseconds.device}
        return cls(
            policy,
            info.network,
            info.fingerprint,
            info.checkpoints,
            kept,
            None if promise is None else info.split,
            datetime.now(UTC).isoformat(timespec="seconds"),
            __version__,
        )

    def check_fits(self, other: Network | Trace, split: str | None) -> None:
        """Raise ValueError unless the policy is for this network (or that of this trace), and not of `split`.

        Splits of the same name in other views, or read in another way, are the same videos and count as one.
        None is no split: nothing is reported.
        """
        if isinstance(other, Trace):
            name, found, names = other.info.network, other.info.fingerprint, other.info.checkpoints
        else:
            name, found = other.name, fingerprint(other)
            names = tuple(checkpoint.name for checkpoint in other.checkpoints)
        if len(names) != len(self.checkpoints):
            raise ValueError(
                f"the policy file is for {len(self.checkpoints)} checkpoints of {brief(self.network)}, "
                f"{name} has {len(names)}"
            )
        if (found, names) != (self.fingerprint, self.checkpoints):
            raise ValueError(
                f"the policy file is for another network: {brief(self.network)} with fingerprint "
                f"{brief(self.fingerprint)}, this is {name} with {found}"
            )
        if self.split and split and are_same_videos(self.split, split):
            raise ValueError(
                f"the policy file was fitted on the split that is reported ({brief(self.split)}); "
                "report another"
            )

    def save(self, path: Path) -> None:
        """Write as JSON; the whole file or nothing.

        Raises ValueError if the policy has no threshold, or an argument that JSON cannot hold.
        """
        self.policy.thresholds(len(self.checkpoints))
        facts = {
            "criterion": type(self.policy).__name__,
            "arguments": _arguments(self.policy),
            # Scores lie in [0, 1]: 2 lets nobody leave and -1 all, as infinities do, which JSON cannot hold.
            "threshold": torch.tensor(self.policy.threshold, dtype=torch.float64).clamp(-1, 2).tolist(),
            "promise": self.promise,
            "fitted_on": self.split,
            "network": self.network,
            "fingerprint": self.fingerprint,
            "checkpoints": list(self.checkpoints),
            "created": self.created,
            "dyninf": self.version,
        }
        try:
            json.dumps(facts, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{facts['criterion']} cannot be written to {path}: {error}") from error
        write_json(path, facts)

    @classmethod
    def load(cls, path: str | Path) -> FittedPolicy:
        """Read what `save` wrote.

        Raises FileNotFoundError, or ValueError if the file is damaged, no policy file, or names a criterion
        that is none of `CRITERIA`.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"no policy file at {path}; a run leaves policy.json in its folder")
        try:
            facts = read_json(path)
            if not isinstance(facts, dict):
                raise ValueError("it holds no names with values")
            checkpoints = tuple(str(name) for name in facts["checkpoints"])
            return cls(
                _policy(facts["criterion"], facts["arguments"], facts["threshold"], len(checkpoints)),
                str(facts["network"]),
                str(facts["fingerprint"]),
                checkpoints,
                facts["promise"],
                None if facts["fitted_on"] is None else str(facts["fitted_on"]),
                str(facts["created"]),
                str(facts["dyninf"]),
            )
        except KeyError as error:
            raise ValueError(f"{path} is no policy file, or a damaged one: it has no {error}") from error
        except (ValueError, TypeError, OverflowError, OSError) as error:
            raise ValueError(f"{path} is no policy file, or a damaged one: {brief(error)}") from error


def _arguments(policy: Policy) -> dict[str, Any]:
    """What a policy was made with besides thresholds: arguments of its class that it keeps by their names."""
    names = inspect.signature(type(policy).__init__).parameters
    return {
        name: getattr(policy, name)
        for name in names
        if name not in ("self", "threshold") and hasattr(policy, name)
    }


def _policy(criterion: str, arguments: Any, threshold: Any, checkpoints: int) -> Policy:
    if criterion not in CRITERIA:
        raise ValueError(f"criterion {criterion!r} is unknown; there are {', '.join(CRITERIA)}")
    if not isinstance(arguments, dict):
        raise ValueError(f"arguments {arguments!r} are no names with values")
    policy = CRITERIA[criterion](**arguments).with_threshold(threshold)
    if not policy.thresholds(checkpoints)[:-1].isfinite().all():
        raise ValueError(f"threshold {threshold!r} is not finite")
    return policy
