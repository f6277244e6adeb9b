"""Writes exported folders; the one module of its package that needs torch, and the packages of an extra."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import torch

from dyninf.atomic import atomic_folder
from dyninf.checksum import sha256_of
from dyninf.grid import Network, Segment, fingerprint, segments_of
from dyninf.policies import Policy
from dyninf.runtime.engines import OnnxRuntime, folded, write_onnx
from dyninf.runtime.exported.criteria import SCORES
from dyninf.runtime.exported.manifest import (
    MANIFEST,
    POLICY,
    ExportedCheckpoint,
    ExportedSegment,
    Manifest,
    Preprocessing,
)
from dyninf.runtime.runner import stops_of
from dyninf.version import __version__

CLIPS_COMPARED = 3  # not as many as a graph is traced with, since it has to work for any number
TOLERANCE = 1e-3
"""By which a graph may differ from its segment, as a share of the largest value."""


class PolicyFile(Protocol):
    """A policy with thresholds that can be written, such as `dyninf.trace.FittedPolicy`."""

    @property
    def policy(self) -> Policy: ...

    def save(self, path: Path) -> None: ...


def export_network(
    network: Network,
    file: PolicyFile,
    folder: Path,
    classes: Sequence[str],
    preprocessing: Preprocessing,
) -> Manifest:
    """Write what `exported.load` reads: a graph a segment, cut where the policy lets clips leave.

    network: on the CPU. folder: takes the place of an earlier export there; all of it is written, or nothing.

    Raises ValueError if the policy cannot be used without torch or does not fit the network, the folder holds
    anything else, or the packages that write graphs are missing; or if a graph is not what its segment is.
    """
    policy, K = file.policy, len(network.checkpoints)
    if type(policy).__name__ not in SCORES:
        raise ValueError(f"{type(policy).__name__} cannot be exported; there are {', '.join(SCORES)}")
    policy.check_fits(K, network.gates is not None)
    _check_free(folder)
    if not OnnxRuntime.is_there():
        raise ValueError(f"exporting needs packages: pip install 'dyninf[{OnnxRuntime.extra}]'")
    height, width = preprocessing.height, preprocessing.width
    macs_K = network.costs(height, width).macs_K.tolist()
    segments = segments_of(
        folded(network, height, width, OnnxRuntime.shift_apart), height, width, stops_of(policy, K)
    )
    with atomic_folder(folder) as new:
        manifest = Manifest(
            network.name,
            fingerprint(network),
            __version__,
            tuple(classes),
            network.num_frames,
            network.permutation,
            network.gates is not None,
            preprocessing,
            tuple(
                ExportedCheckpoint(checkpoint.name, macs)
                for checkpoint, macs in zip(network.checkpoints, macs_K, strict=True)
            ),
            tuple(_write(segment, new / f"segment-{i}.onnx") for i, segment in enumerate(segments, start=1)),
        )
        manifest.save(new)
        file.save(new / POLICY)
    return manifest


def _write(segment: Segment, path: Path) -> ExportedSegment:
    write_onnx(segment, path)
    _check_same(segment, path)
    plan = segment.plan
    return ExportedSegment(
        path.name,
        sha256_of(path),
        plan.checkpoints,
        plan.groups,
        dict(zip(plan.input_names, plan.input_shapes, strict=True)),
        tuple(segment.output_names),
        tuple(plan.carried_shapes),
    )


def _check_same(segment: Segment, path: Path) -> None:
    """Raise ValueError if onnxruntime makes something else of the graph than torch of the segment."""
    import onnxruntime

    inputs = segment.example(CLIPS_COMPARED)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = session.run(
        None, {name: x.numpy() for name, x in zip(segment.plan.input_names, inputs, strict=True)}
    )
    with torch.inference_mode():
        expected = segment(*inputs)
    for name, mine, theirs in zip(segment.output_names, expected, found, strict=True):
        difference = (mine - torch.from_numpy(theirs)).abs().max().item()
        if not difference <= TOLERANCE * mine.abs().max().item():
            raise ValueError(
                f"the graph {path.name} is not the segment: its {name} differs by {difference:.3g}; "
                "other releases of torch or onnxscript may do better"
            )


def _check_free(folder: Path) -> None:
    """Raise ValueError unless nothing would be lost if an exported folder took the place of this one."""
    if not folder.exists():
        return
    if not folder.is_dir() or folder.resolve() == Path.cwd():
        raise ValueError(f"{folder} is no folder that an export could replace; give another output")
    names = [path.name for path in folder.iterdir()]
    ours = {MANIFEST, POLICY, *(name for name in names if name.startswith("segment-"))}
    if names and (MANIFEST not in names or not set(names) <= ours):
        raise ValueError(f"{folder} holds something else than an exported network; give another output")
