"""Files and folders that are there whole or not at all, whenever the process or the machine ends.

What is written lies in a temporary folder beside its place until it is on the disk, and then takes the place
in one step. The temporary folder is locked while its process lives: what a killed one left is told from what
another one is writing, and goes when the same file or folder is written again.
"""

import ctypes
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NO_PLACE = {
    errno.ENOSPC: "the disk is full; make room",
    errno.EFBIG: "the file would be larger than allowed (ulimit -f); raise the limit",
    errno.EDQUOT: "the quota is used up; make room",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.EACCES: "permission denied; choose a folder that may be written to",
    errno.EPERM: "permission denied; choose a folder that may be written to",
}
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # of Linux: fcntl.h, linux/fs.h


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends without an error.

    Raises OSError that names `path` where the disk is full or may not be written to.
    """
    with told_if_full(path), atomic_folder_beside(path) as folder:
        new = folder / path.name
        yield new
        _sync(new)
        os.replace(new, path)
        _sync(path.parent)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` that takes its place when the block ends without an error.

    Raises OSError as `atomic_file` does.
    """
    with told_if_full(path), atomic_folder_beside(path) as folder:
        new = folder / "new"
        new.mkdir()
        yield new
        sync_folder(new)
        if path.exists():
            _exchange(new, path)
        else:
            os.replace(new, path)
        _sync(path.parent)


@contextmanager
def atomic_folder_beside(path: Path) -> Iterator[Path]:
    """A temporary folder on the same file system as `path`, removed when the block ends.

    It is named ``.NAME.xxxxxxxx~``. Those that killed processes left beside the same path are removed first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_left(path)
    folder, lock = _locked_folder(path)
    try:
        yield folder
    finally:
        # The path may be gone by now, as where someone removed the whole output: that is told by what failed.
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked_folder(path: Path) -> tuple[Path, int]:
    """A new one beside `path`, and what holds its lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix="~", dir=path.parent))
        # Between these lines another writer of the same path may take it for one that was left.
        try:
            lock = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            if not path.parent.is_dir():
                raise
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError:
            os.close(lock)
            raise
        if folder.is_dir():
            return folder, lock
        os.close(lock)


def remove_left(path: Path) -> None:
    """Remove the temporary folders that killed processes left beside `path`, and no other's."""
    for folder in path.parent.glob(f".{_escaped(path.name)}.????????~"):
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:  # another process has just removed it, or it is no folder of ours
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # being written
            continue
        else:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)


@contextmanager
def told_if_full(path: Path) -> Iterator[None]:
    """Where a block cannot write for want of room or permission, raise an OSError that says so of `path`."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_PLACE or isinstance(error, CannotWrite):
            raise
        raise CannotWrite(path, error.errno) from error


class CannotWrite(OSError):
    """There is no room for a file, or it may not be written. Has the `errno` of its cause."""

    def __init__(self, path: Path, code: int) -> None:
        super().__init__(f"cannot write {path}: {NO_PLACE[code]}, and run the same command again")
        self.errno = code


def sync_folder(folder: Path) -> None:
    """Wait until a folder with all that is in it is on the disk."""
    for inside, _, files in os.walk(folder):
        for file in files:
            _sync(Path(inside, file))
        _sync(Path(inside))


def _sync(path: Path) -> None:
    """Wait until a file or the names in a folder are on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _exchange(new: Path, old: Path) -> None:
    """Two folders take each other's place in one step; in two where the system has no such call."""
    swap = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if swap is not None and not swap(_AT_FDCWD, bytes(new), _AT_FDCWD, bytes(old), _RENAME_EXCHANGE):
        return
    os.replace(old, new.parent / "old")
    try:
        os.replace(new, old)
    except OSError:
        with suppress(OSError):  # the error that is being reported matters more
            os.replace(new.parent / "old", old)
        raise


def _escaped(name: str) -> str:
    """A name as `Path.glob` takes it literally."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
