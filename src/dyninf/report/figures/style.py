"""The one look of all figures: sizes of papers, colours that everybody can tell apart, text that stays text.

Nothing depends on colour alone: lines differ in their dashes too, and points in their markers.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from matplotlib import style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dyninf.atomic import atomic_file

COLUMN, PAGE = 3.4, 7.0
"""Widths in inches: of one column of a two-column paper, and of both."""

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette without its yellow, which is too faint for lines."""
GRAY = "#7F7F7F"
LINES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))
MARKERS = "o^sDvPXp"
SEQUENTIAL = "cividis"

GMACS = "mean GMACs a video"
TOP1 = "top-1 (%)"

STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],  # the first comes with matplotlib
    "font.size": 8,
    "figure.titlesize": 8,
    "figure.labelsize": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.title_fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.linewidth": 0.4,
    "grid.color": "#DDDDDD",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "errorbar.capsize": 0,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 300,
    "svg.fonttype": "none",  # labels stay text that can be searched and edited
    "svg.hashsalt": "dyninf",  # ids that do not change from run to run
    "text.parse_math": False,  # a class may be called $x$
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw and save in this look, whatever a person's own settings are; also a decorator."""
    with style.context(["default", STYLE]):
        yield


def panels(count: int, width: float, height: float, columns: int | None = None) -> tuple[Figure, list[Axes]]:
    """A figure and its `count` panels, at most `columns` of them in a row.

    width, height: in inches, that of the figure and that of one panel.
    """
    columns = min(columns or count, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(width, height * rows))
    grid = figure.subplots(rows, columns, squeeze=False).flatten().tolist()
    for axes in grid[count:]:
        axes.set_visible(False)
    return figure, grid[:count]


def color(i: int) -> str:
    """Of the i-th curve."""
    return COLORS[i % len(COLORS)]


def line(i: int) -> dict[str, Any]:
    """Colour and dashes of the i-th curve; the pair comes again after 42."""
    return {"color": color(i), "linestyle": LINES[i % len(LINES)]}


def marker(i: int) -> str:
    """Of the i-th curve's points."""
    return MARKERS[i % len(MARKERS)]


def shown(name: object, most: int = 32) -> str:
    """A name from outside in at most so many characters of one line; what cannot be printed becomes �.

    A character that no font has is a box in a PNG, and stays itself in an SVG.
    """
    text = " ".join(str(name).split())
    text = "".join(one if one.isprintable() else "�" for one in text)
    if len(text) <= most:
        return text
    tail = (most - 1) // 3  # runs often differ at the end of their names
    return f"{text[: most - 1 - tail].rstrip()}…{text[-tail:].lstrip()}"


def legend_outside(
    figure: Figure,
    entries: Iterable[tuple[Artist, str]],
    where: Literal["lower", "upper"] = "lower",
    title: str = "",
) -> None:
    """A legend under or (``upper``) over the panels, which keep their size: the figure grows by it."""
    entries = list(entries)
    if not entries:
        return
    handles, labels = zip(*entries, strict=True)
    columns = int(figure.get_figwidth() / (0.6 + 0.056 * max(map(len, labels))))
    columns = max(1, min(len(labels), columns))
    rows = math.ceil(len(labels) / columns) + bool(title)
    figure.set_figheight(figure.get_figheight() + 0.06 + 0.15 * rows)
    places = [f"entry {i}" for i in range(len(labels))]
    loc: Literal["outside lower center", "outside upper center"]
    loc = "outside lower center" if where == "lower" else "outside upper center"
    legend = figure.legend(handles, places, loc=loc, ncols=columns, title=title or None)
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set_text(label)  # matplotlib 3.9 would leave out one that begins with an underscore


def name_ticks(axes: Axes, names: Sequence[str], most: int = 24) -> None:
    """Names of checkpoints at 0, 1, … of the horizontal axis; of more than `most`, evenly spread ones."""
    step = math.ceil(len(names) / most)
    upright = len(names) > 5 or max(map(len, names)) > 10
    axes.set_xticks(
        range(0, len(names), step),
        [shown(name, 16) for name in names[::step]],
        rotation=90 if upright else 0,
    )


def save(figure: Figure, folder: Path, stem: str) -> list[Path]:
    """Write ``STEM.png`` and ``STEM.svg``; the same figure always becomes the same bytes."""
    paths = [folder / f"{stem}.{form}" for form in ("png", "svg")]
    for path in paths:
        save_as(figure, path)
        figure.set_layout_engine("none")  # the second one is laid out as the first
    return paths


def save_as(figure: Figure, path: Path) -> None:
    """Write one file, a PNG or SVG as its name ends; the whole file or nothing."""
    # Neither a date nor the version of matplotlib.
    metadata = {"Date": None, "Creator": None} if path.suffix == ".svg" else {"Software": None}
    with styled(), warnings.catch_warnings(), atomic_file(path) as new:
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(new, metadata=metadata)


def file_name(name: str, taken: Iterable[str] = ()) -> str:
    """A name as that of a folder, with a number where it is among `taken`, capitals aside."""
    safe = re.sub(r"[^\w.=,+-]+", "_", name).strip("._ ")[:80] or "run"
    known, found, number = {one.lower() for one in taken}, safe, 1
    while found.lower() in known:
        number += 1
        found = f"{safe}-{number}"
    return found
