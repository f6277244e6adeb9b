"""What W&B shows of a finished run: tables, charts, and videos with the reason why they left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from functools import cache
from typing import TYPE_CHECKING, Any

from dyninf.data import VideoDataModule
from dyninf.policies import Outcome
from dyninf.report.assess import Assessment
from dyninf.report.examples import Example, examples, strip_of
from dyninf.trace import Trace, by_class

if TYPE_CHECKING:
    import wandb


def wandb_content(
    assessment: Assessment, datamodule: VideoDataModule | None, split: str
) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Names, each with a function that makes what W&B logs by it: so one that fails costs no other.

    Where there is no policy with thresholds, only the curve; without a data set, no pictures.
    """
    yield "curve", lambda: _curve(assessment)
    yield "accuracy_gmacs", lambda: _curve_chart(assessment)
    left = assessment.left
    if left is None:
        return
    yield "checkpoints", lambda: _checkpoints(assessment)
    yield "exit_shares", lambda: _exit_chart(assessment)
    yield "classes", lambda: _classes(assessment.trace, left)
    chosen = cache(lambda: examples(assessment.trace, assessment.policy, left))
    yield "videos", lambda: _videos(chosen())
    if datamodule is not None:
        yield "frames", lambda: _frames(chosen(), datamodule, split)


def _curve(assessment: Assessment) -> wandb.Table:
    return _table(assessment.curve.header(), assessment.curve.rows())


def _curve_chart(assessment: Assessment) -> Any:
    import wandb

    rows = [[row[3], row[1], "one threshold"] for row in sorted(assessment.curve.rows(), key=lambda r: r[3])]
    rows += [[row["gmacs"], row["top1"], "one checkpoint"] for row in assessment.summary["checkpoints"]]
    table = _table(["gmacs", "top1", "videos stop by"], rows)
    return wandb.plot.line(
        table, x="gmacs", y="top1", stroke="videos stop by", title="Accuracy against GMACs"
    )


def _checkpoints(assessment: Assessment) -> wandb.Table:
    summary = assessment.summary
    rows = [
        [row["name"], row["top1"], row["gmacs"], share]
        for row, share in zip(summary["checkpoints"], summary["dynamic"]["exit_share"], strict=True)
    ]
    return _table(["checkpoint", "top1", "gmacs", "exit_share"], rows)


def _exit_chart(assessment: Assessment) -> Any:
    import wandb

    rows = [[row[0], row[3]] for row in _checkpoints(assessment).data]
    table = _table(["checkpoint", "exit_share"], rows)
    return wandb.plot.bar(table, "checkpoint", "exit_share", title="Share of videos that left")


def _classes(trace: Trace, left: Outcome) -> wandb.Table:
    rows = [one.row() for one in by_class(trace, left)]
    return _table([*rows[0]], [[*row.values()] for row in rows])


def _videos(chosen: Sequence[Example]) -> wandb.Table:
    return _table(list(Example.__dataclass_fields__), [list(astuple(example)) for example in chosen])


def _frames(chosen: Sequence[Example], datamodule: VideoDataModule, split: str) -> list[wandb.Image]:
    # Beside the table, not in it: pictures in tables lie outside the run's folder until they are sent.
    import wandb

    dataset, transform = datamodule.dataset(split, views=False), datamodule.test_transform
    return [
        wandb.Image(
            strip_of(dataset, transform, example.video_id).numpy(),
            caption=f"{example.label}, taken for {example.predicted} at {example.checkpoint}: {example.why}",
        )
        for example in chosen
    ]


def _table(columns: Sequence[str], rows: list[list[Any]]) -> wandb.Table:
    import wandb

    return wandb.Table(columns=list(columns), data=rows)
