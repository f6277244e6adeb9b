"""Where a training stands, as the loops of Lightning put it into a checkpoint.

Lightning tells where to go on from which of its counters are ahead of the others, and so from the hook in
which a checkpoint was saved; several of these cases skip a validation or count a step twice. Here the
counters of a checkpoint are set to one of three cases that it handles right. n batches of the epoch are done:

    after a batch   n > 0, with more to come: they follow
    before a validation   n > 0: it is made from its beginning, then the rest follows
    between epochs  n = 0
"""

from typing import Any

Loops = dict[str, Any]
"""Of a checkpoint: ``checkpoint["loops"]["fit_loop"]``."""

_COUNTS = ("ready", "started", "processed", "completed")
_OPTIMIZER = "epoch_loop.automatic_optimization.optim_progress"


def after_batch(loops: Loops) -> None:
    """In Lightning's ``on_train_batch_end``: the rest of the epoch follows."""
    between_batches(loops)
    loops["epoch_loop.state_dict"]["_batches_that_stepped"] += 1  # Lightning does so after the hook


def between_batches(loops: Loops) -> None:
    """When Lightning has counted a batch and has not begun the next: the rest of the epoch follows."""
    for part in ("total", "current"):
        progress = loops["epoch_loop.batch_progress"][part]
        _fill(progress, progress["processed"])


def before_validation(loops: Loops) -> None:
    """After a batch that a validation follows, or in the validation: it is made from its beginning."""
    between_batches(loops)
    progress = loops["epoch_loop.val_loop.batch_progress"]
    _fill(progress["current"], 0)
    progress["total"] |= {"ready": 1, "started": 1, "processed": 0, "completed": 0}
    progress["is_last_batch"] = False


def between_epochs(loops: Loops) -> None:
    """After an epoch, its validation and its hooks: the next one follows from its beginning."""
    epochs = loops["epoch_progress"]
    for progress in (epochs["total"], epochs["current"]):
        _fill(progress, progress["processed"])
    between_batches(loops)
    _fill(loops["epoch_loop.batch_progress"]["current"], 0)
    loops["epoch_loop.batch_progress"]["is_last_batch"] = False
    for progress in (
        loops["epoch_loop.scheduler_progress"],
        loops[_OPTIMIZER]["optimizer"]["step"],
        loops[_OPTIMIZER]["optimizer"]["zero_grad"],
        loops["epoch_loop.val_loop.batch_progress"],
    ):
        _fill(progress["current"], 0)
    _fill(loops["epoch_loop.val_loop.batch_progress"]["total"], 0)
    loops["epoch_loop.val_loop.batch_progress"]["is_last_batch"] = False


def is_between_epochs(loops: Loops) -> bool:
    """Whether every epoch that began has been trained and validated."""
    current = loops["epoch_progress"]["current"]
    return bool(current["processed"] == current["started"])


def _fill(progress: dict[str, int], value: int) -> None:
    progress |= {count: value for count in _COUNTS if count in progress}
