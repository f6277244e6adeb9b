"""``manifest.json``: what lies in an exported folder, and what is put in and comes out.

Legend: T frames of a clip, t of a group, K checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dyninf.json_file import brief, read_json, write_json

MANIFEST = "manifest.json"
POLICY = "policy.json"
FORMAT = 1
"""Of the folder; one that an older dyninf would read wrongly gets the next number."""


@dataclass(frozen=True)
class Preprocessing:
    """From a video to the clip that the network takes.

    sampling: how frames are chosen: ``segment``, ``dense`` (the one with a `stride`) or ``uniform``.
    resize: the short side in pixels before cropping, bilinear with antialiasing. height, width: of the centre
        crop, in pixels. mean, std: of red, green and blue, for values between 0 and 1.
    """

    sampling: str
    stride: int
    resize: int
    height: int
    width: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class ExportedCheckpoint:
    """name: such as ``4f-res5``. macs: multiply-adds of a clip up to and including it."""

    name: str
    macs: float


@dataclass(frozen=True)
class ExportedSegment:
    """One graph: the run of cells up to a checkpoint at which clips may leave, heads and gates with them.

    file, sha256: of the graph. checkpoints: their numbers, from 0; clips may leave at the last.
    groups: whose frames go in, from 1. inputs: name → shape of one clip: the frames, then what was carried.
    outputs: "logits" (B, j, N), "log_odds" (B, j) where there are gates, and ``next.NAME``.
    carried: names of all that a clip has to keep behind the segment.
    """

    file: str
    sha256: str
    checkpoints: tuple[int, ...]
    groups: tuple[int, ...]
    inputs: Mapping[str, tuple[int, ...]]
    outputs: tuple[str, ...]
    carried: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    """What a folder says of itself.

    network, fingerprint: as in traces and policy files. dyninf: the version that wrote it.
    classes: their names, in the order of the logits. groups: the frames of a clip, from 0, that each has.
    has_gates: whether graphs give "log_odds".
    segments: in the order in which they run.
    """

    network: str
    fingerprint: str
    dyninf: str
    classes: tuple[str, ...]
    num_frames: int
    groups: tuple[tuple[int, ...], ...]
    has_gates: bool
    preprocessing: Preprocessing
    checkpoints: tuple[ExportedCheckpoint, ...]
    segments: tuple[ExportedSegment, ...]

    @property
    def stops(self) -> tuple[int, ...]:
        """The checkpoints, from 0, at which clips may leave."""
        return tuple(segment.checkpoints[-1] for segment in self.segments)

    def save(self, folder: Path) -> None:
        """Write ``manifest.json``."""
        write_json(folder / MANIFEST, {"format": FORMAT, **asdict(self)})

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Read what `save` wrote.

        Raises FileNotFoundError, or ValueError if the file is damaged, of another program or a later format.
        """
        path = folder / MANIFEST
        if not path.is_file():
            raise FileNotFoundError(f"no exported network in {folder}: it has no {MANIFEST}")
        try:
            facts = read_json(path)
            if facts["format"] != FORMAT:
                raise ValueError(f"it has format {facts['format']!r}, this dyninf reads {FORMAT}")
            manifest = _manifest(facts)
            _check(manifest)
        except KeyError as error:
            raise ValueError(f"{path} is no manifest of an exported network: it has no {error}") from error
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"{path} is no manifest of an exported network: {brief(error)}") from error
        return manifest


def _manifest(facts: Mapping[str, Any]) -> Manifest:
    pre = facts["preprocessing"]
    return Manifest(
        str(facts["network"]),
        str(facts["fingerprint"]),
        str(facts["dyninf"]),
        _each(str, facts["classes"]),
        int(facts["num_frames"]),
        tuple(_each(int, group) for group in facts["groups"]),
        bool(facts["has_gates"]),
        Preprocessing(
            str(pre["sampling"]),
            int(pre["stride"]),
            int(pre["resize"]),
            int(pre["height"]),
            int(pre["width"]),
            _each(float, pre["mean"]),
            _each(float, pre["std"]),
        ),
        tuple(ExportedCheckpoint(str(c["name"]), float(c["macs"])) for c in facts["checkpoints"]),
        tuple(_segment(segment) for segment in facts["segments"]),
    )


def _segment(facts: Mapping[str, Any]) -> ExportedSegment:
    return ExportedSegment(
        str(facts["file"]),
        str(facts["sha256"]),
        _each(int, facts["checkpoints"]),
        _each(int, facts["groups"]),
        {name: _each(int, shape) for name, shape in facts["inputs"].items()},
        _each(str, facts["outputs"]),
        _each(str, facts["carried"]),
    )


def _each(kind: Callable[[Any], Any], values: Any) -> tuple[Any, ...]:
    if not isinstance(values, list):
        raise ValueError(f"{values!r} is no list")
    return tuple(kind(value) for value in values)


def _check(manifest: Manifest) -> None:
    """Raise ValueError unless the parts fit together, so that running them cannot go astray."""
    pre = manifest.preprocessing
    frames = sorted(frame for group in manifest.groups for frame in group)
    if len(frames) != manifest.num_frames or frames != list(range(len(frames))):
        raise ValueError(f"groups {manifest.groups} do not have each of {manifest.num_frames} frames once")
    if len(pre.mean) != 3 or len(pre.std) != 3 or not all(value > 0 for value in pre.std):
        raise ValueError(f"mean {pre.mean} and std {pre.std} are not three numbers, the latter above 0")
    reached = [k for segment in manifest.segments for k in segment.checkpoints]
    if not reached or reached != list(range(len(manifest.checkpoints))):
        raise ValueError(f"its segments reach checkpoints {reached} of {len(manifest.checkpoints)}")
    there: set[str] = set()
    for segment in manifest.segments:
        if not segment.checkpoints or Path(segment.file).name != segment.file:
            raise ValueError(f"segment {segment.file!r} has no checkpoint, or is no file of the folder")
        if not set(segment.groups) <= set(range(1, len(manifest.groups) + 1)):
            raise ValueError(f"{segment.file} reads groups {segment.groups} of {len(manifest.groups)}")
        given = there | {f"frames.{group}" for group in segment.groups}
        made = {name.removeprefix("next.") for name in segment.outputs}
        if not set(segment.inputs) <= given or not set(segment.carried) <= there | made:
            raise ValueError(f"{segment.file} reads or carries on what no segment before it makes")
        there = set(segment.carried)
