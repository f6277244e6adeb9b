"""Files of tensors and plain values, as torch writes them: whole and with a checksum, read without trust."""

from pathlib import Path
from typing import Any

import torch

from dyninf.atomic import atomic_file
from dyninf.checksum import check_zip, seal_zip
from dyninf.unpacking import check_unpacking


def save_tensors(path: Path, content: Any) -> None:
    """Write what `torch.save` takes, the whole file or nothing. Raises OSError as `atomic_file` does."""
    with atomic_file(path) as new:
        with new.open("wb") as file:
            writer = _Noted(file)
            try:
                torch.save(content, writer)  # type: ignore[arg-type]  # it asks for no more than `write`
            except RuntimeError:  # torch's words for a write that failed, which do not say why
                if writer.error is not None:
                    raise writer.error from None
                raise
        seal_zip(new)


def load_tensors(path: Path, device: str | torch.device | None = "cpu") -> Any:
    """Read tensors and plain values; nothing that a file names is called or made, or grows beyond the file.

    Raises FileNotFoundError, PermissionError, or ValueError that names the file if it is torn, flipped, no
    file of tensors, or holds more than those.
    """
    try:
        check_zip(path)
        check_unpacking(path)
        return torch.load(path, map_location=device, weights_only=True)
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except Exception as error:  # a damaged stream leads its reader to any; and torch's words help nobody
        raise ValueError(
            f"{path} cannot be read: it is damaged or incomplete, or holds more than tensors"
        ) from error


class _Noted:
    """A file that keeps the error of a write, since torch tells another one."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return int(self._file.write(data))
        except OSError as error:
            self.error = self.error or error
            raise

    def flush(self) -> None:
        self._file.flush()
