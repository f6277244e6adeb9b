"""The paper plan for a trace of 10 million videos, from measured rates; writes its tables into docs/scale.md.

python -m experiments.trace_scale.plan
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "scale.md"
VIDEOS = 10_000_000
SHARD = 512
DISK = 1e9  # bytes a second, read or written one after the other: assumed, not measured
DAY = 86_400
MEMORY_A_VIDEO = 12 * (8 + 40 + 8 + 8 + 5 + 8) + 8 + 100
"""Bytes of a sweep: of each of 12 checkpoints a score, five classes, two places among the thresholds, five
answers that are right or wrong, and a weight; a label; an id as Python keeps it."""

RECORDING = ("bring into the form", "write shards")
MERGING = ("read shards twice", "write the trace")
REPLAYING = ("load and check", "score", "sweep of 1000 thresholds")
LABELS = {
    "bring into the form": "bring logits into the form",
    "write shards": "write shards, with checksums",
    "read shards twice": "merge: read and check the shards, twice",
    "write the trace": "merge: write the trace, with checksums",
    "load and check": "load it: check all checksums",
    "score": "score it with one criterion",
    "sweep of 1000 thresholds": "or sweep 1000 thresholds, scores and classes included",
}


def main() -> None:
    """Put the tables of result.json and training.json into the page."""
    PAGE.write_text(with_tables(PAGE.read_text(), tables(*measured())))
    print(f"written to {PAGE}")


def measured() -> tuple[Any, Any, float]:
    """What was found: of traces; of processes, where that was run; and clips a second that a core decodes."""
    training = HERE / "training.json"
    loader = json.loads((HERE.parent / "decoding" / "loader.json").read_text())
    return (
        json.loads((HERE / "result.json").read_text()),
        json.loads(training.read_text()) if training.is_file() else None,
        loader["clips_a_second"]["by_workers"]["0"][1],  # the median, between the quartiles
    )


def tables(result: Any, training: Any, decoded: float) -> dict[str, list[str]]:
    """Lines of Markdown by the name of their table."""
    found = {
        "storage": [*storage(result["forms"])],
        "processor": [*processor(result["forms"])],
        "machines": [*machines(result, decoded)],
        "memory": [*memory(result["memory"])],
    }
    if training is not None:
        found["processes"] = [*processes(training)]
    return found


def with_tables(text: str, made: Mapping[str, list[str]]) -> str:
    """A page with each table between its marks."""
    for name, lines in made.items():
        mark = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- end -->)", re.DOTALL)
        if not mark.search(text):
            raise ValueError(f"the page has no place for the table {name!r}")
        text = mark.sub(lambda found, lines=lines: found[1] + "\n".join(["", *lines, ""]) + found[2], text)
    return text


def storage(forms: Mapping[str, Any]) -> Iterator[str]:
    columns = ("bytes a video", "10 million", "with ids and labels", "while merging", "read at 1 GB/s")
    yield f"| `trace_logits` | {' | '.join(columns)} |"
    yield "| --- |" + " --- |" * len(columns)
    for form, figures in forms.items():
        row, other = figures["bytes_a_video"], figures["other_bytes_a_video"]
        whole = VIDEOS * (row + other)
        yield (
            f"| `{form}` | {row:,} | {VIDEOS * row / 1e9:,.1f} GB | {whole / 1e9:,.1f} GB | "
            f"{2 * whole / 1e9:,.1f} GB | {shown(VIDEOS * row / DISK)} |"
        )


def processor(forms: Mapping[str, Any]) -> Iterator[str]:
    yield f"| processor time, one core | {' | '.join(f'`{form}`' for form in forms)} |"
    yield "| --- |" + " --- |" * len(forms)
    for step in (*RECORDING, *MERGING, *REPLAYING):
        cells = (shown(seconds_of(figures, step)) for figures in forms.values())
        yield f"| {LABELS[step]} | {' | '.join(cells)} |"


def machines(result: Any, decoded: float) -> Iterator[str]:
    network = result["network"]
    top = result["forms"]["top20"]
    rows = {
        f"decode 16 frames, resize, crop: {decoded:.1f} clips a second": VIDEOS / decoded,
        f"{network['name']}, {network['gmacs']} GMACs: {network['seconds_a_video']} s a clip": VIDEOS
        * network["seconds_a_video"],
        "record as `top20`: form and shards": sum(seconds_of(top, step) for step in RECORDING),
        "merge, on the first process": sum(seconds_of(top, step) for step in MERGING),
    }
    yield "| of 10 million videos | core hours | cores for one day |"
    yield "| --- | --- | --- |"
    for name, seconds in rows.items():
        yield f"| {name} | {seconds / 3600:,.1f} | {seconds / DAY:,.2f} |"


def memory(figures: Any) -> Iterator[str]:
    read = "is read whole as well" if figures["could_be_read_whole"] else "cannot be read whole (MemoryError)"
    yield "| logits | limit of the process's data | under it |"
    yield "| --- | --- | --- |"
    yield (
        f"| {figures['trace_bytes'] / 1e9:.2f} GB, {figures['videos']:,} videos | "
        f"{figures['limit_bytes'] / 1e9:.2f} GB, {figures['data_bytes_before'] / 1e9:.2f} of them taken at "
        f"the start | loaded and checked, {figures['points']} thresholds swept, {figures['thresholds']} "
        f"thresholds fitted to a budget in {figures['seconds']} s; {read} |"
    )


def processes(training: Any) -> Iterator[str]:
    yield "| videos a second | 1 process | 2 processes | ratio |"
    yield "| --- | --- | --- | --- |"
    for name in ("training", "recording"):
        one, two = (training[name][count] for count in ("1", "2"))
        yield f"| {name} | {one:.1f} | {two:.1f} | {two / one:.2f} |"


def seconds_of(figures: Any, step: str) -> float:
    """Of all videos."""
    seconds: float = figures["seconds_a_million"][step] * VIDEOS / 1e6
    return seconds


def shown(seconds: float) -> str:
    """Such as 4.2 min."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:,.1f} {unit}"
    return f"{seconds:,.1f} s"


if __name__ == "__main__":
    main()
