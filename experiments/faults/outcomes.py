"""What a command left: whether it is whole, and what it comes to."""

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from dyninf.checksum import unsealed_text
from dyninf.json_file import read_json
from dyninf.tensor_file import load_tensors

NO_RESULT = ("time", "seconds", "milliseconds", "ms", "created", "output", "command", "version", "sha256")


def damaged(output: Path) -> list[str]:
    """Files that are neither whole nor absent, and what was left beside them."""
    found = []
    for path in sorted(path for path in output.rglob("*") if path.is_file()):
        name = path.relative_to(output).as_posix()
        try:
            if "~" in name:
                raise ValueError("left behind")
            if path.suffix == ".json":
                read_json(path)
            elif path.suffix in (".ckpt", ".pt"):
                load_tensors(path)
            elif path.name == "config.yaml":
                unsealed_text(path.read_text())
            elif path.suffix == ".jsonl":
                for line in path.read_text().splitlines(keepends=True)[:-1]:
                    json.loads(line)
            elif path.stat().st_size == 0 and path.suffix != ".log":
                raise ValueError("empty")
        except (ValueError, OSError) as error:
            found.append(f"{name}: {error}")
    return found


def results(output: Path) -> dict[str, Any]:
    """What a command came to, without what differs from run to run, such as times."""
    found: dict[str, Any] = {}
    for path in output.rglob("*"):
        name = path.relative_to(output).as_posix()
        if path.name in ("summary.json", "policy.json"):
            found[name] = _kept(read_json(path))
        elif path.name in ("best.ckpt", "last.ckpt"):
            state = load_tensors(path)["state_dict"]
            found[name] = {key: value.tolist() for key, value in state.items() if isinstance(value, Tensor)}
        elif path.name in ("curve.csv", "metrics.csv"):
            found[name] = path.read_text()
        elif path.suffix == ".jsonl":
            rows = [_kept(json.loads(line)) for line in path.read_text().splitlines()]
            found[name] = sorted(rows, key=lambda row: str(row["path"]))
    return found


def _kept(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _kept(one) for key, one in value.items() if key not in NO_RESULT}
    return [_kept(one) for one in value] if isinstance(value, list) else value
