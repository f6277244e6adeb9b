"""How a trace keeps logits: as they are, in float16, or the largest few with what the others add up to.

Legend: V videos, B of them, K checkpoints, N classes, m kept classes.

The compact forms keep leads: logits less the largest one of their checkpoint. Softmax does not see the
difference, and a lead has most digits where its probability is large.
"""

import re
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

LEAST_TOP = 5  # classes that top-5 accuracy asks for
MOST_CLASSES = 1 << 16  # that 16 bits can number
NOTHING = -1e4  # the logarithm of a sum over no class: finite, and exp gives 0 of it in float64
_LEAST_HALF = -6e4  # a lead that float16 still holds
_SURELY_SECOND = -1e-30  # so that of two equal logits the one that was recorded as the largest stays it


@dataclass(frozen=True)
class LogitsForm:
    """A form by its name.

    ``float32``: all logits as the network gave them.
    ``float16``: all leads, half as large. Class probabilities are off by at most 2⁻¹¹ · log N of themselves,
        the relative rounding of a lead times the mean lead; two classes of nearly equal logits below the
        largest may change places.
    ``top20``, or another number m of at least 5: the m largest classes in their order, the lead of the second
        in float32, those of the further ones in float16, and the logarithms (float32) of what all but the
        first two, and what all that are not kept, add up to. So the largest probability and the margin are
        what they are of all logits, to float32's rounding; how the rest is spread over classes is not known.

    Raises ValueError for another name.
    """

    name: str = "float32"

    def __post_init__(self) -> None:
        top = re.fullmatch(r"top([1-9]\d{0,4})", str(self.name))
        if self.name not in ("float32", "float16") and (top is None or int(top[1]) < LEAST_TOP):
            raise ValueError(
                f"logits are kept as float32, float16, or top and a number of at least {LEAST_TOP} such as "
                f"top20; got {self.name!r}"
            )

    @property
    def top(self) -> int | None:
        """How many classes are kept; None for all."""
        return int(self.name[3:]) if self.name.startswith("top") else None

    def check_classes(self, classes: int) -> None:
        """Raise ValueError where there are too few or too many classes for the form."""
        if self.top is not None and not self.top < classes <= MOST_CLASSES:
            raise ValueError(
                f"{self.name} is for {self.top + 1} to {MOST_CLASSES} classes, and there are {classes}; "
                "float16 keeps all of them"
            )

    def row(self, checkpoints: int, classes: int) -> np.dtype:
        """The NumPy type of one video; a file of V videos is an array (V,) of it, or (V, K, N) of numbers."""
        K, m = checkpoints, self.top
        if m is None:
            return np.dtype((f"<f{4 if self.name == 'float32' else 2}", (K, classes)))
        ends: list[tuple[str, str, tuple[int, ...]]] = [
            (name, "<f4", (K,)) for name in ("second", "others", "rest")
        ]
        return np.dtype([*ends, ("further", "<f2", (K, m - 2)), ("classes", "<u2", (K, m))])

    def rows(self, logits_BKN: Tensor) -> np.ndarray:
        """Logits of some videos in this form: an array (B,) of `row`, or (B, K, N) of numbers."""
        if self.name == "float32":
            return logits_BKN.float().contiguous().numpy()
        lead_BKN = logits_BKN.double() - logits_BKN.double().amax(-1, keepdim=True)
        if self.top is None:
            return lead_BKN.clamp(min=_LEAST_HALF).half().contiguous().numpy()
        B, K, N = logits_BKN.shape
        self.check_classes(N)
        classes_BKm = logits_BKN.topk(self.top).indices
        lead_BKm = lead_BKN.gather(-1, classes_BKm)
        rows = np.empty(B, self.row(K, N))
        rows["second"] = lead_BKm[..., 1]
        rows["further"] = lead_BKm[..., 2:].clamp(min=_LEAST_HALF)
        rows["classes"] = classes_BKm
        for name, known in (("others", 2), ("rest", self.top)):
            left_BKN = lead_BKN.scatter(-1, classes_BKm[..., :known], -torch.inf)
            rows[name] = left_BKN.logsumexp(-1).clamp(min=NOTHING)
        return rows

    def dense(self, rows: np.ndarray, classes: int, gathered: bool = False) -> Tensor:
        """Leads or logits (B, K, N), float32, of videos in this form.

        Of a form that keeps the largest alone, what is not kept is spread evenly over the other classes; with
        `gathered`, it is put into as few of them as can hold it without overtaking the kept ones. Between
        these two lie all functions of it that are Schur-concave or Schur-convex, such as entropy.
        """
        if self.top is None:
            return torch.from_numpy(np.array(rows, dtype=np.float32))
        classes_BKm = torch.from_numpy(rows["classes"].astype(np.int64))
        if classes_BKm.numel() and int(classes_BKm.max()) >= classes:
            raise ValueError(f"logits name class {int(classes_BKm.max())} of {classes}")
        lead_BKm, rest_BK = _leads(rows)
        unkept = classes - classes_BKm.shape[-1]
        shape = (*rest_BK.shape, classes)
        if gathered:
            each_BKN = _gathered(lead_BKm, rest_BK, classes_BKm, classes)
        else:
            each_BKN = (rest_BK - np.log(unkept)).clamp(min=NOTHING)[..., None].expand(shape).clone()
        return each_BKN.scatter_(-1, classes_BKm, lead_BKm).float()


class KeptLogits:
    """Logits (V, K, N) in some form, in memory or mapped from a file; ``logits[rows]`` is a tensor of them.

    rows: as `LogitsForm.rows` gives them, of all videos. classes: N.
    index_V: which rows, in which order; all when left out.
    """

    def __init__(
        self, rows: np.ndarray, form: LogitsForm, classes: int, index_V: np.ndarray | None = None
    ) -> None:
        self.rows, self.form, self.index_V = rows, form, index_V
        videos = len(rows) if index_V is None else len(index_V)
        checkpoints = rows.shape[1] if form.top is None else rows.dtype["second"].shape[0]
        self.shape = (videos, checkpoints, classes)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: slice | int) -> Tensor:
        """Dense (B, K, N), or (K, N) of one video; float32."""
        if isinstance(index, int):
            return self[index : index + 1][0] if index >= 0 else self[len(self) + index]
        return self.form.dense(self.taken(index), self.shape[2])

    def gathered(self, index: slice) -> Tensor:
        """The same with what is not kept in as few classes as can hold it (`LogitsForm.dense`)."""
        return self.form.dense(self.taken(index), self.shape[2], gathered=True)

    def taken(self, index: slice) -> np.ndarray:
        """Rows of some videos as they are kept."""
        return self.rows[index] if self.index_V is None else self.rows[self.index_V[index]]

    def picked(self, index_V: Tensor) -> "KeptLogits":
        """Those of some videos; nothing is read or copied."""
        index = index_V.numpy() if self.index_V is None else self.index_V[index_V.numpy()]
        return KeptLogits(self.rows, self.form, self.shape[2], index)


def form_of(logits_VKN: "Tensor | KeptLogits") -> LogitsForm:
    """The form that logits are kept in; a tensor's is float32."""
    return logits_VKN.form if isinstance(logits_VKN, KeptLogits) else LogitsForm()


def _leads(rows: np.ndarray) -> tuple[Tensor, Tensor]:
    """Leads of the kept classes (B, K, m) and the logarithm of what the rest adds up to (B, K), float64.

    The further leads are rounded; all of them and the rest are moved alike, so that they add up to what the
    others are known to add up to.
    """
    second, others, rest, further = (
        torch.from_numpy(rows[name].astype(np.float64)) for name in ("second", "others", "rest", "further")
    )
    rounded = torch.cat([further, rest[..., None]], -1).logsumexp(-1)
    moved = torch.where(others > NOTHING, others - rounded, torch.zeros_like(others))
    second = second.clamp(max=_SURELY_SECOND)[..., None]
    further = torch.minimum(further + moved[..., None], second)
    lead_BKm = torch.cat([torch.zeros_like(second), second, further], -1)
    return lead_BKm, (rest + moved).clamp(min=NOTHING)


def _gathered(lead_BKm: Tensor, rest_BK: Tensor, classes_BKm: Tensor, classes: int) -> Tensor:
    """Leads (B, K, N) of the classes that are not kept: as many as fit at the least kept lead, then one."""
    shape = (*rest_BK.shape, classes)
    is_left_BKN = torch.ones(shape, dtype=torch.bool).scatter_(-1, classes_BKm, False)
    place_BKN = is_left_BKN.cumsum(-1) - 1
    least_BK1 = lead_BKm.amin(-1, keepdim=True)
    holds_BK1 = (rest_BK[..., None] - least_BK1).exp()
    full_BK1 = holds_BK1.floor().clamp(max=classes - classes_BKm.shape[-1])
    last_BK1 = least_BK1 + (holds_BK1 - full_BK1).clamp(min=0, max=1).log().clamp(min=NOTHING)
    nothing = torch.tensor(NOTHING, dtype=lead_BKm.dtype)
    beyond_BKN = torch.where(place_BKN == full_BK1, last_BK1, nothing)
    return torch.where(place_BKN < full_BK1, least_BK1, beyond_BKN)
