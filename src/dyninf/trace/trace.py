"""The logits of every checkpoint for every video of a split, recorded once.

Legend: B clips, V videos, K checkpoints, N classes, n ≤ 5 of them.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dyninf.batch import Batch
from dyninf.grid import Network, evaluation_mode, fingerprint, video_macs
from dyninf.json_file import brief
from dyninf.policies import Evidence, Outcome, Policy, check_logits, first_stop, ranked_classes
from dyninf.trace.answers import answers, info_of
from dyninf.trace.exactness import check_doubt, exactness_of
from dyninf.trace.info import TraceInfo
from dyninf.trace.logits import LEAST_TOP, KeptLogits, LogitsForm, form_of
from dyninf.trace.trace_file import Part, read_trace, write_trace

CHUNK = 1024  # videos scored at once, so that a replay's memory does not grow with the split


@dataclass(frozen=True, eq=False)
class Trace:
    """Logits (V, K, N), labels (V,), video ids and the cumulative MACs (K,) of a video in all its views.

    logits_VKN: a tensor, or `KeptLogits` where they are kept in another form than float32 or lie in a large
        file; ``logits_VKN[rows]`` is a tensor of either.
    gate_VK: what the network's gates say, where it has gates.
    """

    logits_VKN: Tensor | KeptLogits
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

    @classmethod
    def record(
        cls,
        network: Network,
        loader: Iterable[Batch],
        split: str = "",
        classes: Sequence[str] | None = None,
        logits: str = "float32",
    ) -> "Trace":
        """Run `network` over all batches, every checkpoint of every video; views as in `grid.views`.

        All of it is in memory; `record_to` records to a folder. logits: a `LogitsForm`.

        Raises ValueError if the loader is empty, a video comes twice, frame sizes or numbers of views differ,
        logits are not finite, or there is no such form.
        """
        form = LogitsForm(logits)
        info = info_of(network, split, classes)
        form.check_classes(len(info.classes))
        with evaluation_mode(network):
            found = list(answers(network, loader))
        sizes = {answer.shape for answer in found}
        if len(sizes) != 1:
            raise ValueError(
                "a trace needs videos of one frame size and number of views, the loader gave "
                f"{sorted(sizes) or 'no video'}"
            )
        ids = [video_id for answer in found for video_id in answer.video_ids]
        if len(set(ids)) != len(ids):
            raise ValueError(f"a trace has each video once, the loader gave {len(ids) - len(set(ids))} again")
        logits_VKN = torch.cat([answer.logits_BKN for answer in found])
        gates = [answer.gate_BK for answer in found if answer.gate_BK is not None]
        return cls(
            logits_VKN
            if form == LogitsForm()
            else KeptLogits(form.rows(logits_VKN), form, len(info.classes)),
            torch.cat([answer.label_B for answer in found]),
            tuple(ids),
            video_macs(network, sizes.pop()),
            info,
            torch.cat(gates) if gates else None,
        )

    def save(self, folder: str | Path) -> None:
        """Write ``trace.json``, ``logits.npy`` (in their form) and ``videos.csv``; all of it or nothing.

        Scores of gates go to ``gates.npy`` (float64). An older trace at `folder` is replaced; ValueError if
        something else is there.
        """
        videos = len(self.video_ids)
        write_trace(Path(folder), self.info, self.macs_K, self.form, videos, self._parts())

    @classmethod
    def load(cls, folder: str | Path) -> "Trace":
        """Read what `save` wrote; logits of `trace_file.MAPPED_FROM` bytes or more stay on the disk.

        Raises FileNotFoundError if there is no trace at `folder`, ValueError if it is damaged.
        """
        found = read_trace(Path(folder))
        try:
            return cls(
                found.logits_VKN, found.label_V, found.video_ids, found.macs_K, found.info, found.gate_VK
            )
        except ValueError as error:
            raise ValueError(f"the trace at {folder} is damaged: {brief(error)}") from error

    @property
    def form(self) -> LogitsForm:
        """How its logits are kept."""
        return form_of(self.logits_VKN)

    def check_same_network(self, other: "Trace | Network") -> None:
        """Raise ValueError unless `other` is, or comes from, the network of this trace."""
        if isinstance(other, Trace):
            name, expected = other.info.network, other.info.fingerprint
        else:
            name, expected = other.name, fingerprint(other)
        if expected != self.info.fingerprint:
            raise ValueError(
                f"the trace of {brief(self.info.split or 'a split')} is of another network: "
                f"{brief(self.info.network)} with fingerprint {brief(self.info.fingerprint)}, expected "
                f"{brief(name)} with {brief(expected)}"
            )

    def without(self, video_ids: Collection[str]) -> "Trace":
        """The trace of the other videos."""
        if not video_ids:
            return self
        keep_V = torch.tensor(
            [v for v, video_id in enumerate(self.video_ids) if video_id not in video_ids], dtype=torch.long
        )
        ids = tuple(self.video_ids[v] for v in keep_V.tolist())
        gate_VK = None if self.gate_VK is None else self.gate_VK[keep_V]
        logits = self.logits_VKN
        logits_VKN = logits.picked(keep_V) if isinstance(logits, KeptLogits) else logits[keep_V]
        return Trace(logits_VKN, self.label_V[keep_V], ids, self.macs_K, self.info, gate_VK)

    def replay(self, policy: Policy) -> Outcome:
        """What `policy` would do on every video.

        Raises ValueError if a logit is not finite or the thresholds do not fit.
        """
        return self.stop_at(first_stop(self.scores(policy), policy.thresholds(len(self.macs_K))))

    def scores(self, policy: Policy) -> Tensor:
        """The policy's scores (V, K), float64; the number of a video is its row.

        Raises ValueError if the form that logits are kept in does not tell them (`exactness`).
        """
        exactness = exactness_of(policy, self.form)
        scores_VK, doubt = [], 0.0
        for rows, evidence in self._chunks():
            scores_BK = policy.scores(evidence).double()
            scores_VK.append(scores_BK)
            if exactness == "bounded" and isinstance(self.logits_VKN, KeptLogits):
                other = replace(evidence, logits_BJN=self.logits_VKN.gathered(rows))
                doubt = max(doubt, (policy.scores(other).double() - scores_BK).abs().max().item())
        check_doubt(policy, self.form, doubt)
        return torch.cat(scores_VK)

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
        if isinstance(self.logits_VKN, KeptLogits) and self.form.top is not None:
            kept = self.logits_VKN.taken(slice(None))["classes"][..., :LEAST_TOP]
            return torch.from_numpy(kept.astype(np.int64))
        return torch.cat([ranked_classes(evidence.logits_BJN) for _, evidence in self._chunks()])

    @property
    def right_VK(self) -> Tensor:
        """Whether each checkpoint gives each video its class."""
        return self.ranked_VKn[:, :, 0] == self.label_V[:, None]

    def chunks(self) -> Iterator[slice]:
        """Rows of the videos that are looked at together."""
        for first in range(0, len(self.video_ids), CHUNK):
            yield slice(first, min(first + CHUNK, len(self.video_ids)))

    def _chunks(self) -> Iterator[tuple[slice, Evidence]]:
        row_V = torch.arange(len(self.label_V))
        for rows in self.chunks():
            logits_BKN = self.logits_VKN[rows]
            check_logits(logits_BKN, self.video_ids[rows])
            gate_BK = None if self.gate_VK is None else self.gate_VK[rows]
            yield rows, Evidence(logits_BKN, self.label_V[rows], row_V[rows], gate_BK)

    def _parts(self) -> Iterator[Part]:
        for rows in self.chunks():
            logits = self.logits_VKN
            kept = logits.taken(rows) if isinstance(logits, KeptLogits) else self.form.rows(logits[rows])
            gate_BK = None if self.gate_VK is None else self.gate_VK[rows]
            yield Part(kept, self.label_V[rows], self.video_ids[rows], gate_BK)
