"""What was predicted of videos, as rows for people and programs.

Legend: N classes, K checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from dyninf.data.clip_frames import Span
from dyninf.grid import Network
from dyninf.runtime import Answer, likeliest


@dataclass(frozen=True)
class Prediction:
    """A video, or a window of one; the field names are those of files.

    window: its number, from 0; None where the row is about the whole video. start, end: of the window in
        seconds, None for the whole video and where the frame rate is unknown.
    label, class_name, probability: the predicted class, top5: (class, probability) of the likeliest.
    checkpoint: the name of the one where the clip left; None for a whole video made of windows.
    gmacs: spent. share: of what full inference would have cost. ms: from the first frames to the answer.
    frames_decoded: of the clip. error: why there is no class, or why something is missing.
    """

    path: str
    window: int | None = None
    start: float | None = None
    end: float | None = None
    label: int | None = None
    class_name: str | None = None
    probability: float | None = None
    top5: tuple[tuple[str, float], ...] = ()
    checkpoint: str | None = None
    gmacs: float = 0.0
    share: float = 0.0
    ms: float = 0.0
    frames_decoded: int = 0
    error: str | None = None

    def values(self) -> dict[str, Any]:
        """By column, as files have them: "class" for `class_name`, and numbers without rounding noise."""
        row = {_column(field.name): getattr(self, field.name) for field in fields(self)}
        row["top5"] = [list(pair) for pair in self.top5]
        digits = {"start": 3, "end": 3, "share": 6, "ms": 3}
        return row | {name: round(row[name], n) for name, n in digits.items() if row[name] is not None}


def _column(field: str) -> str:
    return "class" if field == "class_name" else field


COLUMNS = tuple(_column(field.name) for field in fields(Prediction))
"""Of files."""


class Clip(Protocol):
    """What a clip knows of its place: `VideoClip` and the like."""

    @property
    def path(self) -> Path: ...
    @property
    def window(self) -> Span | None: ...


@dataclass(frozen=True)
class Wording:
    """What turns answers into rows: names of classes and checkpoints, and the GMACs of full inference."""

    classes: Sequence[str]
    checkpoints: Sequence[str]
    full_gmacs: float

    @classmethod
    def of(cls, network: Network, classes: Sequence[str], height: int, width: int) -> Wording:
        names = [checkpoint.name for checkpoint in network.checkpoints]
        return cls(classes, names, network.costs(height, width).gmacs_K[-1])

    def row(self, clip: Clip, answer: Answer) -> Prediction:
        """One clip's row."""
        row = Prediction(
            str(clip.path),
            gmacs=answer.macs / 1e9,
            share=answer.macs / 1e9 / self.full_gmacs,
            ms=answer.milliseconds,
            frames_decoded=answer.frames_decoded,
            error=answer.error,
        )
        if clip.window is not None:
            start, end = clip.window.seconds or (None, None)
            row = replace(row, window=clip.window.number, start=start, end=end)
        if answer.logits_N is None or answer.checkpoint is None:
            return row
        row = replace(row, checkpoint=self.checkpoints[answer.checkpoint])
        return self._with_class(row, answer.logits_N.softmax(-1))

    def merged(self, windows: Sequence[tuple[Prediction, Answer]]) -> Prediction:
        """The whole video's row: the mean of its windows' probabilities, the sum of their costs and times.

        Windows that could not be read count for nothing, and are told.
        """
        rows = [row for row, _ in windows]
        failed = [row for row in rows if row.error is not None]
        error = failed and f"{len(failed)} of {len(rows)} windows: {failed[0].error}"
        whole = Prediction(
            rows[0].path,
            gmacs=sum(row.gmacs for row in rows),
            share=sum(row.share for row in rows) / len(rows),
            ms=sum(row.ms for row in rows),
            frames_decoded=sum(row.frames_decoded for row in rows),
            error=error or None,
        )
        read = [answer.logits_N.softmax(-1) for _, answer in windows if answer.logits_N is not None]
        return self._with_class(whole, torch.stack(read).mean(0)) if read else whole

    def _with_class(self, row: Prediction, probability_N: Tensor) -> Prediction:
        best = likeliest(probability_N)
        label, probability = best[0]
        return replace(
            row,
            label=label,
            class_name=self.classes[label],
            probability=probability,
            top5=tuple((self.classes[number], value) for number, value in best),
        )


@dataclass
class Totals:
    """Sums over the videos that were predicted, for the last line.

    videos: windows of one count as one. errors: videos whose row has one, and windows of streams. windows:
    all of them. clips, gmacs, share: of the clips without error. kept, kept_errors: rows of whole videos that
    an earlier run left. seconds: that it took.
    """

    videos: int = 0
    errors: int = 0
    windows: int = 0
    clips: int = 0
    gmacs: float = 0.0
    share: float = 0.0
    kept: int = 0
    kept_errors: int = 0
    seconds: float = 0.0
    interrupted: bool = False

    def add_clip(self, row: Prediction) -> None:
        """Count a clip, and its costs if it has an answer."""
        self.windows += row.window is not None
        if row.error is None:
            self.clips += 1
            self.gmacs += row.gmacs
            self.share += row.share

    def add_video(self, row: Prediction) -> None:
        """Count a row about a whole video."""
        self.videos += 1
        self.errors += row.error is not None

    def add_live(self, row: Prediction) -> None:
        """Count the window of a stream, which is no video and may have an error all the same."""
        self.errors += row.error is not None

    def add(self, other: Totals) -> None:
        """Count what another one counted, but for what was kept and the time."""
        for name in ("videos", "errors", "windows", "clips", "gmacs", "share"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def code(self) -> int:
        """What a command ends with: 0, 1 if there are errors, 130 after Ctrl-C as shells have it."""
        if self.interrupted:
            return 130
        return int(self.errors + self.kept_errors > 0)

    def line(self) -> str:
        """Such as "12 videos, 0.41 GMACs on average, 38.2 % of full inference, 20.1 videos a second"."""
        parts = []
        if self.videos or not self.windows:
            parts.append(f"{self.videos} video{'s' * (self.videos != 1)}")
        if self.windows:
            parts.append(f"{self.windows} window{'s' * (self.windows != 1)}")
        if self.clips:
            parts.append(f"{self.gmacs / self.clips:.4g} GMACs on average")
            parts.append(f"{self.share / self.clips:.1%} of full inference".replace("%", " %"))
        if self.videos and self.seconds:
            parts.append(f"{self.videos / self.seconds:.1f} videos a second")
        if self.kept:
            parts.append(f"{self.kept} were there already")
        parts.append(f"{self.errors + self.kept_errors} with errors")
        return ", ".join(parts) + ("; interrupted" if self.interrupted else "")
