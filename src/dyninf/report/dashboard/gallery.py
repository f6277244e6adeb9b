"""Videos that left at the first, a middle and the last checkpoint: what the network saw, and where it looked.

The figure of Wu et al. 2020 (supplement), for any run. Legend: V videos, T frames, K checkpoints, C, H, W.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from matplotlib import colormaps
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from dyninf.data import VideoDataModule, VideoError
from dyninf.grid import Checkpoint, Network
from dyninf.policies import Policy
from dyninf.report.dashboard.grad_cam import grad_cam
from dyninf.report.dashboard.sources import Source, split_of
from dyninf.trace import Trace

HEIGHT = 96
"""Most pixels of a frame's height."""
CAM_SIDE = 24


def gallery_of(source: Source, of_each_kind: int = 2, with_cam: bool = True) -> dict[str, Any] | None:
    """Videos of a run as its page shows them; None where there is no operating point, trace or data set.

    of_each_kind: of those that left at the first, a middle and the last checkpoint, so many right and as many
        wrong ones.
    with_cam: show where the network looked as well (Grad-CAM).
    """
    policy = source.policy
    if source.trace is None or source.pictures is None or policy is None or policy.threshold is None:
        return None
    trace = source.trace()
    chosen = chosen_videos(trace, policy, of_each_kind)
    network, datamodule = source.pictures()
    split = split_of(source.run)
    scores_VK = trace.scores(policy)
    videos, unreadable = [], []
    for v, exit_ in chosen:
        entry = _story(trace, policy, scores_VK[v], v, exit_)
        try:
            video = _clip(datamodule, split, trace.video_ids[v])
        except (VideoError, StopIteration) as error:
            unreadable.append(f"{trace.video_ids[v]}: {error or 'the data set does not have it'}")
            continue
        entry |= _pictures(video, datamodule, network, network.checkpoints[exit_])
        if with_cam:
            entry["cam"] = _cam_strip(network, video, exit_, int(trace.ranked_VKn[v, exit_, 0]))
        videos.append(entry)
    without = f"could not be read: {'; '.join(unreadable)}" if unreadable else ""
    return {"videos": videos, "without": without}


def chosen_videos(trace: Trace, policy: Policy, of_each_kind: int) -> Iterator[tuple[int, int]]:
    """Videos with the checkpoint where they leave, from 0: the first, a middle and the last that any left at.

    At each, right ones and then wrong ones, evenly spread over the split.
    """
    exit_V = trace.replay(policy).checkpoint_V
    used = exit_V.unique().tolist()
    places = dict.fromkeys(used[place] for place in (0, len(used) // 2, -1))
    for k in places:
        right_V = trace.right_VK[:, k]
        for kind_V in (right_V, ~right_V):
            there = ((exit_V == k) & kind_V).nonzero()[:, 0]
            spread = torch.linspace(0, len(there) - 1, min(of_each_kind, len(there))).round().long()
            for v in there[spread].tolist():
                yield v, k


def _story(trace: Trace, policy: Policy, score_K: Tensor, v: int, exit_: int) -> dict[str, Any]:
    """What each checkpoint says of a video, also after the one where it leaves."""
    classes, K = trace.info.classes, len(trace.macs_K)
    probability_KN = trace.logits_VKN[v].double().softmax(-1)
    top_K = trace.ranked_VKn[v, :, 0]
    thresholds = policy.thresholds(K).tolist()
    return {
        "video": trace.video_ids[v],
        "label": classes[int(trace.label_V[v])],
        "predicted": [classes[n] for n in top_K.tolist()],
        "probability": probability_KN.amax(-1).tolist(),
        "score": score_K.tolist(),
        "thresholds": [value if math.isfinite(value) else None for value in thresholds],
        "exit": exit_,
        "checkpoints": list(trace.info.checkpoints),
        "gmacs": (trace.macs_K / 1e9).tolist(),
    }


def _clip(datamodule: VideoDataModule, split: str, video_id: str) -> Tensor:
    """The frames (T, C, H, W) of the first view, as the network takes them."""
    dataset = datamodule.dataset(split, views=False)
    place = next(i for i, video in enumerate(dataset.videos) if video.video_id == video_id)
    return dataset[place].video


def _pictures(
    video_TCHW: Tensor, datamodule: VideoDataModule, network: Network, left: Checkpoint
) -> dict[str, Any]:
    """The frames side by side as one JPEG, and which of them were processed before the video left."""
    transform = datamodule.test_transform
    mean_C, std_C = (torch.tensor(value)[:, None, None] for value in (transform.mean, transform.std))
    pixels_TCHW = video_TCHW * std_C + mean_C
    height, width = pixels_TCHW.shape[-2:]
    if height > HEIGHT:
        size = (HEIGHT, round(HEIGHT * width / height))
        pixels_TCHW = interpolate(pixels_TCHW, size, mode="bilinear", antialias=True)
    strip = torch.cat(list(pixels_TCHW), -1).mul(255).round().clamp(0, 255).byte().permute(1, 2, 0)
    groups = [network.permutation[group - 1] for group in _groups_seen(network, left)]
    return {
        "frames": len(pixels_TCHW),
        "width": pixels_TCHW.shape[-1],
        "height": pixels_TCHW.shape[-2],
        "strip": _data_url(Image.fromarray(strip.numpy()), "JPEG", quality=72),
        "seen": sorted(frame for group in groups for frame in group),
    }


def _groups_seen(network: Network, left: Checkpoint) -> set[int]:
    cells = network.route.cells
    return {cell.group for cell in cells[: cells.index(left.cell) + 1]}


def _cam_strip(network: Network, video_TCHW: Tensor, exit_: int, label: int) -> str:
    """Grad-CAM of a class at a checkpoint, frame by frame in time order, as one small PNG with transparency.

    Frames that its head has not averaged are empty.
    """
    cam_THW = grad_cam(network, video_TCHW, exit_, label)
    # Frame by frame, so that one does not run into the next when a browser enlarges them.
    smooth_T1HW = interpolate(cam_THW[:, None], (CAM_SIDE, CAM_SIDE), mode="bilinear")
    heat_HW = torch.cat(list(smooth_T1HW[:, 0]), -1).numpy()
    color = colormaps["plasma"](heat_HW, bytes=True)
    color[..., 3] = np.round(heat_HW * 220)
    return _data_url(Image.fromarray(color), "PNG", optimize=True)


def _data_url(image: Image.Image, form: str, **options: Any) -> str:
    """An image as an address that holds it."""
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return f"data:image/{form.lower()};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
