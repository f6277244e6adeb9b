"""What reading a file of torch would make, found out before anything of it is made.

Two files of a few kilobytes are told here that would take the memory, or the time, of a whole machine: a zip
whose entries are compressed, which torch writes none of, and a pickle of values that hold each other twice,
and so double their size with every line.
"""

import io
import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_LEGACY = 4  # pickles in a row before the tensors, in the files of torch 1.5 and older
_SHARED = 20
"""How often the values of a pickle may count, for being held more than once; states of optimisers do it."""
_FREE = 1_000_000
_PUTS, _GETS = ("PUT", "BINPUT", "LONG_BINPUT"), ("GET", "BINGET", "LONG_BINGET")
_FILLS = ("APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS", "BUILD")

_Cell = list[int]
"""A size. A list, so that what is known of a value grows with it wherever it is held."""


def check_unpacking(path: Path) -> None:
    """Raise an error if a file for `torch.load` is damaged, or would grow far beyond its own size.

    ValueError says so; a damaged stream leads its reader to any other.
    """
    for stream in _pickles(path):
        _check_shared(stream)


def _pickles(path: Path) -> Iterator[IO[bytes]]:
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            for _ in range(_LEGACY):
                if file.peek(1):
                    yield file
        return
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        packed = next((one for one in entries if one.compress_type != zipfile.ZIP_STORED), None)
        if packed is not None:
            raise ValueError(f"its entry {packed.filename!r} is compressed, and torch compresses none")
        if sum(entry.file_size for entry in entries) > path.stat().st_size:
            raise ValueError("its entries are larger than the file")
        for entry in entries:
            if entry.filename.lower().endswith(".pkl"):
                yield io.BytesIO(archive.read(entry))


def _check_shared(file: IO[bytes]) -> None:
    """Follow a pickle's stack with the sizes of values in place of the values."""
    stack: list[_Cell | None] = []  # None is a mark
    memo: dict[object, _Cell | None] = {}
    for number, (opcode, argument, _) in enumerate(pickletools.genops(file)):
        name = opcode.name
        if name == "MARK":
            stack.append(None)
        elif name in _PUTS:
            memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in _GETS:
            stack.append(memo[argument])
        else:
            popped = [stack.pop() for _ in range(_taken_by(opcode, stack))]
            cell = popped[-1] if name in _FILLS and popped[-1] is not None else [0]
            cell[0] = sum(one[0] for one in popped if one is not None) + 1
            if cell[0] > _FREE + _SHARED * number:
                raise ValueError("its values hold each other so often that reading them would not end")
            stack += [cell] * len(opcode.stack_after)


def _taken_by(opcode: pickletools.OpcodeInfo, stack: list[_Cell | None]) -> int:
    """How many values it takes from the stack, a mark among them."""
    before = opcode.stack_before
    if pickletools.markobject not in before:
        return len(before)
    above = next(count for count in range(len(stack)) if stack[-1 - count] is None)
    return before.index(pickletools.markobject) + 1 + above
