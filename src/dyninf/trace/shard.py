"""Shards: a recording in pieces, each in a file of its own as soon as it is finished.

Legend: B videos of a shard, K checkpoints.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dyninf.tensor_file import load_tensors, save_tensors
from dyninf.trace.info import TraceInfo
from dyninf.trace.logits import LogitsForm
from dyninf.trace.trace_file import Part
from dyninf.version import __version__

VIDEOS = 512
"""Of a shard: what is recorded again after a kill is at most this, a minute or so of a GPU."""


@dataclass(frozen=True)
class Plan:
    """What is recorded, and in which shards and batches: what has the same plan has the same bytes.

    video_ids: of the whole split, in its order. batch: videos that the network sees at once.
    videos: of a shard; rounded up to whole batches. skips: whether videos may be left out.

    Raises ValueError if `videos` or `batch` is below 1, or the form is not for so many classes.
    """

    info: TraceInfo
    video_ids: tuple[str, ...]
    form: LogitsForm = field(default_factory=LogitsForm)
    batch: int = 8
    videos: int = VIDEOS
    skips: bool = False

    def __post_init__(self) -> None:
        if self.batch < 1 or self.videos < 1:
            raise ValueError(f"a shard needs videos and batches, got {self.videos} and {self.batch}")
        self.form.check_classes(len(self.info.classes))

    @cached_property
    def digest(self) -> str:
        """12 hex digits over all of it, and dyninf's version."""
        ids = hashlib.sha256("\n".join(self.video_ids).encode(errors="surrogateescape")).hexdigest()
        facts = [asdict(self.info), ids, self.form.name, self.batch, self.size, self.skips, __version__]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]

    @property
    def size(self) -> int:
        """Videos of a shard."""
        return -(-self.videos // self.batch) * self.batch

    @property
    def shards(self) -> int:
        return -(-len(self.video_ids) // self.size)

    @cached_property
    def place(self) -> Mapping[str, int]:
        """Of each video in the split."""
        return {video_id: place for place, video_id in enumerate(self.video_ids)}

    def ids_of(self, shard: int) -> tuple[str, ...]:
        return self.video_ids[shard * self.size : (shard + 1) * self.size]

    def batches_of(self, shard: int) -> Iterator[list[int]]:
        """Places of the videos that come together."""
        last = min((shard + 1) * self.size, len(self.video_ids))
        for first in range(shard * self.size, last, self.batch):
            yield [*range(first, min(first + self.batch, last))]

    def file_of(self, folder: Path, shard: int) -> Path:
        return folder / f"{shard:06d}.pt"


@dataclass(frozen=True)
class Shard:
    """What was recorded of one.

    left_out: its other videos, with the reason. shape: as of `Answers`; None where no video is left.
    """

    part: Part
    left_out: Mapping[str, str]
    shape: tuple[int, ...] | None

    def save(self, path: Path) -> None:
        """The whole file or nothing; OSError as `atomic_file` raises it."""
        part = self.part
        content: dict[str, Any] = {
            "rows": torch.from_numpy(np.frombuffer(bytearray(part.rows.tobytes()), np.uint8)),
            "label": part.label_B,
            "ids": list(part.video_ids),
            "gates": part.gate_BK,
            "left_out": dict(self.left_out),
            "shape": self.shape,
        }
        save_tensors(path, content)

    @classmethod
    def load(cls, path: Path, plan: Plan) -> "Shard":
        """Raises ValueError that names the file if it is torn, flipped or no shard of this plan."""
        found = load_tensors(path)
        try:
            row = plan.form.row(len(plan.info.checkpoints), len(plan.info.classes))
            rows = found["rows"].numpy().view(row.base).reshape(len(found["ids"]), *row.shape)
            part = Part(rows, found["label"], found["ids"], found["gates"])
            return cls(part, found["left_out"], found["shape"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} is no shard of this recording: {error}") from error

    def check(self, ids: Sequence[str], where: Path) -> None:
        """Raise ValueError that names videos unless each of `ids` is there, or left out, exactly once."""
        count = Counter([*self.part.video_ids, *self.left_out])
        twice = [video_id for video_id, times in count.items() if times > 1]
        missing = [video_id for video_id in ids if video_id not in count]
        foreign = sorted(count.keys() - set(ids))
        for what, videos in (("twice", twice), ("not", missing), ("and should not", foreign)):
            if videos:
                raise ValueError(
                    f"a trace has each video of its split once; {what} there: {_some(videos)} (in {where}, "
                    "which is recorded again if it is removed)"
                )
        there = [video_id for video_id in ids if video_id not in self.left_out]
        if there != list(self.part.video_ids):
            raise ValueError(f"the videos of {where} are not in the order of their split")


def _some(videos: Sequence[str], most: int = 5) -> str:
    more = len(videos) - most
    return ", ".join(videos[:most]) + (f" and {more} more" if more > 0 else "")
