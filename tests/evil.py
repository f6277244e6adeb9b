"""Files that are made to do harm where they are read: run code, fill the memory, never end, or lie."""

import io
import json
import os
import pickle
import re
import zipfile
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch

MARKER = "made by a file"
"""A folder that is there, in the working directory, once a file has run what it names."""
DEEP = 100_000
BOMB = 300_000_000  # bytes

Spoil = Callable[[bytes], bytes]


class Intruder:
    """What Python's own reader of pickles makes a folder for."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (MARKER,)


def doubled(times: int, kind: type[list] | type[tuple] = tuple) -> Any:
    """A value of 2 to the power of `times` values, of which few are made."""
    value: Any = kind((0, 1))
    for _ in range(times):
        value = kind((value, value))
    return value


def saved(content: Any, **options: Any) -> bytes:
    """What `torch.save` writes."""
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


def _laughing_name() -> bytes:
    """A pickle of a dict whose one key is a tuple that would take ages to hash."""
    pair, again = b"K\x00K\x01\x86q\x00", b"h\x00\x86q\x00"
    return b"\x80\x02}" + pair + 60 * again + b"K\x01s."


def _pickled(content: Any) -> bytes:
    """The pickle in what `torch.save` writes."""
    with zipfile.ZipFile(io.BytesIO(saved(content))) as archive:
        return archive.read("archive/data.pkl")


def repacked(data: bytes, more: tuple[tuple[str, bytes], ...] = (), compression: int = 0) -> bytes:
    """A zip with the same entries, and some more or in their place."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(written, "w", compression) as new:
        for name, content in ({name: old.read(name) for name in old.namelist()} | dict(more)).items():
            new.writestr(name, content)
    return written.getvalue()


def _script(data: bytes) -> bytes:
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(torch.nn.Linear(1, 1), torch.zeros(1)), file)
    return file.getvalue()


def _head(shape: str, kind: str = "'<f4'") -> Spoil:
    text = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return lambda data: b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text.encode() + b"\0" * 64


def _array(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _archive(data: bytes) -> bytes:
    return _bomb("logits.npy", BOMB)


@cache
def _bomb(name: str, size: int, *others: tuple[str, bytes]) -> bytes:
    """A small zip with an entry of so many bytes, which takes no memory to make."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for other, content in others:
            archive.writestr(other, content)
        with archive.open(name, "w") as entry:
            for _ in range(0, size, 1 << 20):
                entry.write(bytes(1 << 20))
    return written.getvalue()


def numbers(text: str) -> Spoil:
    """Every number of a text is another one."""
    return lambda data: re.sub(rb"(?<![\w\"-])-?\d+(\.\d+)?(e[+-]?\d+)?\b(?!\")", text.encode(), data)


COMMAND = {"_target_": "os.mkdir", "_args_": [MARKER]}
CODE: dict[str, Spoil] = {
    "a pickle that runs code": lambda data: pickle.dumps(Intruder()),
    "an old pickle that runs code": lambda data: pickle.dumps([Intruder()], protocol=0),
    "a zip of paths that lead out": lambda data: repacked(
        saved({}), (("../../escaped", b"x"), ("/tmp/escaped", b"x"))
    ),
    "bytes": lambda data: bytes(range(256)) * 8,
}
TORCH: dict[str, Spoil] = {
    **CODE,
    "a file of torch that runs code": lambda data: saved({"state_dict": Intruder()}),
    "an old file of torch that runs code": lambda data: saved(
        {"state_dict": Intruder()}, _use_new_zipfile_serialization=False
    ),
    "a script": _script,
    "tensors that are compressed": lambda data: _bomb(
        "archive/data/0", BOMB, ("archive/data.pkl", _pickled({"state_dict": {"x": torch.zeros(2)}}))
    ),
    "a name without end": lambda data: repacked(saved({}), (("archive/data.pkl", _laughing_name()),)),
    "an old name without end": lambda data: _laughing_name(),
    "values without end": lambda data: saved({"state_dict": {}, "dyninf": doubled(60)}),
    "lists without end": lambda data: saved({"state_dict": {}, "dyninf": doubled(60, list)}),
    "old values without end": lambda data: saved(
        {"state_dict": {}, "dyninf": doubled(60)}, _use_new_zipfile_serialization=False
    ),
}
WORDS: dict[str, Spoil] = {
    **CODE,
    "a command": lambda data: json.dumps(COMMAND).encode(),
    "tags of Python": lambda data: f"!!python/object/apply:os.mkdir ['{MARKER}']".encode(),
    "deep lists": lambda data: b"[" * DEEP + b"]" * DEEP,
    "deep names": lambda data: b'{"a":' * DEEP + b"0" + b"}" * DEEP,
}
JSON: dict[str, Spoil] = {
    **WORDS,
    "a digit too many": numbers("9" * 5000),
    "not a number": numbers("NaN"),
    "infinity": numbers("-Infinity"),
    "beyond all numbers": numbers("1e999"),
}
YAML: dict[str, Spoil] = {
    **CODE,
    "an object": lambda data: data + f"\nmore: !!python/object/apply:os.mkdir ['{MARKER}']\n".encode(),
    "a name": lambda data: data + b"\nmore: !!python/name:os.mkdir\n",
    "a module": lambda data: data + b"\nmore: !!python/module:antigravity\n",
    "laughs": lambda data: (
        data
        + b"\na0: &a0 {x: 1}\n"
        + b"".join(b"a%d: &a%d {x: *a%d, y: *a%d}\n" % (n, n, n - 1, n - 1) for n in range(1, 40))
    ),
    "a loop": lambda data: data + b"\nmore: &more {more: *more}\n",
    "deep lists": lambda data: data + b"\nmore: " + b"[" * 800 + b"]" * 800,
}
ARRAY: dict[str, Spoil] = {
    **CODE,
    "objects": lambda data: _array(np.array([Intruder()], dtype=object)),
    "a huge shape": _head(f"({1 << 40}, {1 << 20})"),
    "a shape beyond all numbers": _head(f"({1 << 62}, {1 << 62})"),
    "less than nothing": _head("(-16,)"),
    "a head that runs code": _head(f"(__import__('os').mkdir('{MARKER}'),)"),
    "a type that runs code": _head("(16,)", f"__import__('os').mkdir('{MARKER}')"),
    "a deep head": _head("(" * 900 + ")" * 900),
    "a packed archive": _archive,
    "another kind of number": lambda data: _array(np.zeros(7, dtype=complex)),
}
TEXT: dict[str, Spoil] = {
    **CODE,
    "a command": lambda data: json.dumps(COMMAND).encode(),
    "tags of Python": lambda data: f"!!python/object/apply:os.mkdir ['{MARKER}']\n".encode(),
    "deep lists": lambda data: b"[" * DEEP + b"]" * DEEP,
    "a field without end": lambda data: data + b'"' + b"x" * 300_000,
    "a digit too many": numbers("9" * 5000),
}
