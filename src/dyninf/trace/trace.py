"""The logits of every checkpoint for every video of a split, recorded once.

Legend: B clips, V videos, K checkpoints, N classes, n ≤ 5 of them.
"""

import csv
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dyninf.array_file import load_array
from dyninf.atomic import atomic_folder
from dyninf.batch import Batch
from dyninf.grid import Network, evaluation_mode, fingerprint, video_answers, video_macs, video_shape
from dyninf.json_file import brief, read_json, write_json
from dyninf.policies import Evidence, Outcome, Policy, check_logits, first_stop, ranked_classes

CHUNK = 1024  # videos scored at once, so that a replay's memory does not grow with the split


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


@dataclass(frozen=True, eq=False)
class Trace:
    """Logits (V, K, N), labels (V,), video ids and the cumulative MACs (K,) of a video in all its views.

    gate_VK: what the network's gates say, where it has gates.
    """

    logits_VKN: Tensor
    label_V: Tensor
    video_ids: tuple[str, ...]
    macs_K: Tensor
    info: TraceInfo
    gate_VK: Tensor | None = None

    def __post_init__(self) -> None:
        V, K, N = self.logits_VKN.shape
        found = (len(self.label_V), len(self.video_ids), len(self.macs_K), len(self.info.checkpoints))
        if found != (V, V, K, K) or len(self.info.classes) != N:
            raise ValueError(
                f"a trace of {V} videos, {K} checkpoints, {N} classes needs as many labels, ids, "
                f"costs and names; got {found} and {len(self.info.classes)} class names"
            )
        if self.gate_VK is not None and self.gate_VK.shape != (V, K):
            raise ValueError(f"gates need scores of shape {(V, K)}, got {tuple(self.gate_VK.shape)}")

    # Record, save, load ------------------------------------------------------------------------------

    @classmethod
    def record(
        cls,
        network: Network,
        loader: Iterable[Batch],
        split: str = "",
        classes: Sequence[str] | None = None,
    ) -> "Trace":
        """Run `network` over all batches, every checkpoint of every video; views as in `grid.views`.

        Raises ValueError if the loader is empty, a video comes twice, frame sizes or numbers of views differ,
        or logits are not finite.
        """
        device = next(network.parameters()).device
        logits, labels, gates = [], [], []
        ids: list[str] = []
        sizes: set[tuple[int, ...]] = set()
        with evaluation_mode(network), torch.inference_mode():
            for batch in loader:
                sizes.add(video_shape(batch.video))
                logits_BKN, gate_BK = video_answers(network, batch.video.to(device))
                check_logits(logits_BKN, batch.video_id)
                logits.append(logits_BKN.cpu())
                if gate_BK is not None:
                    gates.append(gate_BK.cpu())
                labels.append(batch.label.cpu())
                ids.extend(batch.video_id)
        if len(sizes) != 1:
            raise ValueError(
                "a trace needs videos of one frame size and number of views, the loader gave "
                f"{sorted(sizes) or 'no video'}"
            )
        if len(set(ids)) != len(ids):
            raise ValueError(f"a trace has each video once, the loader gave {len(ids) - len(set(ids))} again")
        return cls(
            torch.cat(logits),
            torch.cat(labels),
            tuple(ids),
            video_macs(network, sizes.pop()),
            TraceInfo(
                network=network.name,
                fingerprint=fingerprint(network),
                split=split,
                checkpoints=tuple(checkpoint.name for checkpoint in network.checkpoints),
                classes=tuple(classes or (str(n) for n in range(network.num_classes))),
            ),
            torch.cat(gates) if gates else None,
        )

    def save(self, folder: str | Path) -> None:
        """Write ``trace.json``, ``logits.npy`` (float32) and ``videos.csv``; all of it or nothing.

        Scores of gates go to ``gates.npy`` (float64).

        An older trace at `folder` is replaced; ValueError if something else is there.
        """
        folder = Path(folder)
        if folder.exists() and not (folder / "trace.json").is_file() and any(folder.iterdir()):
            raise ValueError(f"{folder} holds other files; a trace needs a folder of its own")
        with atomic_folder(folder) as new:
            np.save(new / "logits.npy", self.logits_VKN.numpy())
            with open(new / "videos.csv", "w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["video_id", "label"])
                writer.writerows(zip(self.video_ids, self.label_V.tolist(), strict=True))
            facts = asdict(self.info) | {"macs": self.macs_K.tolist()}
            if self.gate_VK is not None:
                np.save(new / "gates.npy", self.gate_VK.numpy())
                facts["gates"] = True
            write_json(new / "trace.json", facts)

    @classmethod
    def load(cls, folder: str | Path) -> "Trace":
        """Read what `save` wrote.

        Raises FileNotFoundError if there is no trace at `folder`, ValueError if it is damaged.
        """
        folder = Path(folder)
        info = TraceInfo.load(folder)
        try:
            facts = read_json(folder / "trace.json")
            with open(folder / "videos.csv", newline="") as file:
                rows = list(csv.DictReader(file))
            return cls(
                torch.from_numpy(load_array(folder / "logits.npy")),
                torch.tensor([int(row["label"]) for row in rows]),
                tuple(row["video_id"] for row in rows),
                torch.tensor(facts["macs"], dtype=torch.float64),
                info,
                torch.from_numpy(load_array(folder / "gates.npy")) if facts.get("gates") else None,
            )
        except (ValueError, KeyError, TypeError, OSError, csv.Error) as error:
            raise ValueError(f"the trace at {folder} is damaged: {brief(error)}") from error

    def check_same_network(self, other: "Trace | Network") -> None:
        """Raise ValueError unless `other` is, or comes from, the network of this trace."""
        if isinstance(other, Trace):
            name, expected = other.info.network, other.info.fingerprint
        else:
            name, expected = other.name, fingerprint(other)
        if expected != self.info.fingerprint:
            raise ValueError(
                f"the trace of {self.info.split or 'a split'} is of another network: {self.info.network} "
                f"with fingerprint {self.info.fingerprint}, expected {name} with {expected}"
            )

    def without(self, video_ids: Collection[str]) -> "Trace":
        """The trace of the other videos."""
        keep = [v for v, video_id in enumerate(self.video_ids) if video_id not in video_ids]
        ids = tuple(self.video_ids[v] for v in keep)
        gate_VK = None if self.gate_VK is None else self.gate_VK[keep]
        kept = (self.logits_VKN[keep], self.label_V[keep], ids)
        return Trace(*kept, self.macs_K, self.info, gate_VK)

    # Replay ------------------------------------------------------------------------------------------

    def replay(self, policy: Policy) -> Outcome:
        """What `policy` would do on every video.

        Raises ValueError if a logit is not finite or the thresholds do not fit.
        """
        return self.stop_at(first_stop(self.scores(policy), policy.thresholds(len(self.macs_K))))

    def scores(self, policy: Policy) -> Tensor:
        """The policy's scores (V, K), float64; the number of a video is its row."""
        return torch.cat([policy.scores(evidence).double() for evidence in self._chunks()])

    def stop_at(self, checkpoint_V: Tensor) -> Outcome:
        """The outcome if video v stops at ``checkpoint_V[v]``, from 0."""
        ranked_Vn = self.ranked_VKn[torch.arange(len(checkpoint_V)), checkpoint_V]
        return Outcome.of(ranked_Vn, self.label_V, checkpoint_V, self.macs_K)

    def full(self) -> Outcome:
        """Full inference: every video goes to the last checkpoint."""
        return self.stop_at(torch.full_like(self.label_V, len(self.macs_K) - 1))

    @cached_property
    def ranked_VKn(self) -> Tensor:
        """The five most probable classes of every video at every checkpoint."""
        return torch.cat([ranked_classes(evidence.logits_BJN) for evidence in self._chunks()])

    @property
    def right_VK(self) -> Tensor:
        """Whether each checkpoint gives each video its class."""
        return self.ranked_VKn[:, :, 0] == self.label_V[:, None]

    def _chunks(self) -> Iterable[Evidence]:
        row_V = torch.arange(len(self.label_V))
        chunks = (values.split(CHUNK) for values in (self.logits_VKN, self.label_V, row_V))
        for i, (logits_BKN, label_B, row_B) in enumerate(zip(*chunks, strict=True)):
            rows = slice(i * CHUNK, (i + 1) * CHUNK)
            check_logits(logits_BKN, self.video_ids[rows])
            gate_BK = None if self.gate_VK is None else self.gate_VK[rows]
            yield Evidence(logits_BKN, label_B, row_B, gate_BK)
