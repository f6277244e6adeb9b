"""Machines that fail a command: a full disk, a folder of another user, a clock that jumps."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
NOBODY = 65534
AS_ANYONE = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
"""Before a command: root without the right to write into what others own."""


@dataclass
class Condition:
    """What is so while the first run of a command lasts.

    set_up: makes the folder for the output and its condition, and ends the latter when it is left.
    environment: of the run. prefix: words before its command.
    meanwhile: done once, when the command is in the middle.
    """

    name: str
    set_up: Callable[[Path, float], AbstractContextManager[None]]
    environment: Mapping[str, str] = field(default_factory=dict)
    prefix: Sequence[str] = ()
    meanwhile: Callable[[Path], None] | None = None


@contextmanager
def plain(folder: Path, size: float) -> Iterator[None]:
    folder.mkdir()
    yield


@contextmanager
def small_disk(folder: Path, size: float) -> Iterator[None]:
    """Too small for what the command writes, by half; it has room when the context is left."""
    _mount(folder, f"size={max(int(size / 2), 4096)}")
    yield
    _remount(folder, "size=256m")


@contextmanager
def read_only(folder: Path, size: float) -> Iterator[None]:
    _mount(folder, "size=256m")
    _remount(folder, "ro")
    yield
    _remount(folder, "rw")


@contextmanager
def of_another_user(folder: Path, size: float) -> Iterator[None]:
    folder.mkdir(mode=0o755)
    os.chown(folder, NOBODY, NOBODY)
    yield
    os.chown(folder, 0, 0)


def _mount(folder: Path, options: str) -> None:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)


def _remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def conditions(folder: Path, name: str) -> list[Condition]:
    """All of them. folder: takes the clocks of a command of this name."""
    ahead, back = (folder / f"clock-{name}-{way}" for way in ("ahead", "back"))
    library = folder / "clock.so"
    if not library.exists():
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, HERE / "clock.c"], check=True)

    def faked(clock: Path) -> dict[str, str]:
        _set(clock, 0)
        return {"LD_PRELOAD": str(library), "CLOCK_MOVED": str(clock)}

    return [
        Condition("disk full", small_disk),
        Condition("read-only file system", read_only),
        Condition("permission denied", of_another_user, prefix=AS_ANYONE),
        Condition(
            "clock jumps 400 days ahead", plain, faked(ahead), meanwhile=lambda output: _set(ahead, 400)
        ),
        Condition("clock jumps 400 days back", plain, faked(back), meanwhile=lambda output: _set(back, -400)),
        Condition("output folder removed", plain, meanwhile=remove),
    ]


def remove(output: Path) -> None:
    """In one step, for the command goes on to write into it."""
    gone = output.with_name("gone")
    os.rename(output, gone)
    shutil.rmtree(gone)


def _set(clock: Path, days: int) -> None:
    new = clock.with_suffix(".new")
    new.write_text(f"{days * 24 * 60 * 60}\n")
    os.replace(new, clock)
