"""What is torn or flipped is told from what was written."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dyninf.checksum import seal_zip, sealed, sealed_text, unsealed, unsealed_text
from dyninf.json_file import read_json, write_json
from dyninf.tensor_file import load_tensors, save_tensors

VALUES = {"names": ("a", "ä"), "figures": {3: 1e-17, "1": None}, "whole": [1, 2**60]}


def write_values(path: Path) -> None:
    write_json(path, VALUES)


def write_tensors(path: Path) -> None:
    save_tensors(path, {"weight": torch.arange(300.0), "config": {"seed": 3}})


KINDS: dict[str, tuple[Callable[[Path], None], Callable[[Path], Any]]] = {
    "json": (write_values, read_json),
    "tensors": (write_tensors, load_tensors),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The bytes of a file of each kind."""
    folder = tmp_path_factory.mktemp("whole")
    for kind, (write, _) in KINDS.items():
        write(folder / kind)
    return {kind: (folder / kind).read_bytes() for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_file_with_any_byte_flipped_or_its_end_torn_off_is_refused_or_holds_the_same(
    kind: str, whole: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    read, path = KINDS[kind][1], tmp_path_factory.getbasetemp() / "file"
    path.write_bytes(whole[kind])
    before = read(path)
    content = bytearray(whole[kind])
    where = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[where] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del content[where:]
    path.write_bytes(content)
    try:
        found = read(path)
    except ValueError:
        return
    # What was hit holds no value: a space of JSON, or the words beside a checksum.
    assert repr({name: found[name] for name in before}) == repr(before)


def test_values_come_back_as_json_has_them(tmp_path: Path) -> None:
    write_values(tmp_path / "values.json")
    assert read_json(tmp_path / "values.json") == json.loads(json.dumps(VALUES))


def test_values_without_a_checksum_are_read_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text('{"threshold": 0.5}')
    assert read_json(tmp_path / "old.json") == {"threshold": 0.5}
    assert unsealed([1]) == [1]


def test_whoever_changes_a_file_by_hand_is_told_how() -> None:
    with pytest.raises(ValueError, match="takes its sha256 entry out"):
        unsealed(sealed({"threshold": 0.5}) | {"threshold": 0.6})
    with pytest.raises(ValueError, match="takes its first line out"):
        unsealed_text(sealed_text("seed: 3\n") + "more: 1\n")


@pytest.mark.parametrize("text", ["", "seed: 3\n", "# python -m dyninf.train\nname: ä\n"])
def test_a_text_comes_back_with_or_without_a_checksum(text: str) -> None:
    assert unsealed_text(sealed_text(text)) == unsealed_text(text) == text


def test_a_sealed_file_of_tensors_is_one_for_every_reader(tmp_path: Path) -> None:
    write_tensors(tmp_path / "file.ckpt")
    content = torch.load(tmp_path / "file.ckpt", weights_only=True)
    assert content["weight"].equal(torch.arange(300.0))
    with zipfile.ZipFile(tmp_path / "file.ckpt") as opened:
        assert opened.testzip() is None
        assert opened.comment.startswith(b"dyninf sha256 ")


def test_a_file_of_tensors_without_a_checksum_is_read(tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(2)}, tmp_path / "old.ckpt")
    assert load_tensors(tmp_path / "old.ckpt")["weight"].tolist() == [1, 1]
    seal_zip(tmp_path / "old.ckpt")
    assert load_tensors(tmp_path / "old.ckpt")["weight"].tolist() == [1, 1]


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("this ran",)


def test_a_file_that_would_run_code_is_refused_and_runs_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"weight": Evil()}, tmp_path / "evil.ckpt")
    with pytest.raises(ValueError, match=r"evil\.ckpt cannot be read"):
        load_tensors(tmp_path / "evil.ckpt")
    assert capsys.readouterr().out == ""
