"""How often a certified promise is broken, over many calibration sets drawn from known populations.

python -m experiments.risk_control.run                 # reads traces below outputs/mocap
python -m experiments.risk_control.run --runs DIR --sets 100

Legend: M videos of a population, V of a calibration set, K checkpoints, P thresholds.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from experiments.training import write_rows
from torch import Tensor

from dyninf import Trace
from dyninf.policies import Descent, MaxProbability, holds, losses

HERE = Path(__file__).resolve().parent
LIMITS = (0.005, 0.01, 0.02, 0.05)
ERRORS = (0.05, 0.1, 0.2)
SIZES = (300, 840, 3000)
RISKS = ("accuracy", "disagreement")


@dataclass(frozen=True, eq=False)
class Population:
    """All videos that there are: what a promise says of unseen videos is known here.

    loss: for each risk, what leaving at a checkpoint loses, (M, K).
    """

    name: str
    scores_MK: Tensor
    loss: dict[str, Tensor]
    macs_K: Tensor

    def truth(self, risk: str, threshold_P: Tensor) -> tuple[Tensor, Tensor]:
        """Mean losses, and costs as shares of full inference's, of thresholds for all checkpoints."""
        known = Descent.of(self.scores_MK, self.loss[risk], self.macs_K)
        # The last of its thresholds that are not below the one that is asked for has the same effect.
        place_P = torch.searchsorted(-known.threshold_P, -threshold_P, right=True) - 1
        loss_P = (known.lost_P - known.gained_P)[place_P].double() / len(self.scores_MK)
        return loss_P, known.cost_P[place_P] / self.macs_K[-1]


def main() -> None:
    """Simulate, then tabulate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=Path, default=Path("outputs/mocap"), help="folder of runs with traces")
    parser.add_argument("--sets", type=int, default=1000, help="calibration sets of each kind")
    arguments = parser.parse_args()
    recorded = list(recorded_populations(arguments.runs))
    cases = [(population, LIMITS) for population in [*recorded, slope()]]
    cases += [(population, (limit,)) for limit in LIMITS for population in edges(limit)]
    rows = []
    for population, limits in cases:
        for videos in SIZES:
            for risk in population.loss:
                rows += simulate(population, risk, limits, videos, arguments.sets)
        print(population.name, flush=True)
    write_rows(HERE / "results.csv", rows)
    (HERE / "tables.md").write_text("\n".join(tables(rows, arguments.sets)) + "\n")
    print((HERE / "tables.md").read_text())


def recorded_populations(runs: Path) -> Iterator[Population]:
    """The videos of both splits, pooled over the runs of a network."""
    traces = defaultdict(list)
    for path in sorted(runs.glob("*/trace/*/trace.json")):
        trace = Trace.load(path.parent)
        if len(trace.macs_K) > 1:
            traces[trace.info.network].append(trace)
    if not traces:
        raise SystemExit(f"no traces of more than one checkpoint below {runs}; give --runs")
    for network, found in traces.items():
        label_M = torch.cat([trace.label_V for trace in found])
        class_MK = torch.cat([trace.ranked_VKn[:, :, 0] for trace in found])
        scores_MK = torch.cat([trace.scores(MaxProbability()) for trace in found])
        loss = {risk: losses(class_MK, label_M, risk) for risk in RISKS}
        yield Population(network, scores_MK, loss, found[0].macs_K)


def edges(limit: float, size: int = 100_000) -> Iterator[Population]:
    """The hardest there are: all leave at one of two checkpoints, and that loses barely more than the limit.

    With few changed videos beside those that are lost on balance, with some, and with many.
    """
    for changed in (limit, 3 * limit, 0.3):
        lost, gained = round(size * (changed + limit) / 2) + 1, round(size * (changed - limit) / 2)
        loss_MK = torch.zeros(size, 2, dtype=torch.long)
        loss_MK[:lost, 0] = 1
        loss_MK[lost : lost + gained, 0] = -1
        loss = {"accuracy": loss_MK} | ({"disagreement": loss_MK} if gained == 0 else {})
        yield Population(
            f"edge, {changed:.1%} change", torch.ones(size, 2).double(), loss, torch.tensor([1.0, 2.0])
        )


def slope(size: int = 50_000) -> Population:
    """Losses grow steadily as the threshold comes down, gains half as fast; two checkpoints."""
    scores_M = torch.linspace(0, 1, size, dtype=torch.float64)
    lot_M = torch.rand(size, generator=torch.Generator().manual_seed(0))
    loss_MK = torch.zeros(size, 2, dtype=torch.long)
    loss_MK[:, 0] = (lot_M < 0.4 * (1 - scores_M)).long() - (lot_M > 1 - 0.2 * (1 - scores_M)).long()
    loss = {"accuracy": loss_MK, "disagreement": loss_MK.abs()}
    return Population("slope", scores_M[:, None].repeat(1, 2), loss, torch.tensor([1.0, 2.0]))


def simulate(
    population: Population, risk: str, limits: Sequence[float], videos: int, sets: int, seed: int = 0
) -> list[dict[str, object]]:
    """A row for each limit and error probability, and one without a guarantee (error "none").

    broken: share of sets whose threshold loses more than the limit in the population.
    cost: mean cost in the population, of full inference's. full: share of sets that give full inference.

    Without a guarantee the cheapest threshold is taken that loses at most the limit on the set.
    """
    draw = torch.Generator().manual_seed(seed)
    found: dict[tuple[float, float | str], list[float]] = defaultdict(list)
    for _ in range(sets):
        chosen_V = torch.randint(len(population.scores_MK), (videos,), generator=draw)
        loss_VK = population.loss[risk][chosen_V]
        descent = Descent.of(population.scores_MK[chosen_V], loss_VK, population.macs_K)
        lost_P, gained_P = descent.lost_P, descent.gained_P
        for limit in limits:
            kept_P = lost_P - gained_P <= limit * videos + 1e-9
            found[limit, "none"].append(descent.between(int(kept_P.nonzero().max())))
            for error in ERRORS:
                held_P = holds(lost_P, gained_P, videos, limit, 1 - error, risk)
                found[limit, error].append(descent.between(descent.last_held(held_P)))
    rows = []
    for (limit, error), thresholds in found.items():
        loss_P, cost_P = population.truth(risk, torch.tensor(thresholds, dtype=torch.float64))
        rows.append(
            {
                "population": population.name,
                "population_videos": len(population.scores_MK),
                "risk": risk,
                "limit": limit,
                "videos": videos,
                "error": error,
                "sets": sets,
                "broken": round((loss_P > limit).double().mean().item(), 4),
                "cost": round(cost_P.mean().item(), 4),
                "full": round(sum(threshold == torch.inf for threshold in thresholds) / sets, 4),
            }
        )
    return rows


def tables(rows: list[dict[str, object]], sets: int) -> Iterator[str]:
    """Markdown: the worst over all populations, then each recorded one."""
    yield f"Share of {sets} calibration sets whose promise is broken in the population, in percent:"
    yield "the largest over all populations and sizes.\n"
    yield "| risk | limit | no guarantee | " + " | ".join(f"δ = {error:.0%}" for error in ERRORS) + " |"
    yield "| --- | --- | --- |" + " --- |" * len(ERRORS)
    for risk in RISKS:
        for limit in LIMITS:
            cells = [
                f"{100 * max(float(row['broken']) for row in of(rows, risk, limit, error)):.1f}"  # type: ignore[arg-type]
                for error in ("none", *ERRORS)
            ]
            yield f"| {risk} | {limit:.1%} | {' | '.join(cells)} |"
    for name in dict.fromkeys(row["population"] for row in rows):
        if str(name).startswith("edge"):
            continue
        yield f"\n{name}: broken, and mean cost of full inference's, in percent.\n"
        yield "| risk | limit | videos | no guarantee | " + " | ".join(f"δ = {e:.0%}" for e in ERRORS) + " |"
        yield "| --- | --- | --- | --- |" + " --- |" * len(ERRORS)
        for risk in RISKS:
            for limit in LIMITS:
                for videos in SIZES:
                    cells = [
                        f"{100 * float(row['broken']):.1f}, {100 * float(row['cost']):.1f}"  # type: ignore[arg-type]
                        for error in ("none", *ERRORS)
                        for row in of(rows, risk, limit, error)
                        if row["population"] == name and row["videos"] == videos
                    ]
                    yield f"| {risk} | {limit:.1%} | {videos} | {' | '.join(cells)} |"


def of(
    rows: Iterable[dict[str, object]], risk: str, limit: float, error: float | str
) -> list[dict[str, object]]:
    """The rows of a risk, a limit and an error probability."""
    return [row for row in rows if (row["risk"], row["limit"], row["error"]) == (risk, limit, error)]


if __name__ == "__main__":
    main()
