"""The files of a trace: written part by part, read in memory or mapped, each with its checksum.

``trace.json`` has the names, costs and checksums; ``logits.npy`` a row a video in one of the forms of
`trace.logits`; ``videos.csv`` ids and labels; ``gates.npy`` (float64) what gates say, where there are any.

Legend: V videos, B of them, K checkpoints, N classes.
"""

import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dyninf.array_file import load_array
from dyninf.atomic import atomic_folder
from dyninf.checksum import CHANGED, sha256_of
from dyninf.json_file import brief, read_json, write_json
from dyninf.trace.info import TraceInfo
from dyninf.trace.logits import KeptLogits, LogitsForm

MAPPED_FROM = 256 << 20
"""Bytes of logits from which they are mapped from their file instead of read into memory.

A replay reads them once in chunks of some tens of MB, so that mapping costs no time; below this size a trace
is a tensor like any other, which may be changed.
"""


class Part(NamedTuple):
    """Some videos of a trace in their order. rows: as `LogitsForm.rows` gives them."""

    rows: np.ndarray
    label_B: Tensor
    video_ids: Sequence[str]
    gate_BK: Tensor | None


@dataclass(frozen=True)
class Content:
    """What a trace's files hold."""

    info: TraceInfo
    logits_VKN: Tensor | KeptLogits
    label_V: Tensor
    video_ids: tuple[str, ...]
    macs_K: Tensor
    gate_VK: Tensor | None


def write_trace(
    folder: Path,
    info: TraceInfo,
    macs_K: Tensor,
    form: LogitsForm,
    videos: int,
    parts: Iterable[Part],
    more: Mapping[str, Any] | None = None,
) -> None:
    """Write a trace of so many videos, part by part; all of it or nothing. An older one is replaced.

    more: further entries of ``trace.json``.

    Raises ValueError if something else is at `folder`.
    """
    if folder.exists() and not (folder / "trace.json").is_file() and any(folder.iterdir()):
        raise ValueError(f"{folder} holds other files; a trace needs a folder of its own")
    K, N = len(info.checkpoints), len(info.classes)
    row = form.row(K, N)
    with atomic_folder(folder) as new:
        with ExitStack() as stack:
            logits, table = (stack.enter_context(hashed(new / name)) for name in ("logits.npy", "videos.csv"))
            _write_head(logits, row.base, (videos, *row.shape))
            table.write(_lines([("video_id", "label")]))
            gates, written = None, 0
            for part in parts:
                logits.write(part.rows.tobytes())
                table.write(_lines(zip(part.video_ids, part.label_B.tolist(), strict=True)))
                if part.gate_BK is not None:
                    if gates is None:
                        gates = stack.enter_context(hashed(new / "gates.npy"))
                        _write_head(gates, np.dtype("<f8"), (videos, K))
                    gates.write(part.gate_BK.double().numpy().tobytes())
                written += len(part.video_ids)
            if written != videos:
                raise ValueError(f"a trace of {videos} videos got {written}")
            files = {file.name: file.digest for file in (logits, table, gates) if file is not None}
        facts = asdict(info) | {"macs": macs_K.tolist(), "logits": form.name, "files": files}
        write_json(new / "trace.json", facts | ({"gates": True} if gates else {}) | dict(more or {}))


def read_trace(folder: Path) -> Content:
    """What `write_trace` wrote; all checksums are checked, which takes less time than one replay.

    Raises FileNotFoundError if there is no trace at `folder`, ValueError if it is damaged.
    """
    info = TraceInfo.load(folder)
    try:
        facts = read_json(folder / "trace.json")
        for name in ("logits.npy", "videos.csv", *(["gates.npy"] if facts.get("gates") else [])):
            _check(folder / name, facts.get("files"))
        with open(folder / "videos.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        return Content(
            info,
            _logits(folder / "logits.npy", LogitsForm(facts.get("logits", "float32")), info),
            torch.tensor([int(row["label"]) for row in rows]),
            tuple(row["video_id"] for row in rows),
            torch.tensor([float(macs) for macs in facts["macs"]], dtype=torch.float64),
            torch.from_numpy(load_array(folder / "gates.npy")) if facts.get("gates") else None,
        )
    except (ValueError, KeyError, TypeError, OSError, csv.Error) as error:
        raise ValueError(f"the trace at {folder} is damaged: {brief(error)}") from error


class HashedFile:
    """A file that is written from its start to its end; `digest` is its SHA-256."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.name = name
        self._file, self._sum = file, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._sum.update(data)
        return self._file.write(data)

    @property
    def digest(self) -> str:
        return self._sum.hexdigest()


@contextmanager
def hashed(path: Path) -> Iterator[HashedFile]:
    """A new file at `path`."""
    with path.open("wb") as file:
        yield HashedFile(file, path.name)


def _write_head(file: HashedFile, kind: np.dtype, shape: tuple[int, ...]) -> None:
    head = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, head)  # type: ignore[arg-type]


def _lines(rows: Iterable[Sequence[object]]) -> bytes:
    """Rows of a CSV file."""
    text = _Text()
    csv.writer(text).writerows(rows)
    return "".join(text).encode()


class _Text(list[str]):
    write = list.append


def _check(path: Path, files: Mapping[str, str] | None) -> None:
    """Raise ValueError that names a file if it is not what was written; older traces say nothing of that."""
    if files is not None and sha256_of(path) != files[path.name]:
        raise ValueError(f"{path.name}: {CHANGED}")


def _logits(path: Path, form: LogitsForm, info: TraceInfo) -> Tensor | KeptLogits:
    rows = load_array(path, mapped=path.stat().st_size >= MAPPED_FROM)
    row = form.row(len(info.checkpoints), len(info.classes))
    if rows.ndim == 0 or (form.top is not None and rows.dtype != row):
        raise ValueError(f"{path.name} holds no logits as {form.name}")
    if form.name == "float32" and not isinstance(rows, np.memmap):
        return torch.from_numpy(rows)
    if rows.shape[1:] != row.shape or rows.dtype != row.base:
        raise ValueError(f"{path.name} holds other logits than {form.name} of the classes that there are")
    return KeptLogits(rows, form, len(info.classes))
