"""Where ``dyninf.predict`` writes: to a terminal, a file, or a folder of shards that can be gone on with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dyninf.grid import Network, fingerprint
from dyninf.policies import Policy, RandomExit
from dyninf.predicting import Source
from dyninf.predicting_work import Work
from dyninf.report import Rows, ShardRows, Shards, rows_to


def check_output(output: Path | None, source: Source, policy: Policy) -> None:
    """Raise ValueError if an output is a folder of shards, into which the source or the policy cannot go."""
    if output is None or not names_folder(output):
        return
    if source.is_live or not isinstance(source.videos, Sequence):
        raise ValueError(
            f"output={output} is a folder of shards, into which a list of videos is cut: give source a "
            f"folder, or a list that ends in .txt, not {source.name}"
        )
    if isinstance(policy, RandomExit):
        raise ValueError(
            f"output={output} is a folder of shards, and RandomExit draws by the place of a clip among all, "
            "which a shard does not know; give another policy, or output=FILE.jsonl"
        )


def rows_of(output: Path | None, work: Work, network: Network, shard: int) -> Rows:
    """Where the rows of some work go.

    output: None for the terminal, a file ending in .jsonl or .csv, or a folder (`names_folder`), into which
        goes a Parquet file for every `shard` videos; see `check_output`. network: of the work.

    Raises ValueError if the output is none of these, or has other predictions.
    """
    if output is None:
        return rows_to(None)
    facts = facts_of(work, network)
    if not names_folder(output):
        return rows_to(output, work.source.is_live, facts)
    videos = work.source.videos
    assert isinstance(videos, Sequence), "see `check_output`"
    return ShardRows(Shards(output, videos, facts, shard))


def names_folder(output: Path) -> bool:
    """Whether an output means a folder: it is one, or its name has no ending."""
    return output.is_dir() or not output.suffix


def facts_of(work: Work, network: Network) -> dict[str, Any]:
    """What decides the answers besides the videos, as plain values by name."""
    data, windows = work.source.datamodule, work.source.windows
    return {
        "network": network.name,
        "fingerprint": fingerprint(network),
        "classes": list(work.classes),
        "policy": _said(work.policy, len(network.checkpoints)),
        "frames": f"{data.sampling}, {data.test_transform}, read by {data.decoder}",
        "windows": None if windows is None else str(windows),
    }


def _said(policy: Policy, num_checkpoints: int) -> str:
    """Such as "Patience(patience=2, temperature=None) at 0.9, 0.9"."""
    own = {name: value for name, value in vars(policy).items() if name != "threshold"}
    arguments = ", ".join(f"{name}={value!r}" for name, value in sorted(own.items()))
    thresholds = policy.thresholds(num_checkpoints)[:-1].tolist()
    return f"{type(policy).__name__}({arguments}) at {', '.join(f'{value:.17g}' for value in thresholds)}"
