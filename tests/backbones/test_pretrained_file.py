"""Files of weights: every format and wrapping gives the same tensors, and none runs code."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tests.backbones.originals import randomise
from torch import Tensor

import dyninf
from dyninf.backbones import read_weights


def weights_of(num_classes: int = 5) -> dict[str, Tensor]:
    network = randomise(dyninf.build_network("resnet_small", "joint", num_classes, 8, width=8, head_width=8))
    return {name: value.contiguous() for name, value in network.backbone.state_dict().items()}


def save_legacy(content: object, path: Path) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=False)


Save = Callable[[dict, Path], None]
FORMATS: list[tuple[str, Save]] = [
    ("weights.pth", torch.save),
    ("weights.pt", save_legacy),  # as before PyTorch 1.6; TSM's files are such
    ("best.pth.tar", torch.save),
    ("last.ckpt", torch.save),
    ("WEIGHTS.PTH", torch.save),
    ("model.safetensors", save_file),
]


@pytest.mark.parametrize("name, save", FORMATS)
def test_every_format_gives_the_same_weights(name: str, save: Save, tmp_path: Path) -> None:
    weights = weights_of()
    save(weights, tmp_path / name)
    found = read_weights(tmp_path / name)
    assert found.path == tmp_path / name
    assert found.tensors.keys() == weights.keys()
    assert all(found.tensors[key].equal(weights[key]) for key in weights)
    network = dyninf.build_network(
        "resnet_small", "joint", 5, 8, width=8, head_width=8, pretrained=tmp_path / name
    )
    assert all(value.equal(weights[key]) for key, value in network.backbone.state_dict().items())


@pytest.mark.parametrize(
    "wrap",
    [
        lambda weights: {"state_dict": weights, "epoch": 3, "optimizer": {"state": {}}},
        lambda weights: {"model": weights, "args": None},
        lambda weights: {"model": {"state_dict": weights}},
    ],
)
def test_weights_are_found_under_the_entries_that_others_use(
    wrap: Callable[[dict], dict], tmp_path: Path
) -> None:
    weights = weights_of()
    torch.save(wrap(weights), tmp_path / "weights.pth")
    assert read_weights(tmp_path / "weights.pth").tensors.keys() == weights.keys()


@pytest.mark.parametrize(
    "notes, classes",
    [
        ({}, None),
        ({"dyninf": {"classes": ["a", "b"]}}, ("a", "b")),
        ({"dyninf": {}}, None),
        ({"dyninf": 1}, None),
    ],
)
def test_the_classes_are_those_that_a_run_of_dyninf_notes(
    notes: dict, classes: tuple[str, ...] | None, tmp_path: Path
) -> None:
    torch.save({"state_dict": weights_of(), **notes}, tmp_path / "best.ckpt")
    assert read_weights(tmp_path / "best.ckpt").classes == classes


def test_what_is_no_tensor_is_passed_over(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "conv.weight": torch.zeros(2)}, tmp_path / "weights.pth")
    assert list(read_weights(tmp_path / "weights.pth").tensors) == ["conv.weight"]


class Intruder:
    """Unpickled by Python's own reader, it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def save_pickle(content: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(content, protocol=2))


def unpickle(path: Path) -> None:
    pickle.loads(path.read_bytes())


@pytest.mark.parametrize(
    "save, careless",
    [
        (torch.save, lambda path: torch.load(path, weights_only=False)),
        (save_legacy, lambda path: torch.load(path, weights_only=False)),
        (save_pickle, unpickle),
    ],
)
def test_a_file_that_would_run_code_is_refused_and_does_not(
    save: Save, careless: Callable[[Path], object], tmp_path: Path
) -> None:
    file, made = tmp_path / "weights.pth", tmp_path / "made"
    save({"arch": Intruder(made), "epoch": 3}, file)
    with pytest.raises(ValueError, match=rf"{file} is refused: reading it would run code \(\w+\.mkdir\)"):
        read_weights(file)
    assert not made.exists()
    careless(file)
    assert made.exists()  # the file is what it is said to be


def test_a_whole_module_is_refused_with_what_would_be_right(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "weights.pth")
    with pytest.raises(
        ValueError, match=r"run code \(torch.nn.modules.linear.Linear\); .*torch.save of a state"
    ):
        read_weights(tmp_path / "weights.pth")


@pytest.mark.parametrize("share", [0, 0.001, 0.1, 0.5, 0.999])
@pytest.mark.parametrize("name, save", FORMATS)
def test_a_truncated_file_is_named(name: str, save: Save, share: float, tmp_path: Path) -> None:
    file = tmp_path / name
    save(weights_of(), file)
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=f"{file} cannot be read: it is damaged or incomplete") as caught:
        read_weights(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_a_text_is_no_file_of_weights(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("version https://example.org/spec\n")
    with pytest.raises(ValueError, match=r"damaged or incomplete, or no (PyTorch|safetensors) file"):
        read_weights(tmp_path / name)


@pytest.mark.parametrize("content", [{}, {"epoch": 4}, [torch.zeros(2)], torch.zeros(2), {"state_dict": {}}])
def test_a_file_without_tensors_by_name_is_named(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(
        ValueError, match=r"weights\.pth holds no tensors by name, .* under state_dict or model"
    ):
        read_weights(tmp_path / "weights.pth")


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    (tmp_path / "folder.pth").mkdir()
    for name in ("nowhere.pth", "folder.pth", "nowhere.safetensors"):
        with pytest.raises(FileNotFoundError, match=f"no weights at {tmp_path / name}"):
            read_weights(tmp_path / name)


@pytest.mark.parametrize("name", ["weights.onnx", "weights", "weights.npz"])
def test_a_file_of_another_kind_is_answered_with_those_there_are(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    with pytest.raises(ValueError, match=r"end in \.pth, \.pt, \.ckpt, \.tar, \.safetensors"):
        read_weights(tmp_path / name)
