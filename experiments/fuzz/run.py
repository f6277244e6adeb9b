"""Mutated video files, read by dyninf: whether each ends in a right read or in a clean error.

    python -m experiments.fuzz.run [--videos N] [--seed N] [--jobs N] [--out DIR]

Every case is read in a process of its own under limits of time and memory (`children`), and can be repeated
from the seed and its number. The command fails where there is a fault.
"""

import argparse
import json
import platform
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import av
from experiments.fuzz.children import FAULT, MEGABYTES, SECONDS, Report, run_cases
from experiments.fuzz.videos import Videos, write_seeds

HERE = Path(__file__).resolve().parent


class Cases(Protocol):
    """Numbered cases, and what is told of each."""

    def mutation(self, number: int) -> str: ...
    def source(self, number: int) -> str: ...


def main() -> None:
    """Run all cases, write results.json and results.md, print the tables and the faults."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE)
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="dyninf-fuzz-") as folder:
        write_seeds(Path(folder))
        studies = {
            "video files": (Videos(Path(folder), arguments.seed), arguments.videos),
        }
        found = {
            name: summary(cases, run_cases(cases, range(number), arguments.jobs))
            for name, (cases, number) in studies.items()
        }
    libraries = ", ".join(f"{name} {'.'.join(map(str, v))}" for name, v in av.library_versions.items())
    results = {
        "machine": f"{platform.machine()}, Python {platform.python_version()}, av {av.__version__}",
        "libraries": libraries,
        "seed": arguments.seed,
        "limits": {"processor_seconds": SECONDS, "megabytes": MEGABYTES},
        **found,
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    text = "\n".join(table(name, study) for name, study in found.items())
    (arguments.out / "results.md").write_text(text)
    print(text)
    faults = [fault for study in found.values() for fault in study["faults"]]
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


def report(about: str, cases_of: Callable[[int], Any], name: str, what: str) -> None:
    """A study of one kind of cases as a command, which ends with 1 where there is a fault.

    Args:
        about: the study's documentation.
        cases_of: the cases by their seed.
        name: of the two result files.
        what: the cases are, for the table.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE)
    arguments = parser.parse_args()
    cases = cases_of(arguments.seed)
    found = summary(cases, run_cases(cases, range(arguments.cases), arguments.jobs))
    limits = {"processor_seconds": SECONDS, "megabytes": MEGABYTES}
    arguments.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"seed": arguments.seed, "limits": limits, **found}, indent=2)
    (arguments.out / f"{name}.json").write_text(text + "\n")
    (arguments.out / f"{name}.md").write_text(table(what, found))
    print(table(what, found))
    for fault in found["faults"]:
        print(fault)
    sys.exit(1 if found["faults"] else 0)


def summary(cases: Cases, reports: Sequence[Report]) -> dict:
    """Outcomes by mutation, and the faults one by one."""
    counts: dict[str, Counter[str]] = {}
    for report in reports:
        counts.setdefault(cases.mutation(report.number), Counter())[report.outcome] += 1
    return {
        "cases": len(reports),
        "slowest_seconds": round(max((report.seconds for report in reports), default=0), 1),
        "peak_megabytes": round(max((report.megabytes for report in reports), default=0)),
        "outcomes": {mutation: dict(sorted(count.items())) for mutation, count in counts.items()},
        "faults": [
            {
                "number": report.number,
                "mutation": cases.mutation(report.number),
                "source": cases.source(report.number),
                "reason": report.reason,
            }
            for report in reports
            if report.outcome == FAULT
        ],
    }


def table(name: str, study: dict) -> str:
    """Mutations by outcomes; faults have a column whether there are any or not."""
    outcomes = [*sorted({o for count in study["outcomes"].values() for o in count} - {FAULT}), FAULT]
    total = Counter[str]()
    lines = [f"| {study['cases']} {name} | {' | '.join(outcomes)} |", "|" + " --- |" * (1 + len(outcomes))]
    for mutation, count in study["outcomes"].items():
        total.update(count)
        lines.append(f"| {mutation} | {' | '.join(str(count.get(o, 0)) for o in outcomes)} |")
    lines.append(f"| **all** | {' | '.join(f'**{total[o]}**' for o in outcomes)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
