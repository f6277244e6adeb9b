"""``policy.json`` without torch: the criteria of `dyninf.policies`, on arrays.

Legend: B clips, J checkpoints seen so far, K in all, N classes.

Scores are float64 and agree with those of `dyninf.policies` to the last digits; a test holds them together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dyninf.json_file import brief, read_json
from dyninf.runtime.exported.manifest import POLICY, Manifest

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Seen:
    """What is known of clips at checkpoint J.

    logits_BJN: float32. clip_B: their numbers, which `RandomExit` draws by. gate_BJ: scores of gates, if any.
    """

    logits_BJN: Array
    clip_B: Array
    gate_BJ: Array | None = None

    def __getitem__(self, index_B: Array) -> Seen:
        gate_BJ = None if self.gate_BJ is None else self.gate_BJ[index_B]
        return Seen(self.logits_BJN[index_B], self.clip_B[index_B], gate_BJ)


@dataclass(frozen=True)
class Criterion:
    """A policy with its thresholds.

    name: of its class in `dyninf.policies`. threshold_K: minus infinity at the last checkpoint.
    temperature_K: what logits are divided by. seed: of `RandomExit`.
    """

    name: str
    threshold_K: tuple[float, ...]
    temperature_K: tuple[float, ...]
    seed: int = 0

    def score(self, seen: Seen) -> Array:
        """Scores (B,) at checkpoint J, float64."""
        return SCORES[self.name](seen, self)

    def stops(self, seen: Seen) -> Array:
        """Which clips (B,) stop at checkpoint J; ValueError if a score is not a number."""
        score_B = self.score(seen)
        if np.isnan(score_B).any():  # would neither reach a threshold nor be accepted by the last checkpoint
            raise ValueError(f"{self.name} gave a score that is not a number")
        stops_B: Array = score_B >= self.threshold_K[seen.logits_BJN.shape[1] - 1]
        return stops_B

    @classmethod
    def load(cls, folder: Path, manifest: Manifest) -> Criterion:
        """Read the folder's policy.

        It may have taken the place of the one that was exported, if it is of the same network and lets clips
        leave at no further checkpoint. Raises FileNotFoundError, or ValueError that names the file.
        """
        path = folder / POLICY
        if not path.is_file():
            raise FileNotFoundError(f"no policy file at {path}; an exported folder has one")
        try:
            facts = read_json(path)
            if not isinstance(facts, dict):
                raise ValueError("it holds no names with values")
            criterion = _criterion(facts, len(manifest.checkpoints))
        except KeyError as error:
            raise ValueError(f"{path} is no policy file, or a damaged one: it has no {error}") from error
        except (ValueError, TypeError, OverflowError) as error:
            raise ValueError(f"{path} is no policy file, or a damaged one: {brief(error)}") from error
        _check_fits(criterion, facts, manifest, path)
        return criterion


def _max_probability(seen: Seen, criterion: Criterion) -> Array:
    return _probability(seen, criterion).max(-1)


def _entropy(seen: Seen, criterion: Criterion) -> Array:
    probability_BN = _probability(seen, criterion)
    most = math.log(max(probability_BN.shape[-1], 2))
    # p log p is 0 at 0, where the logarithm is not a number.
    logarithm_BN = np.log(probability_BN, out=np.zeros_like(probability_BN), where=probability_BN > 0)
    return np.clip(1 + (probability_BN * logarithm_BN).sum(-1) / most, 0, 1)


def _margin(seen: Seen, criterion: Criterion) -> Array:
    probability_BN = _probability(seen, criterion)
    if probability_BN.shape[-1] == 1:
        return probability_BN[:, 0]
    top_B2 = np.partition(probability_BN, -2)[:, -2:]
    lead_B: Array = top_B2[:, 1] - top_B2[:, 0]
    return lead_B


def _patience(seen: Seen, criterion: Criterion) -> Array:
    class_BJ = seen.logits_BJN.argmax(-1)
    # Backwards from the last: until the class first differs, checkpoints agree.
    agrees_BJ = np.logical_and.accumulate(class_BJ[:, ::-1] == class_BJ[:, -1:], axis=1)
    score_B: Array = 1 - 1 / agrees_BJ.sum(1).astype(np.float64)
    return score_B


def _random_exit(seen: Seen, criterion: Criterion) -> Array:
    """SplitMix64's output function of seed and number, bit for bit as in `policies.random_exit`."""
    start = np.array([criterion.seed], np.int64).astype(np.uint64)
    bits_B = _mixed(_mixed(start) + seen.clip_B.astype(np.int64).astype(np.uint64))
    uniform_B: Array = (bits_B & np.uint64((1 << 53) - 1)).astype(np.float64) / (1 << 53)
    return uniform_B


def _mixed(bits: Array) -> Array:
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Array = bits ^ (bits >> np.uint64(31))
    return mixed


def _learned_gate(seen: Seen, criterion: Criterion) -> Array:
    if seen.gate_BJ is None:
        raise ValueError("LearnedGate asks the gates of a network, and this one has none")
    score_B: Array = seen.gate_BJ[:, -1]
    return score_B


SCORES: Mapping[str, Callable[[Seen, Criterion], Array]] = {
    "MaxProbability": _max_probability,
    "Entropy": _entropy,
    "Margin": _margin,
    "Patience": _patience,
    "RandomExit": _random_exit,
    "LearnedGate": _learned_gate,
}
"""The criteria that a policy file may name; `Oracle`, which sees labels, is none that can be used."""


def _probability(seen: Seen, criterion: Criterion) -> Array:
    """Class probabilities (B, N) at checkpoint J under its temperature, float64."""
    place = seen.logits_BJN.shape[1] - 1
    return softmax(seen.logits_BJN[:, -1].astype(np.float64) / criterion.temperature_K[place])


def softmax(logits_BN: Array) -> Array:
    """Class probabilities of logits in float64, where no difference between them overflows."""
    exponential_BN = np.exp(logits_BN - logits_BN.max(-1, keepdims=True))
    probability_BN: Array = exponential_BN / exponential_BN.sum(-1, keepdims=True)
    return probability_BN


def _criterion(facts: Mapping[str, Any], num_checkpoints: int) -> Criterion:
    name, arguments = facts["criterion"], dict(facts["arguments"])
    if name not in SCORES:
        raise ValueError(f"criterion {name!r} cannot be used without torch; there are {', '.join(SCORES)}")
    if len(facts["checkpoints"]) != num_checkpoints:
        raise ValueError(
            f"it is for {len(facts['checkpoints'])} checkpoints, the network has {num_checkpoints}"
        )
    temperature, seed = arguments.pop("temperature", None), arguments.pop("seed", 0)
    if arguments:
        raise ValueError(f"{name} takes no {', '.join(arguments)}")
    if type(seed) is not int or abs(seed) >= 1 << 63:
        raise ValueError(f"seed must be a whole number of 64 bits, got {seed!r}")
    threshold_k = _numbers("threshold", facts["threshold"], (num_checkpoints - 1, num_checkpoints))
    temperature_K = _numbers("temperature", 1.0 if temperature is None else temperature, (num_checkpoints,))
    if not min(temperature_K) > 0:
        raise ValueError(f"temperature {temperature!r} is not above 0")
    return Criterion(name, (*threshold_k[: num_checkpoints - 1], -math.inf), temperature_K, seed)


def _numbers(name: str, value: Any, lengths: tuple[int, ...]) -> tuple[float, ...]:
    """One number for all checkpoints, or a list of one each; finite."""
    array = np.array(value, np.float64)
    if array.ndim == 0:
        array = array.repeat(lengths[-1])
    if array.ndim != 1 or len(array) not in lengths or not np.isfinite(array).all():
        raise ValueError(
            f"{name} {value!r} is not a finite number, nor one for each of {lengths[-1]} checkpoints"
        )
    return tuple(array.tolist())


def _check_fits(criterion: Criterion, facts: Mapping[str, Any], manifest: Manifest, path: Path) -> None:
    names = [checkpoint.name for checkpoint in manifest.checkpoints]
    if facts.get("fingerprint") != manifest.fingerprint or facts["checkpoints"] != names:
        raise ValueError(
            f"{path} is for another network: {brief(facts.get('network'))} with fingerprint "
            f"{brief(facts.get('fingerprint'))}, this is {manifest.network} with {manifest.fingerprint}"
        )
    if criterion.name == "LearnedGate" and not manifest.has_gates:
        raise ValueError(
            f"{path} asks the gates of a network, and {manifest.network} was exported without any"
        )
    # Scores lie in [0, 1]: a threshold above lets nobody leave.
    leaving = {k for k, threshold in enumerate(criterion.threshold_K) if threshold <= 1}
    if further := sorted(leaving - set(manifest.stops)):
        raise ValueError(
            f"{path} lets clips leave at checkpoints {further}, from 0, where the network was not cut; "
            "export it again with this policy"
        )
