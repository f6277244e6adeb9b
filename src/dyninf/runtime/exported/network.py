"""An exported folder, ready to use.

Legend: B clips, b of them still on the way, T frames of a clip, t of a group, C = 3 colours, H, W,
j checkpoints of a segment, J so far, N classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dyninf.checksum import sha256_of
from dyninf.json_file import brief
from dyninf.runtime.exported.criteria import Array, Criterion, Seen, softmax
from dyninf.runtime.exported.manifest import ExportedSegment, Manifest

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


@dataclass(frozen=True, eq=False)
class ExportedResult:
    """One row a clip, in the order of the batch.

    label_B: predicted class, int64; names: what it is called. probability_B: its softmax probability.
    checkpoint_B: where the clip left, from 0. macs_B: multiply-adds spent on it. logits_BN: there.
    """

    label_B: Array
    names: tuple[str, ...]
    probability_B: Array
    checkpoint_B: Array
    macs_B: Array
    logits_BN: Array


class ExportedNetwork:
    """A network with its policy that leaves early; `load` makes it of a folder. Any thread may use it."""

    def __init__(
        self, folder: Path, manifest: Manifest, policy: Criterion, sessions: list[InferenceSession]
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.policy = policy
        self._sessions = sessions

    def infer(self, video: Array, clip_B: Array | None = None) -> ExportedResult:
        """Take clips through the segments; those that the policy stops leave, and the others go on.

        video: with frames in time order, of the size that the manifest says: (B, T, C, H, W) of a
            floating-point type, normalised; or (B, T, H, W, C) of uint8, which is normalised here.
        clip_B: numbers that `RandomExit` draws by; the places in the batch when left out.

        Raises ValueError if the video does not fit, or logits are not finite.
        """
        video = np.asarray(video)
        self._check(video)
        clips, manifest = len(video), self.manifest
        number_B = np.arange(clips) if clip_B is None else np.asarray(clip_B)
        if number_B.shape != (clips,) or number_B.dtype.kind not in "iu":
            raise ValueError(
                f"{clips} clips need one number each, integers; got {number_B.dtype}{number_B.shape}"
            )
        checkpoint_B = np.full(clips, -1)
        logits_BN = np.empty((clips, len(manifest.classes)), np.float32)
        there_b = np.arange(clips)
        seen = Seen(np.empty((clips, 0, logits_BN.shape[1]), np.float32), number_B)
        carried: dict[str, Array] = {}
        for segment, session in zip(manifest.segments, self._sessions, strict=True):
            if not len(there_b):
                break
            given = carried | {
                f"frames.{group}": self._frames(video, there_b, group) for group in segment.groups
            }
            given = {name: given[name] for name in segment.inputs}
            made = dict(zip(segment.outputs, session.run(list(segment.outputs), given), strict=True))
            seen = self._and_then(seen, segment, made, there_b)
            stops_b = self.policy.stops(seen)
            leaving = there_b[stops_b]
            logits_BN[leaving] = seen.logits_BJN[stops_b, -1]
            checkpoint_B[leaving] = segment.checkpoints[-1]
            kept = carried | {name.removeprefix("next."): value for name, value in made.items()}
            carried = {name: kept[name][~stops_b] for name in segment.carried}
            there_b, seen = there_b[~stops_b], seen[~stops_b]
        label_B = logits_BN.argmax(-1)
        return ExportedResult(
            label_B,
            tuple(manifest.classes[label] for label in label_B),
            softmax(logits_BN.astype(np.float64))[np.arange(clips), label_B].astype(np.float32),
            checkpoint_B,
            np.array([checkpoint.macs for checkpoint in manifest.checkpoints])[checkpoint_B],
            logits_BN,
        )

    def _check(self, video: Array) -> None:
        pre, T = self.manifest.preprocessing, self.manifest.num_frames
        floats, bytes_ = (T, 3, pre.height, pre.width), (T, pre.height, pre.width, 3)
        as_floats = video.dtype.kind == "f" and video.shape[1:] == floats
        if not as_floats and not (video.dtype == np.uint8 and video.shape[1:] == bytes_):
            raise ValueError(
                f"{self.manifest.network} takes normalised clips of shape {_batch_of(floats)}, "
                f"floating-point, or uint8 of shape {_batch_of(bytes_)}; "
                f"got {video.dtype} of shape {video.shape}"
            )

    def _frames(self, video: Array, there_b: Array, group: int) -> Array:
        """Normalised frames (b, t, C, H, W), float32, of a group and of the clips that are still there."""
        frames = video[there_b[:, None], list(self.manifest.groups[group - 1])]
        if frames.dtype != np.uint8:
            return frames.astype(np.float32, copy=False)
        pre = self.manifest.preprocessing
        mean_C, std_C = (255 * np.array(values, np.float32) for values in (pre.mean, pre.std))
        return np.ascontiguousarray(((frames - mean_C) / std_C).transpose(0, 1, 4, 2, 3))

    def _and_then(
        self, seen: Seen, segment: ExportedSegment, made: Mapping[str, Array], there_b: Array
    ) -> Seen:
        """With the logits of a segment's checkpoints and, where there are gates, their scores."""
        new_bjN = made["logits"]
        bad_bj = ~np.isfinite(new_bjN).all(-1)
        if bad_bj.any():
            clip, j = np.argwhere(bad_bj)[0]
            raise ValueError(
                f"the logits of clip {there_b[clip]} at checkpoint {segment.checkpoints[j]} (from 0) are "
                "not finite: no policy can judge them (a broken input, or a damaged "
                f"{self.folder / segment.file}?)"
            )
        gate_bJ = seen.gate_BJ
        if self.manifest.has_gates:
            gate_bj = np.ones(new_bjN.shape[:2])  # the last checkpoint has no gate, and accepts
            if "log_odds" in made:
                odds_bj = made["log_odds"].astype(np.float64)
                with np.errstate(over="ignore"):  # to infinity, and so to a score of 0
                    gate_bj[:, : odds_bj.shape[1]] = 1 / (1 + np.exp(-odds_bj))
            gate_bJ = gate_bj if gate_bJ is None else np.concatenate([gate_bJ, gate_bj], 1)
        return Seen(np.concatenate([seen.logits_BJN, new_bjN], 1), seen.clip_B, gate_bJ)


def load(folder: str | Path, threads: int | None = None) -> ExportedNetwork:
    """The network in a folder that `dyninf.export` wrote, on the CPU.

    threads: of each run; None takes what onnxruntime takes by itself.

    Raises FileNotFoundError or ValueError that names the file that is missing, damaged or does not fit;
    ImportError without onnxruntime.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError("an exported network runs on onnxruntime: pip install onnxruntime") from error
    folder = Path(folder)
    manifest = Manifest.load(folder)
    policy = Criterion.load(folder, manifest)
    options = onnxruntime.SessionOptions()
    if threads is not None:
        options.intra_op_num_threads = threads
    sessions = []
    for segment in manifest.segments:
        path = folder / segment.file
        if not path.is_file():
            raise FileNotFoundError(f"no {path}, which the manifest of {manifest.network} lists")
        if (found := sha256_of(path)) != segment.sha256:
            raise ValueError(
                f"{path} is damaged or of another export: its SHA-256 is {found}, not {segment.sha256}"
            )
        try:
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no base class of their own
            raise ValueError(f"{path} is no graph that onnxruntime runs: {brief(error)}") from error
        names = (
            [value.name for value in session.get_inputs()],
            [value.name for value in session.get_outputs()],
        )
        if (list(segment.inputs), list(segment.outputs)) != names:
            raise ValueError(f"{path} has other inputs or outputs than the manifest says")
        sessions.append(session)
    return ExportedNetwork(folder, manifest, policy, sessions)


def _batch_of(shape: tuple[int, ...]) -> str:
    return f"(B, {', '.join(map(str, shape))})"
