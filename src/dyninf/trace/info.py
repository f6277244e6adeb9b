"""What a trace was recorded with."""

from dataclasses import dataclass
from pathlib import Path

from dyninf.json_file import brief, read_json


@dataclass(frozen=True)
class TraceInfo:
    """What a trace was recorded with.

    network: its name, such as ``resnet_small-joint-8f``.
    fingerprint: of its weights (`grid.fingerprint`).
    split: name of the data set and the split, such as ``synthetic/test``.
    checkpoints, classes: their names, K and N of them.
    """

    network: str
    fingerprint: str
    split: str
    checkpoints: tuple[str, ...]
    classes: tuple[str, ...]

    @classmethod
    def load(cls, folder: str | Path) -> "TraceInfo":
        """Of the trace at `folder`, without its logits; errors are those of `Trace.load`."""
        folder = Path(folder)
        if not (folder / "trace.json").is_file():
            inside = sorted(path.parent.name for path in folder.glob("*/trace.json"))
            hint = f"; there are traces below it: {', '.join(inside)}" if inside else ""
            raise FileNotFoundError(f"no trace at {folder} (trace.json is missing){hint}")
        try:
            facts = read_json(folder / "trace.json")
            names = tuple(facts["checkpoints"]), tuple(facts["classes"])
            return cls(facts["network"], facts["fingerprint"], facts["split"], *names)
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise ValueError(f"the trace at {folder} is damaged: {brief(error)}") from error
