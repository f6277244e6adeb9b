"""Human motions in DeepMimic's format, read from the installed package pybullet.

They are the files `humanoid3d_*.txt` of the folder `pybullet_data/data/motions`; nothing of pybullet is
imported, and dyninf ships none of them. The package is published under the zlib licence; the files carry
neither a licence nor their origin. They come from the project DeepMimic, whose author no longer knows which
recordings each was made from (github.com/xbpeng/DeepMimic, issue 176).

A file is a JSON object: "Loop" ("wrap" goes on with the first frame, "none" stops) and "Frames", lists of 44
numbers: the frame's duration in seconds, the root's position in metres (x forwards, y up, z to the right)
and for every joint of `mocap_skeleton` a quaternion w, x, y, z or, for knees and elbows, an angle about z.

Legend: F frames of a file, T moments, J joints.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dyninf.data.mocap_skeleton import HINGES, JOINTS
from dyninf.data.quaternions import about, normalised, slerp

Array = np.ndarray

MOTIONS = (
    *("backflip", "cartwheel", "crawl", "dance_a", "dance_b", "getup_facedown", "getup_faceup", "jump"),
    *("kick", "punch", "roll", "run", "spin", "spinkick", "walk"),
)
PYBULLET = "3.2.7"
DIGEST = "9b19398a80f8fd36802619b8d9ebf2ea84cd330b1e896b34aededa3d87c6cd06"
"""Of the numbers in the files of that version; `load` refuses others."""

_SIDEWAYS = (0.0, 0.0, 1.0)  # the axis of knees and elbows


@dataclass(frozen=True)
class Motion:
    """A motion at its key frames. A motion that loops ends with its first frame, carried on by `stride_3`."""

    time_F: Array
    root_F3: Array
    rotation_FJ4: Array
    loops: bool

    @property
    def seconds(self) -> float:
        return float(self.time_F[-1])

    def at(self, time_T: Array) -> tuple[Array, Array]:
        """root_T3 and rotation_TJ4 at these seconds; before and after, it loops or holds its pose."""
        if self.loops:
            cycle_T, time_T = np.divmod(time_T, self.seconds)
        else:
            cycle_T, time_T = np.zeros_like(time_T), np.clip(time_T, 0, self.seconds)
        left_T = np.searchsorted(self.time_F, time_T, side="right") - 1
        left_T = np.clip(left_T, 0, len(self.time_F) - 2)
        part_T = (time_T - self.time_F[left_T]) / (self.time_F[left_T + 1] - self.time_F[left_T])
        root_T3 = self.root_F3[left_T] + part_T[:, None] * (self.root_F3[left_T + 1] - self.root_F3[left_T])
        root_T3 += cycle_T[:, None] * (self.root_F3[-1] - self.root_F3[0])
        return root_T3, slerp(self.rotation_FJ4[left_T], self.rotation_FJ4[left_T + 1], part_T[:, None])


@functools.cache
def load() -> dict[str, Motion]:
    """All motions by name.

    Raises:
        ValueError: pybullet is not installed, or has other motions than those that clips are drawn from.
    """
    folder = motions_folder()
    files = {name: folder / f"humanoid3d_{name}.txt" for name in MOTIONS}
    frames = {name: _read(file) for name, file in files.items()}
    digest = hashlib.sha256()
    for loops, frames_FN in frames.values():
        digest.update(repr((loops, frames_FN.shape)).encode() + frames_FN.astype("<f8").tobytes())
    if digest.hexdigest() != DIGEST:
        raise ValueError(
            f"the motions in {folder} are not those of pybullet {PYBULLET}, from which the data set mocap is "
            f"drawn: pip install pybullet=={PYBULLET}"
        )
    return {name: motion_of(frames_FN, loops) for name, (loops, frames_FN) in frames.items()}


def motions_folder() -> Path:
    """Where the installed package has its motions; ValueError that says what to install."""
    spec = importlib.util.find_spec("pybullet_data")
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(
            "the data set mocap is drawn from motions in the package pybullet, which is not installed: "
            "pip install 'dyninf[mocap]' (Python 3.11; pybullet has no wheels for later ones)"
        )
    return Path(spec.submodule_search_locations[0]) / "data" / "motions"


def motion_of(frames_FN: Array, loops: bool) -> Motion:
    """A motion from a file's frames of 44 numbers."""
    duration_F, root_F3, numbers_FN = frames_FN[:, 0].copy(), frames_FN[:, 1:4], frames_FN[:, 4:]
    rotations, at = [], 0
    for joint in JOINTS:
        if joint in HINGES:
            rotations.append(about(_SIDEWAYS, numbers_FN[:, at]))
            at += 1
        else:
            rotations.append(normalised(numbers_FN[:, at : at + 4]))
            at += 4
    rotation_FJ4 = np.stack(rotations, axis=1)
    if loops:
        # From the last frame, mostly one of no duration, to the first of the next cycle: a frame's time.
        duration_F[-1] = np.median(duration_F)
        speed_3 = (root_F3[-1] - root_F3[0]) / duration_F[:-1].sum()
        next_3 = root_F3[-1] + duration_F[-1] * speed_3
        next_3[1] = root_F3[0, 1]  # no cycle climbs
        root_F3 = np.concatenate([root_F3, next_3[None]])
        rotation_FJ4 = np.concatenate([rotation_FJ4, rotation_FJ4[:1]])
    else:
        duration_F = duration_F[:-1]
    time_F = np.concatenate([[0.0], np.cumsum(duration_F)])
    return Motion(time_F, root_F3, rotation_FJ4, loops)


def _read(file: Path) -> tuple[bool, Array]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(
            f"no motion {file}: pybullet is not complete; pip install --force-reinstall pybullet=={PYBULLET}"
        ) from None
    return content["Loop"] == "wrap", np.array(content["Frames"], dtype=np.float64)
