"""Ways to spoil an annotation file: functions of its bytes and of a random generator."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

import numpy as np

Generator = np.random.Generator
Mutation = Callable[[bytes, Generator], bytes]

NUMBERS = (
    *"-1 0 1 007 1e9 1.5 NaN Infinity ² ٣ 4294967296 18446744073709551616 1_000 +5 0x10".split(),
    "9" * 400,
    "9" * 5000,
    "-" + "9" * 5000,
)
PATHS = (
    "../../../../etc/passwd",
    "/etc/passwd",
    "/dev/zero",
    "/",
    ".",
    "..",
    "~",
    "a/" * 3000 + "b",
    "x" * 300,
    "x" * 5000,
    "con:",
    "a\\b",
    "*",
    "%s%n{0}",
    "-rf",
    "video\t.mp4",
)
LETTERS = (
    "\0",
    "\x1b[31m",
    "\x0b",
    "\x1c",
    "\x85",
    "\u2028",
    "\u202e",
    "\ufeff",
    "\ufffe",
    "é",
    "e\u0301",
    "🎬",
    "\x7f",
    "\ud800",
)
"""Control characters, line separators of Unicode, letters in two forms, and half of a pair of surrogates."""
ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252", "utf-7", "cp037")


def bit_flips(data: bytes, random: Generator) -> bytes:
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    bits[random.integers(0, len(bits), 2 ** random.integers(0, 6))] ^= 1
    return np.packbits(bits).tobytes()


def bytes_changed(data: bytes, random: Generator) -> bytes:
    """Bytes overwritten, missing or too many."""
    at, length = int(random.integers(0, len(data))), int(2 ** random.integers(0, 7))
    put = _either(random, (b"", random.bytes(length), bytes(length), b"\xff" * length))
    return data[:at] + put + data[at + int(random.integers(0, 2)) * length :]


def truncation(data: bytes, random: Generator) -> bytes:
    return data[: random.integers(0, len(data))]


def lines_changed(data: bytes, random: Generator) -> bytes:
    """Lines doubled, missing, in another order, joined, empty or blank."""
    lines = data.split(b"\n")
    at, other = (int(number) for number in random.integers(0, len(lines), 2))
    lines[at:at] = _either(random, ([lines[other]], [], [b""], [b" \t"], [lines[at] + lines[other]], [b"#"]))
    if random.random() < 0.5:
        del lines[other]
    if random.random() < 0.3:
        random.shuffle(lines)
    return _either(random, (b"\n", b"\r\n", b"\r")).join(lines)


def many_lines(data: bytes, random: Generator) -> bytes:
    """A line, or the file, again and again; numbered, so that no two are alike, or not."""
    lines = data.split(b"\n")
    line, times = _either(random, lines), int(_either(random, (1000, 60_000)))
    numbered = random.random() < 0.5
    return data + b"\n".join(line + (str(n).encode() if numbered else b"") for n in range(times))


def tokens_changed(data: bytes, random: Generator) -> bytes:
    """Words and what parts them doubled, missing or in another order."""
    tokens = re.split(rb"([\s,;:/\"{}\[\]]+)", data)
    for _ in range(random.integers(1, 5)):
        at, other = (int(number) for number in random.integers(0, len(tokens), 2))
        change = int(random.integers(0, 3))
        if change == 0:
            tokens[at], tokens[other] = tokens[other], tokens[at]
        elif change == 1:
            tokens[at] = b""
        else:
            tokens[at] *= 2
    return b"".join(tokens)


def other_numbers(data: bytes, random: Generator) -> bytes:
    return _replaced(data, rb"\d+", NUMBERS, random)


def other_paths(data: bytes, random: Generator) -> bytes:
    return _replaced(data, rb"[\w./()-]{2,}", PATHS, random)


def other_letters(data: bytes, random: Generator) -> bytes:
    """Letters that few expect, put in between; a half of a pair in the three bytes that it would have."""
    for _ in range(random.integers(1, 5)):
        at = int(random.integers(0, len(data) + 1))
        data = data[:at] + _either(random, LETTERS).encode("utf-8", "surrogatepass") + data[at:]
    return data


def escapes(data: bytes, random: Generator) -> bytes:
    """JSON's escapes of the same letters, which mean nothing elsewhere."""
    for _ in range(random.integers(1, 5)):
        at = int(random.integers(0, len(data) + 1))
        data = data[:at] + json.dumps(_either(random, (*LETTERS, "\n", "/", '"')))[1:-1].encode() + data[at:]
    return data


def other_encodings(data: bytes, random: Generator) -> bytes:
    text = data.decode().replace("e", "é", int(random.integers(0, 3)))
    return text.encode(_either(random, ENCODINGS))


def long_runs(data: bytes, random: Generator) -> bytes:
    """One character very often: in a line, which then is long, or in a place that parts fields."""
    run = _either(random, (b" ", b"\t", b",", b";", b"0", b"9", b"a", b"/", b'"', b"[", b".avi ", b"a 1 "))
    places = [0, len(data), *(match.start() for match in re.finditer(rb"[\s,;/]", data))]
    at = int(_either(random, places))
    return data[:at] + run * int(_either(random, (300, 20_000, 300_000))) + data[at:]


def nested(data: bytes, random: Generator) -> bytes:
    """Values inside of values inside of values, thousands of them, or of a kind that is not expected."""
    depth = int(_either(random, (3, 900, 5000, 200_000)))
    begin, end = _either(random, (("[", "]"), ('{"id":', "}"), ('[{"template":', "}]")))
    deep = (begin * depth + "0" + end * depth).encode()
    kinds = (
        deep,
        b"null",
        b"true",
        b"1e400",
        b"-0",
        b'"x"',
        b"[]",
        b"{}",
        b"9" * 5000,
        b'"' + b"x" * 5000 + b'"',
    )
    value = deep if random.random() < 0.5 else _either(random, kinds)
    values = [match.span() for match in re.finditer(rb'"[^"]*"|\d+', data)] or [(0, len(data))]
    first, last = _either(random, [*values, (0, len(data))])
    return data[:first] + value + data[last:]


def noise(data: bytes, random: Generator) -> bytes:
    """No text at all, or nothing."""
    return _either(random, (b"", b"\n" * 50, bytes(4096), random.bytes(4096), data[:40] + random.bytes(400)))


MUTATIONS: dict[str, Mutation] = {
    "bit flips": bit_flips,
    "bytes changed": bytes_changed,
    "truncation": truncation,
    "lines changed": lines_changed,
    "many lines": many_lines,
    "tokens changed": tokens_changed,
    "other numbers": other_numbers,
    "other paths": other_paths,
    "other letters": other_letters,
    "escapes": escapes,
    "other encodings": other_encodings,
    "long runs": long_runs,
    "nested values": nested,
    "noise": noise,
}


def _either(random: Generator, choices: Sequence):
    return choices[int(random.integers(0, len(choices)))]


def _replaced(data: bytes, pattern: bytes, texts: Sequence[str], random: Generator) -> bytes:
    """One match of a pattern, or each, becomes one of the texts."""
    matches = list(re.finditer(pattern, data))
    if not matches:
        return data
    text = _either(random, texts).encode()
    if random.random() < 0.2:
        return re.sub(pattern, lambda _: text, data)
    match = _either(random, matches)
    return data[: match.start()] + text + data[match.end() :]
