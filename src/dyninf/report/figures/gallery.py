"""``gallery``: videos that left early and late, what the network saw of them, and how sure it was.

The figure of Wu et al. 2020 (supplement), of a gallery as `dashboard.gallery_of` makes it.
Legend: T frames, C, H, W.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from dyninf.report.figures.style import GRAY, PAGE, color, shown, styled

MOST_VIDEOS = 8
_FRAMES, _SCORES, _TITLE, _BOTTOM = 4.6, 1.85, 0.27, 0.62  # inches


def chosen_rows(videos: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """One video of each kind: of every checkpoint where any left, one that is right and one that is wrong."""
    kinds: dict[tuple[int, bool], Mapping[str, Any]] = {}
    for video in videos:
        kinds.setdefault((video["exit"], _is_right(video)), video)
    return [*kinds.values()][:MOST_VIDEOS]


@styled()
def gallery_figure(gallery: Mapping[str, Any]) -> Figure:
    """A row a video: its frames in the order of time, those that were not processed gray and faint, and at
    the right the policy's score at each checkpoint against its threshold; ``videos`` has at least one.

    Where the network looked (Grad-CAM) lies over the frames, if the gallery has it.
    """
    videos = chosen_rows(gallery["videos"])
    sheets = [frame_sheet(video) for video in videos]
    heights = [_FRAMES * sheet.shape[0] / sheet.shape[1] for sheet in sheets]
    # Placed by hand: pictures keep their shape, which layouts that make room for labels do not know.
    total = sum(heights) + len(videos) * _TITLE + _BOTTOM
    figure = Figure(figsize=(PAGE, total))
    figure.set_layout_engine("none")
    top = total
    for place, (video, sheet, height) in enumerate(zip(videos, sheets, heights, strict=True)):
        top -= _TITLE + height
        left = figure.add_axes((0.05 / PAGE, top / total, _FRAMES / PAGE, height / total))
        left.imshow(sheet, interpolation="lanczos", aspect="auto")
        left.set_axis_off()
        left.set_title(_title(video), loc="left", fontsize=7, pad=3)
        right = figure.add_axes(
            (1 - _SCORES / PAGE, top / total, (_SCORES - 0.08) / PAGE, (height + 0.04) / total)
        )
        _draw_scores(right, video)
        is_last = place == len(videos) - 1
        right.tick_params(labelbottom=is_last)
        right.set_xlabel("GMACs so far" if is_last else "")
    entries = [
        (Line2D([], [], color=color(0), marker="o"), "score"),
        (Line2D([], [], color=color(1), linestyle="--"), "threshold"),
        (Line2D([], [], color=color(0), marker="*", markersize=8, linestyle=""), "leaves here"),
        (Line2D([], [], color=GRAY, marker="o", linestyle=":"), "would have followed"),
    ]
    if any("cam" in video for video in videos):
        looked = Line2D([], [], color=colormaps["plasma"](0.75), marker="s", linestyle="")
        entries.append((looked, "where it looked (Grad-CAM)"))
    handles, labels = zip(*entries, strict=True)
    figure.legend(handles, labels, loc="lower center", ncols=len(entries))
    return figure


def frame_sheet(video: Mapping[str, Any]) -> np.ndarray:
    """Frames of a video (H, W, 3) in [0, 1], 8 in a line, or 16 where there are more than 16."""
    T, width, height = video["frames"], video["width"], video["height"]
    strip = _image(video["strip"]).convert("RGB")
    frames = np.asarray(strip, dtype=np.float64).reshape(height, T, width, 3).transpose(1, 0, 2, 3) / 255
    if "cam" in video:
        cam = _image(video["cam"]).convert("RGBA")
        cell = cam.width // T
        for t in range(T):
            map_ = cam.crop((t * cell, 0, (t + 1) * cell, cam.height)).resize(
                (width, height), Image.Resampling.BILINEAR
            )
            heat = np.asarray(map_, dtype=np.float64) / 255
            alpha = 0.75 * heat[..., 3:]
            frames[t] = (1 - alpha) * frames[t] + alpha * heat[..., :3]
    unseen = [t for t in range(T) if t not in video["seen"]]
    frames[unseen] = 0.55 + 0.35 * frames[unseen].mean(-1, keepdims=True)
    line = 8 if T <= 16 else 16
    gap = max(2, width // 24)
    lines = -(-T // line)
    sheet = np.ones((lines * (height + gap) - gap, min(T, line) * (width + gap) - gap, 3))
    for t, frame in enumerate(frames):
        top, left = t // line * (height + gap), t % line * (width + gap)
        sheet[top : top + height, left : left + width] = frame
    return sheet


def _draw_scores(axes: Axes, video: Mapping[str, Any]) -> None:
    exit_, gmacs, score = video["exit"], video["gmacs"], video["score"]
    axes.plot(gmacs[exit_:], score[exit_:], ":", marker="o", color=GRAY, markersize=2, linewidth=0.8)
    axes.plot(gmacs[: exit_ + 1], score[: exit_ + 1], marker="o", color=color(0), markersize=2.5)
    axes.plot(gmacs[exit_], score[exit_], "*", color=color(0), markersize=8)
    # The last checkpoint takes every video, whatever its threshold.
    thresholds = [(x, y) for x, y in zip(gmacs[:-1], video["thresholds"][:-1], strict=True) if y is not None]
    if thresholds:
        axes.plot(*zip(*thresholds, strict=True), "--", color=color(1), linewidth=0.9)
    axes.set_xlim(0, 1.04 * gmacs[-1])
    axes.set_ylim(-0.03, 1.08)
    axes.set_yticks([0, 0.5, 1])
    axes.set_ylabel("score")
    axes.grid()


def _title(video: Mapping[str, Any]) -> str:
    predicted, label = video["predicted"][video["exit"]], video["label"]
    checkpoint = shown(video["checkpoints"][video["exit"]], 16)
    where = f"leaves at {checkpoint}, {len(video['seen'])} of {video['frames']} frames"
    if _is_right(video):
        return f"✓ {shown(label, 40)}; {where}"
    return f"✗ {shown(predicted, 26)}, but is {shown(label, 26)}; {where}"


def _is_right(video: Mapping[str, Any]) -> bool:
    return bool(video["predicted"][video["exit"]] == video["label"])


def _image(address: str) -> Image.Image:
    """The image that a data URL holds."""
    return Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
