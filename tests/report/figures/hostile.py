"""A run whose names try everything, and a gallery of drawn pictures.

Legend: K checkpoints, N classes.
"""

import base64
import io
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image
from tests.trace.traces import random_trace

from dyninf.policies import MaxProbability, Policy
from dyninf.report.dashboard import Source, trace_source
from dyninf.trace import Trace

NAMES = (
    r"$\frac{1}{0}$",
    "<b>x</b>",
    "long" * 75,
    "😀 smile",
    "跳舞",
    "_hidden",
    "a\nb\x00\ud800",
    "50% {} &amp;",
)

OWN = MaxProbability(0.4, temperature=2.0)


def hostile_trace(videos: int = 60, checkpoints: int = 4, classes: int = 9, network: str = "a_$b$") -> Trace:
    trace = random_trace(videos, checkpoints, classes, seed=3)
    names = tuple((*NAMES, *(f"class {n}" for n in range(classes)))[:classes])
    return replace(trace, info=replace(trace.info, classes=names, network=network))


def hostile_source(
    checkpoints: int = 4,
    own: Policy | None = OWN,
    name: str = "a_$b$",
    device: str | None = None,
    **curves: Policy,
) -> Source:
    """A trace with a grid of two stages a group; with a device also milliseconds."""
    source = trace_source(hostile_trace(checkpoints=checkpoints, network=name), None, curves, own)
    source.run.summary["grid"] = grid_of(checkpoints)  # type: ignore[index]
    if device is not None:
        times = [10.0 * (k + 1) for k in range(checkpoints)]
        found = {"device": device, "checkpoints": times, "full": times[-1], "dynamic": times[-1] / 2}
        source.run.summary["milliseconds"] = found  # type: ignore[index]
    return source


def grid_of(checkpoints: int) -> dict[str, Any]:
    """Two frames and two stages a group; a checkpoint after every second stage."""
    groups = range(1, checkpoints + 1)
    return {
        "groups": [[2 * group - 2, 2 * group - 1] for group in groups],
        "stages": ["res$1$", "res_2"],
        "cells": [{"group": g, "stage": d, "gmacs": 0.125 * g} for g in groups for d in (1, 2)],
        "checkpoints": [{"name": f"{g}", "group": g, "stage": 2, "gmacs": 0.01} for g in groups],
    }


def gallery_video(exit_: int = 1, right: bool = True, frames: int = 4, cam: bool = True) -> dict[str, Any]:
    """As `gallery_of` makes them: frames of 12 × 8 pixels, all red; of the first two Grad-CAM is full."""
    strip = np.zeros((8, 12 * frames, 3), np.uint8)
    strip[..., 0] = 200
    video = {
        "video": "v",
        "label": NAMES[0],
        "predicted": [NAMES[1]] * 3 if not right else [NAMES[1], NAMES[0], NAMES[0]],
        "probability": [0.3, 0.8, 0.9],
        "score": [0.3, 0.8, 0.9],
        "thresholds": [0.7, 0.7, None],
        "exit": exit_,
        "checkpoints": ["1f", "2f", "4f"],
        "gmacs": [1.0, 2.0, 4.0],
        "frames": frames,
        "width": 12,
        "height": 8,
        "strip": address(strip),
        "seen": [0, frames - 1],
    }
    if cam:
        heat = np.zeros((2, 3 * frames, 4), np.uint8)
        heat[:, :6] = (255, 94, 0, 200)
        video["cam"] = address(heat)
    return video


def address(pixels: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
