"""What runs of W&B have in their files below a run's folder: which run it was, and which rows it has."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

STEP = "trainer/global_step"
_BLOCK = 32768  # bytes; a record lies in pieces, none of which goes beyond a block


class Row(NamedTuple):
    """What names a row of a training: its step there, and what it has."""

    step: int
    names: frozenset[str]


def last_id(folder: Path) -> str | None:
    """The id of the last run whose files are below a folder."""
    runs = sorted((path.name.split("run-", 1)[1] for path in folder.glob("wandb/*run-*-*")), reverse=True)
    return runs[0].split("-", 1)[1] if runs else None


def rows_of(folder: Path, run_id: str) -> tuple[set[Row], int]:
    """The rows of a run that have a step of the training, and W&B's number of its last row; -1 for none.

    All its processes count. What one that was killed wrote last may be torn, and is left out.
    """
    rows, last = set(), -1
    for file in folder.glob(f"wandb/*run-*-{run_id}/run-{run_id}.wandb"):
        for values in rows_in(file):
            last = max(last, int(values.get("_step", -1)))
            if STEP in values:
                names = (name for name in values if not name.startswith("_") and name != STEP)
                rows.add(Row(int(values[STEP]), frozenset(names)))
    return rows, last


def rows_in(file: Path) -> Iterator[dict[str, Any]]:
    """The rows of one file, up to its end or to where it is torn."""
    from wandb.proto import wandb_internal_pb2 as messages

    for content in _records_in(file.read_bytes()):
        try:
            record = messages.Record.FromString(content)  # type: ignore[attr-defined]
        except Exception:  # of protobuf, which has types of its own; what follows is no record either
            return
        items = record.history.item
        values = {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}
        if values:
            yield values


def _records_in(content: bytes) -> Iterator[bytes]:
    """The records of a file: LevelDB's log after 7 bytes of W&B's own.

    Each piece lies behind a checksum (4 bytes), its length (2) and 1, 2, 3 or 4 for a whole record, its
    first, a middle or its last piece; a block that has no room for such a head ends with zeros.
    """
    pieces, place = b"", 7
    while place + 7 <= len(content):
        if (left := _BLOCK - place % _BLOCK) < 7:
            place += left
            continue
        length, kind = struct.unpack_from("<HB", content, place + 4)
        if kind not in (1, 2, 3, 4) or place + 7 + length > len(content):
            return
        pieces += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):
            yield pieces
            pieces = b""
