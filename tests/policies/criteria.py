"""One policy of each kind, for the laws that all of them keep."""

from dyninf.policies import (
    Entropy,
    LearnedGate,
    Margin,
    MaxProbability,
    Oracle,
    Patience,
    Policy,
    RandomExit,
)

CRITERIA: dict[str, Policy] = {
    policy.__class__.__name__: policy
    for policy in (
        MaxProbability(),
        Entropy(),
        Margin(),
        Patience(),
        RandomExit(seed=3),
        LearnedGate(),
        Oracle(),
    )
} | {"MaxProbability, scaled": MaxProbability(temperature=2.5)}
