"""How the gates of a network learn when to stop. Plain torch."""

from dyninf.gates.examples import GateExamples, record_examples
from dyninf.gates.fit import GateFit, Recipe, fit_gates, fit_to_examples, separation
from dyninf.gates.pseudo_labels import pseudo_labels

__all__ = [
    "GateExamples",
    "GateFit",
    "Recipe",
    "fit_gates",
    "fit_to_examples",
    "pseudo_labels",
    "record_examples",
    "separation",
]
