"""The work of ``python -m dyninf.predict``, as functions of objects.

For notebooks, and for commands of one's own.
"""

from __future__ import annotations

import copy
import sys
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sized
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import av
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dyninf.data import (
    FrameSource,
    LiveClip,
    UnreadableClip,
    VideoClip,
    VideoDataModule,
    Windows,
    frame_source,
    is_list,
    is_live,
    listed_in,
    live_clips,
    named_in,
    open_live,
    videos_at,
    window_clips,
)
from dyninf.data.clip_frames import Permutation
from dyninf.grid import Network
from dyninf.policies import Policy
from dyninf.report import Annotator, Prediction, Rows, Totals, Wording, captions_of
from dyninf.runtime import Answer, Runner, answer_clips, choose_engine, engine_named, stops_of
from dyninf.runtime.engines import Eager

SourceClip = VideoClip | LiveClip | UnreadableClip

DEFAULT_WINDOWS = Windows(2.0)
"""Of a live stream, which has no whole."""


def make_runner(
    name: str,
    network: Network,
    crop: int,
    batch: int,
    policy: Policy,
    say: Callable[[str], None] = lambda text: print(text, file=sys.stderr),
) -> Runner:
    """The network cut where a policy needs it, on the engine that ``runtime=NAME`` means.

    auto: the fastest engine that is installed, which is measured at the first use. crop: side of the frames.
    Raises ValueError if there is no such engine, or it does not run where the network is.
    """
    stops = stops_of(policy, len(network.checkpoints))
    if name == "auto":
        choice = choose_engine(network, crop, crop, batch, stops, say)
        say(str(choice))
        name = choice.engine
    engine, device = engine_named(name), next(network.parameters()).device.type
    if device != "cpu" and not isinstance(engine, Eager):
        raise ValueError(f"runtime={name} runs on the CPU alone; give device=cpu, or runtime=eager")
    return Runner(network, crop, crop, engine, batch, stops, cache=True)


class Source:
    """Where videos come from, and how clips are made of them.

    Args:
        name: a file or a folder; a list of paths, one a line, in a file ending in .txt, or ``-`` for one from
            standard input; ``camera:0`` or ``stream:ADDRESS``, which are live.
        datamodule: whose sampling and transform for testing are used, in one view; not its videos.
        windows: None for whole videos, each one clip.
        annotated: where annotated copies go, if there are to be any; videos below it are none of the source.
        source_of: where the frames of a video come from, such as `Apart.source`; None reads them here, as
            the datamodule would.

    videos: those of a source that is not live, or as they come. path: the file or folder, if it is one.

    Raises FileNotFoundError if there is no video, ValueError if windows are too short for a clip, or a live
    source is to be annotated.
    """

    def __init__(
        self,
        name: str,
        datamodule: VideoDataModule,
        windows: Windows | None = None,
        annotated: Path | None = None,
        source_of: Callable[[Path], FrameSource] | None = None,
    ) -> None:
        self.source_of = source_of or partial(
            frame_source, decoder=datamodule.decoder, limits=datamodule.limits
        )
        self.name = name
        self.datamodule = datamodule
        self.windows = windows
        self.is_live = is_live(name)
        listed = not self.is_live and is_list(name)
        self.path = None if self.is_live or listed or name == "-" else Path(name)
        self.videos: Iterable[Path] = ()
        if self.is_live and annotated is not None:
            raise ValueError(f"annotate needs videos that can be read a second time, which {name} cannot")
        if windows is not None and windows.in_frames:
            datamodule.sampling.test(windows.frames(None))
        if listed:
            self.videos = listed_in(Path(name))
        elif not self.is_live:
            self.videos = named_in(sys.stdin.buffer) if self.path is None else videos_at(self.path, annotated)

    def of(self, videos: Iterable[Path]) -> Source:
        """The same with other videos."""
        other = copy.copy(self)
        other.videos = videos
        return other

    def clips_of(self, videos: Iterable[Path], permutation: Permutation) -> Iterator[SourceClip]:
        """The clips of videos, in order. Opens none of whole videos."""
        data = self.datamodule
        how = (data.sampling, permutation, data.test_transform)
        for path in videos:
            source = self.source_of(path)
            if self.windows is None:
                yield VideoClip(path, *how, source=source)
            else:
                yield from window_clips(path, self.windows, *how, source)

    def live_clips(self, permutation: Permutation) -> Iterator[SourceClip]:
        """The clips of a live source while it lasts."""
        data = self.datamodule
        how = (data.sampling, permutation, data.test_transform)
        with open_live(self.name) as container:
            yield from live_clips(self.name, container, self.windows or DEFAULT_WINDOWS, *how)


def predict(
    runner: Runner,
    policy: Policy,
    source: Source,
    classes: Collection[str],
    rows: Rows,
    annotator: Annotator | None = None,
    batch: int = 1,
    memory_mb: float = 2048,
    decoders: int = 1,
) -> Totals:
    """Answer every clip of a source, and write a row for each as it comes.

    A video that cannot be read is a row with its error; one of which `rows` has a row already is left out,
    and so is one that comes a second time. A video in windows gets a row for each and one for the whole.
    Ctrl-C ends it, with the rows so far.

    batch, memory_mb, decoders: as `answer_clips` takes them.

    Raises ValueError or OSError for what is wrong with the source as a whole, or with the policy.
    """
    network, crop = runner.network, source.datamodule.test_transform.crop
    totals = Totals(kept=len(rows.done), kept_errors=rows.errors)
    desk = _Desk(Wording.of(network, tuple(classes), crop, crop), rows, annotator, totals)
    left = _without(source.videos, rows.done)
    if source.is_live:
        clips = source.live_clips(network.permutation)
    else:
        clips = source.clips_of(left, network.permutation)
    given: deque[SourceClip] = deque()
    begin = time.perf_counter()
    answers = answer_clips(runner, policy, _noted(clips, given), batch, memory_mb, decoders, rows.clips)
    with closing(answers), progress(left) as advance:  # type: ignore[type-var]
        try:
            for answer in answers:
                advance(desk.take(given.popleft(), answer))
        except KeyboardInterrupt:
            totals.interrupted = not source.is_live  # which has no other end
    totals.seconds = time.perf_counter() - begin
    return totals


class _Desk:
    """Makes rows of answers, and of a video's windows its row."""

    def __init__(self, wording: Wording, rows: Rows, annotator: Annotator | None, totals: Totals) -> None:
        self._wording = wording
        self._rows = rows
        self._annotator = annotator
        self._totals = totals
        self._windows: list[tuple[int, Prediction, Answer]] = []

    def take(self, clip: SourceClip, answer: Answer) -> bool:
        """Write the row of a clip, and behind the last of a video that of the video; was it the last?"""
        row, window = self._wording.row(clip, answer), clip.window
        self._totals.add_clip(row)
        if window is None:
            self._finish(clip.path, row, [(0, row)])
            return True
        self._rows.write(row)
        if window.of is None:
            self._totals.add_live(row)
            return False
        self._windows.append((window.first, row, answer))
        if window.is_last:
            windows, self._windows = self._windows, []
            whole = self._wording.merged([(row, answer) for _, row, answer in windows])
            self._finish(clip.path, whole, [(first, row) for first, row, _ in windows])
        return window.is_last

    def _finish(self, path: Path, row: Prediction, parts: list[tuple[int, Prediction]]) -> None:
        if self._annotator is not None and row.label is not None:
            try:
                self._annotator.write(path, captions_of(parts, self._wording.full_gmacs))
            except (ValueError, OSError, av.FFmpegError) as error:
                told = f"{row.error}; " if row.error else ""
                row = replace(row, error=f"{told}not annotated: {error}")
        self._rows.write(row)
        self._totals.add_video(row)


def _without(videos: Iterable[Path], done: Collection[str]) -> Iterable[Path]:
    """Those that are not done, each once."""
    if isinstance(videos, Sized):
        return [path for path in videos if str(path) not in done]
    return _first_ones(videos, set(done))


def _first_ones(videos: Iterable[Path], seen: set[str]) -> Iterator[Path]:
    for path in videos:
        if str(path) not in seen:
            seen.add(str(path))
            yield path


def _noted(clips: Iterator[SourceClip], given: deque[SourceClip]) -> Iterator[SourceClip]:
    """The clips, each kept in `given` until its answer comes."""
    with closing(clips):  # type: ignore[type-var]
        for clip in clips:
            given.append(clip)
            yield clip


@contextmanager
def progress(videos: Iterable[Path]) -> Iterator[Callable[[int], None]]:
    """A bar over videos on standard error, where that is a terminal; to be told of so many more."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns,
        console=console,
        disable=not console.is_terminal,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # else what is meant for a file would go to the terminal
    ) as bars:
        bar = bars.add_task("Videos", total=len(videos) if isinstance(videos, Sized) else None)
        yield lambda more: bars.advance(bar, int(more))
