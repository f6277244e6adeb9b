"""The trace of a split of a data set, recorded to the folder of a run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.progress import track

from dyninf.batch import Batch
from dyninf.data import Skipped, VideoDataModule
from dyninf.grid import Network, fingerprint
from dyninf.trace import LogitsForm, Plan, Recording, Trace, info_of, left_out_of, record_to


def record_split(
    network: Network,
    datamodule: VideoDataModule,
    split: str,
    folder: Path,
    recording: Recording | None = None,
    console: Console | None = None,
) -> Trace | None:
    """`trace.record_to` of a data set's split; None for all but the first process.

    Videos that the trace was made without count as skipped by the data set.
    """
    recording, videos = recording or Recording(), datamodule.videos(split)
    plan = Plan(
        info_of(network, datamodule.split_name(split), datamodule.class_names),
        tuple(video.video_id for video in videos),
        LogitsForm(recording.logits),
        datamodule.test_batch_size,
        recording.shard,
        skips=datamodule.on_error == "skip",
    )

    def load(batches: Iterable[list[int]]) -> Iterable[Batch]:
        loader = datamodule.dataloader(split, batches)
        total = len(plan.video_ids) / plan.batch / recording.share.processes
        what = f"{split}: recording all checkpoints"
        return track(loader, what, total, console=console, disable=not recording.share.is_first)

    def left_out() -> dict[str, str]:
        return {name: one.reason for name, one in datamodule.skipped.of(split).items()}

    trace = record_to(folder, network, plan, load, recording.share, left_out)
    if trace is not None and plan.skips:
        datamodule.skipped.sizes[split] = len(videos)
        paths = {video.video_id: video.path for video in videos}
        without = left_out_of(folder).items()
        datamodule.skipped.add(split, (Skipped(name, paths[name], reason) for name, reason in without))
    return trace


def known_trace(
    folder: Path, network: Network, datamodule: VideoDataModule, split: str, logits: str
) -> Trace | None:
    """The trace at a folder if it is of this network and the whole split, with such logits or all of them."""
    if not (folder / "trace.json").is_file():
        return None
    trace = Trace.load(folder)
    # One that lacks videos, since they were skipped then, is not of the whole split.
    is_whole = set(trace.video_ids) == {video.video_id for video in datamodule.videos(split)}
    name = datamodule.split_name(split)
    is_same = (trace.info.fingerprint, trace.info.split) == (fingerprint(network), name)
    return trace if is_whole and is_same and trace.form.name in ("float32", logits) else None
