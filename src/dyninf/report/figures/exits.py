"""``exits``: where videos leave, and where those of each class do.

Legend: V videos, K checkpoints, N classes, C those that are drawn.
"""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from torch import Tensor

from dyninf.policies import Outcome
from dyninf.report.figures.curves import network_on_split
from dyninf.report.figures.style import COLUMN, SEQUENTIAL, color, name_ticks, shown, styled
from dyninf.trace import Trace

MOST_CLASSES = 40


def class_exits(trace: Trace, outcome: Outcome) -> tuple[Tensor, Tensor, Tensor]:
    """Classes that have videos, cheapest first: their numbers (C,), exit shares (C, K), mean GMACs (C,)."""
    K, N = len(trace.macs_K), len(trace.info.classes)
    place_V = trace.label_V * K + outcome.checkpoint_V
    count_NK = torch.bincount(place_V, minlength=N * K).view(N, K).double()
    there_C = (count_NK.sum(1) > 0).nonzero()[:, 0]
    share_CK = count_NK[there_C] / count_NK[there_C].sum(1, keepdim=True)
    gmacs_C = share_CK @ trace.macs_K.double() / 1e9
    order_C = gmacs_C.argsort(stable=True)
    return there_C[order_C], share_CK[order_C], gmacs_C[order_C]


@styled()
def exits_figure(trace: Trace, outcome: Outcome) -> Figure:
    """Share of the videos that leave at each checkpoint, and the same of every class, the cheapest on top.

    Of more than 40 classes the cheapest and the dearest ones are shown; it is said how many are left out.
    """
    class_C, share_CK, gmacs_C = class_exits(trace, outcome)
    C = len(class_C)
    half = MOST_CLASSES // 2
    kept = [*range(C)] if C <= MOST_CLASSES else [*range(half), *range(C - half, C)]
    # Between the halves a line stays empty, which tells where classes were left out.
    lines = kept if C <= MOST_CLASSES else [*kept[:half], None, *kept[half:]]
    tall = 0.13 * max(len(lines), 3)
    figure = Figure(figsize=(COLUMN, 2.45 + tall))
    top, heat, scale = figure.subplots(3, 1, gridspec_kw={"height_ratios": [0.8, tall, 0.07]})
    top.sharex(heat)
    names = trace.info.checkpoints
    bars = top.bar(range(len(names)), (100 * outcome.exit_share_K).tolist(), width=0.7, color=color(0))
    if len(names) <= 16:
        top.bar_label(bars, fmt="%.0f", fontsize=6, padding=1)
    top.set_ylabel(f"of all {len(trace.label_V)}\nvideos (%)")
    figure.suptitle(network_on_split(trace))
    top.margins(y=0.18)
    top.tick_params(bottom=False, labelbottom=False)
    empty_K = torch.full((len(names),), torch.nan, dtype=torch.float64)
    rows = torch.stack([empty_K if c is None else 100 * share_CK[c] for c in lines])
    image = heat.imshow(rows.numpy(), SEQUENTIAL, aspect="auto", vmin=0, vmax=100, interpolation="nearest")
    labels = ["" if c is None else shown(trace.info.classes[int(class_C[c])], 24) for c in lines]
    heat.set_yticks(range(len(lines)), labels, fontsize=6)
    costs = heat.secondary_yaxis("right")
    costs.set_yticks(
        range(len(lines)), ["" if c is None else f"{gmacs_C[c]:#.3g}" for c in lines], fontsize=6
    )
    costs.set_ylabel("mean GMACs a video")
    for axis in (heat, costs):
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
    name_ticks(heat, names)
    heat.set_xlabel("checkpoint")
    if len(kept) < C:
        heat.text(
            0.5, half, f"{C - len(kept)} classes in between are left out", fontsize=6, va="center",
            transform=heat.get_yaxis_transform(), ha="center",
        )  # fmt: skip
    bar = figure.colorbar(image, cax=scale, orientation="horizontal")
    bar.set_label("videos of the class (%)")
    bar.outline.set_visible(False)  # type: ignore[operator]
    return figure
