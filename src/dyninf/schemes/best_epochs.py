"""The files of a training's best epochs, which Lightning names in every checkpoint that it saves."""

from pathlib import Path
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import ModelCheckpoint


def check_best(trainer: Trainer) -> None:
    """Raise FileNotFoundError if the best epoch's file is gone: nothing could be made of the training."""
    best = getattr(trainer.checkpoint_callback, "best_model_path", "")
    if trainer.is_global_zero and best and not Path(best).is_file():
        raise FileNotFoundError(
            f"{best} was removed while the training ran, which cannot go on without; start it again"
        )


def move_best(trainer: Trainer, states: dict[str, Any]) -> None:
    """Name the files of a run's best epochs by where its folder is now; Lightning would forget them.

    Raises ValueError if one lies outside: Lightning removes what was the best epoch's when another one is.
    """
    for callback in trainer.checkpoint_callbacks:
        state = states.get(callback.state_key)
        if isinstance(callback, ModelCheckpoint) and state is not None:
            before, now = str(state["dirpath"]), str(callback.dirpath)
            names = ("best_model_path", "kth_best_model_path", "last_model_path")
            for name in names:
                state[name] = state[name].replace(before, now, 1)
            best = state["best_k_models"].items()
            state |= {"dirpath": now, "best_k_models": {k.replace(before, now, 1): v for k, v in best}}
            for file in (*(state[name] for name in names), *state["best_k_models"]):
                _check_inside(file, Path(now), trainer)


def forget_best(trainer: Trainer, states: dict[str, Any]) -> None:
    """Another run's best epochs are not this one's, and their files may be gone; Lightning would keep one."""
    for callback in trainer.checkpoint_callbacks:
        if isinstance(callback, ModelCheckpoint):
            states.pop(callback.state_key, None)


def _check_inside(file: str, folder: Path, trainer: Trainer) -> None:
    path = Path(file)
    if file and not (path.is_absolute() and folder.resolve() in path.resolve().parents):
        raise ValueError(
            f"{trainer.ckpt_path} names {file!r} as the file of a best epoch, which is not in {folder}"
        )
