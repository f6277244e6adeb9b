"""Files of weights from elsewhere, read without running any code that is in them."""

import pickle
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from dyninf.tensor_file import load_tensors

SAVED_KEY = "dyninf"  # entry of what a run of dyninf notes beside its weights
WRAPPINGS = ("state_dict", "model")  # entries under which training scripts keep the weights


@dataclass(frozen=True)
class Weights:
    """The tensors of a file by the names that they have there, and of which classes, if the file says it."""

    path: Path
    tensors: Mapping[str, Tensor]
    classes: tuple[str, ...] | None = None


def read_weights(path: str | Path) -> Weights:
    """Read a file of PyTorch (``.pth .pt .ckpt .tar``) or a ``.safetensors`` file.

    The weights are the file's top level or its entry ``state_dict`` or ``model``. A pickle may hold
    tensors and plain values alone.

    Raises FileNotFoundError, or ValueError if the file is of another kind, damaged, without tensors, or
    could not be read without running code.
    """
    path = Path(path)
    if path.suffix.lower() not in READERS:
        raise ValueError(f"{path}: weights are read from files that end in {', '.join(READERS)}")
    if not path.is_file():
        raise FileNotFoundError(f"no weights at {path}; pretrained=PATH names a file on this machine")
    content = READERS[path.suffix.lower()](path)
    classes = _classes(content)
    while isinstance(content, dict):
        inner = next((content[key] for key in WRAPPINGS if isinstance(content.get(key), dict)), None)
        if inner is None:
            break
        content = inner
    found = content.items() if isinstance(content, dict) else ()
    tensors = {str(name): value for name, value in found if isinstance(value, Tensor)}
    if not tensors:
        raise ValueError(
            f"{path} holds no tensors by name, neither at its top level nor under {' or '.join(WRAPPINGS)}"
        )
    return Weights(path, tensors, classes)


def _classes(content: Any) -> tuple[str, ...] | None:
    """Those that a run of dyninf was trained for; nothing else says it."""
    saved = content.get(SAVED_KEY) if isinstance(content, dict) else None
    names = saved.get("classes") if isinstance(saved, dict) else None
    return tuple(map(str, names)) if isinstance(names, list) else None


def _read_pickle(path: Path) -> Any:
    try:
        return load_tensors(path)
    except ValueError as error:
        cause = error.__cause__
        code = re.search(r"GLOBAL (\S+)", str(cause)) if isinstance(cause, pickle.UnpicklingError) else None
        if code is not None:
            raise ValueError(
                f"{path} is refused: reading it would run code ({code[1]}); "
                "a file of tensors alone is wanted, such as torch.save of a state_dict, or .safetensors"
            ) from error
        raise _damaged(path, "PyTorch") from error


def _read_safetensors(path: Path) -> Any:
    try:
        return load_file(path)
    except PermissionError:
        raise
    # The library's errors have no base class but Exception.
    except Exception as error:
        raise _damaged(path, "safetensors") from error


def _damaged(path: Path, kind: str) -> ValueError:
    return ValueError(f"{path} cannot be read: it is damaged or incomplete, or no {kind} file")


READERS: dict[str, Callable[[Path], Any]] = {
    ".pth": _read_pickle,
    ".pt": _read_pickle,
    ".ckpt": _read_pickle,
    ".tar": _read_pickle,  # as in best.pth.tar
    ".safetensors": _read_safetensors,
}
