"""Mutated lists of data sets, each read as a training reads it: it ends in a right read or in a clean error.

    python -m experiments.fuzz.run_lists [--cases N] [--seed N] [--jobs N] [--out DIR]

Cases run as those of `experiments.fuzz.run`. The command fails where there is a fault.
"""

from experiments.fuzz.annotations import Annotations
from experiments.fuzz.run import report

if __name__ == "__main__":
    report(__doc__, Annotations, "run_lists", "lists and manifests of data sets")
