"""What studies of several trainings share: run what is missing, read the traces, spread over seeds.

Legend: V videos, K checkpoints.
"""

import csv
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dyninf import Trace
from dyninf.data import DrawnDataModule, Synthetic


@dataclass(frozen=True)
class Study:
    """Variants of an experiment of ``conf/experiment``, each trained with several seeds.

    experiment: its name. runs: folder of the trainings.
    variants: name → overrides, in which {runs} and {seed} stand for those of the training.
    dataset: what the experiment is trained on, for its temporal classes.
    """

    experiment: str
    variants: Mapping[str, Sequence[str]]
    runs: Path
    dataset: type[DrawnDataModule] = Synthetic
    seeds: Sequence[int] = (0, 1, 2)

    def train(self, jobs: int) -> None:
        """Train what is missing, variant by variant, `jobs` at a time with one thread each."""
        every = [(variant, seed) for variant in self.variants for seed in self.seeds]
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(lambda run: self._train(*run), every))

    def folder(self, variant: str, seed: int) -> Path:
        """Where a training lies."""
        return self.runs / f"{variant}-seed{seed}"

    def _train(self, variant: str, seed: int) -> None:
        folder = self.folder(variant, seed)
        if (folder / "summary.json").is_file():
            return
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "dyninf.train", f"experiment={self.experiment}"]
        overrides = [override.format(runs=self.runs, seed=seed) for override in self.variants[variant]]
        with open(folder / "log.txt", "w") as log:
            subprocess.run(
                [*command, *overrides, f"seed={seed}", f"output={folder}"],
                check=True,
                stdout=log,
                stderr=log,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
            )
        print(f"trained {variant}, seed {seed}", flush=True)

    def measure(self) -> list[dict[str, object]]:
        """Every checkpoint of every run."""
        every = [(variant, seed) for variant in self.variants for seed in self.seeds]
        return [row for run in every for row in self.checkpoints(*run)]

    def checkpoints(self, variant: str, seed: int) -> Iterator[dict[str, object]]:
        """A run's top-1 in percent at each checkpoint, of all test videos, the temporal and scene classes."""
        trace = Trace.load(self.folder(variant, seed) / "trace" / "test")
        right_VK = (trace.ranked_VKn[:, :, 0] == trace.label_V[:, None]).double()
        temporal_V = sum(trace.label_V == label for label in self.dataset.temporal_classes).bool()
        for k, name in enumerate(trace.info.checkpoints):
            yield {
                "variant": variant,
                "seed": seed,
                "checkpoint": name,
                "last": k == len(trace.info.checkpoints) - 1,
                "gmacs": round(trace.macs_K[k].item() / 1e9, 6),
                "top1": round(100 * right_VK[:, k].mean().item(), 3),
                "top1_temporal": round(100 * right_VK[temporal_V, k].mean().item(), 3),
                "top1_scene": round(100 * right_VK[~temporal_V, k].mean().item(), 3),
            }


def spread(values: Sequence[float], sign: bool = False) -> str:
    """Mean ± standard deviation."""
    return f"{statistics.mean(values):{'+' if sign else ''}.1f} ± {statistics.stdev(values):.1f}"


def write_rows(path: Path, rows: Sequence[dict[str, object]]) -> None:
    """As CSV, with the keys of the first row as header."""
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
