"""Each place where a file is read gets files that do harm: nothing runs, and one line says what is wrong."""

import itertools
import json
import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from safetensors.torch import save_file
from tests.data import published
from tests.end_to_end.bad import assert_refused
from tests.end_to_end.commands import forked
from tests.evil import ARRAY, COMMAND, JSON, TEXT, TORCH, WORDS, YAML, Spoil, doubled
from tests.files import held_in
from tests.networks import require_extra
from tests.report.test_runs_report import make_run
from tests.schemes.test_interruptions import fit, trainer_of
from tests.trace.traces import random_trace

from dyninf import checkpoint_file
from dyninf.backbones import read_weights
from dyninf.checksum import sha256_of
from dyninf.cli import is_for_the_user, one_line
from dyninf.configuration import load_group
from dyninf.data import HMDB51, UCF101, Kinetics400, SomethingV1, SomethingV2, Synthetic, VideoFolder
from dyninf.policies import MaxProbability
from dyninf.report.epoch_table import EpochTable
from dyninf.report.prediction_files import FileRows
from dyninf.report.runs import read_run
from dyninf.runtime import choose
from dyninf.runtime.exported.criteria import Criterion
from dyninf.runtime.exported.manifest import ExportedCheckpoint, ExportedSegment, Manifest, Preprocessing
from dyninf.runtime.exported.network import load
from dyninf.tensor_file import load_tensors, save_tensors
from dyninf.trace import FittedPolicy, Milliseconds, Trace

SECONDS = 60
MEGABYTES = 100

Read = Callable[[Path], object]
"""Of the file, as a command reads it."""

SIZES: dict[str, Any] = {"num_frames": 2, "batch_size": 2, "num_workers": 0, "resize": 40, "crop": 32}


def listed(module: type[Any], depth: int = 0, **settings: Any) -> Read:
    """Reads the annotation files of a data set whose folder lies `depth` above the file's."""
    return lambda path: module([path.parent, *path.parents[1:]][depth], **settings, **SIZES).videos("train")


def export(folder: Path, digest: str = "0" * 64) -> Manifest:
    segment = ExportedSegment("0.onnx", digest, (0,), (1,), {"frames.1": (1, 3, 8, 8)}, ("logits",), ())
    manifest = Manifest(
        *("net", "0123456789abcdef", "0.1.0", ("a", "b"), 1, ((0,),), False),
        Preprocessing("segment", 1, 8, 8, 8, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2)),
        (ExportedCheckpoint("1f-res5", 1e6),),
        (segment,),
    )
    manifest.save(folder)
    return manifest


def remembered(path: Path) -> object:
    return choose._read(path)


def drawn(path: Path) -> object:
    """The data set whose manifest `path` holds: its folder is there, and so is not drawn."""
    module = Synthetic(path.parent / "drawn", 1, 1, num_frames=2)
    module.folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, module.folder / "manifest.csv")
    return module.videos("train")


def excluding(path: Path) -> object:
    module = VideoFolder(path.parent / "videos", exclude=path, **SIZES)
    return module.videos("train")


def rows_of(path: Path) -> object:
    rows = FileRows(path)
    rows.close()
    return rows.done


PLACES: dict[str, tuple[dict[str, Spoil], str, Read]] = {
    "checkpoint": (TORCH, "checkpoints/best.ckpt", lambda path: checkpoint_file.read(path).network()),
    "network's weights": (TORCH, "checkpoints/best.ckpt", checkpoint_file.network_weights),
    "weights .pth": (TORCH, "weights.pth", read_weights),
    "weights .pt": (TORCH, "weights.pt", read_weights),
    "weights .ckpt": (TORCH, "weights.ckpt", read_weights),
    "weights .tar": (TORCH, "weights.pth.tar", read_weights),
    "weights .safetensors": (TORCH, "weights.safetensors", read_weights),
    "tensors": (TORCH, "state.pt", load_tensors),
    "policy": (JSON, "policy.json", FittedPolicy.load),
    "milliseconds": (JSON, "milliseconds.json", Milliseconds.load),
    "trace.json": (JSON, "trace/trace.json", lambda path: Trace.load(path.parent)),
    "logits.npy": (ARRAY, "trace/logits.npy", lambda path: Trace.load(path.parent)),
    "gates.npy": (ARRAY, "trace/gates.npy", lambda path: Trace.load(path.parent)),
    "videos.csv": (TEXT, "trace/videos.csv", lambda path: Trace.load(path.parent)),
    "summary.json": (JSON, "run/summary.json", lambda path: read_run(path.parent, path.name)),
    "config.yaml": (YAML, "run/config.yaml", lambda path: read_run(path.parent, path.name)),
    "manifest.json": (JSON, "exported/manifest.json", lambda path: Manifest.load(path.parent)),
    "exported policy": (
        JSON,
        "exported/policy.json",
        lambda path: Criterion.load(path.parent, Manifest.load(path.parent)),
    ),
    "engine choice": (JSON, "engines/0.json", remembered),
    "predictions .jsonl": (WORDS, "predictions.jsonl", rows_of),
    "predictions .csv": (WORDS, "predictions.csv", rows_of),
    "metrics.csv": (TEXT, "metrics.csv", EpochTable),
    "drawn manifest": (TEXT, "manifest.csv", drawn),
    "exclude": (WORDS, "exclude.txt", excluding),
    "Kinetics CSV": (TEXT, "kinetics400/train.csv", listed(Kinetics400)),
    "UCF-101 list": (TEXT, "ucf101/ucfTrainTestlist/trainlist01.txt", listed(UCF101, 1)),
    "UCF-101 classes": (TEXT, "ucf101/ucfTrainTestlist/classInd.txt", listed(UCF101, 1)),
    "HMDB-51 list": (
        TEXT,
        "hmdb51/testTrainMulti_7030_splits/wave_test_split1.txt",
        listed(HMDB51, 1),
    ),
    "Something v1 CSV": (TEXT, "something_v1/something-something-v1-train.csv", listed(SomethingV1)),
    "Something v2 labels": (WORDS, "something_v2/labels.json", listed(SomethingV2)),
    "Something v2 train": (WORDS, "something_v2/train.json", listed(SomethingV2)),
}
CASES = [(place, evil) for place, (evils, _, _) in PLACES.items() for evil in evils]


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that has the file of every place, as it should be."""
    folder = tmp_path_factory.mktemp("originals")
    trace = random_trace(6, 3, classes=4, gates=True)
    trace.save(folder / "trace")
    policy = FittedPolicy.of(MaxProbability(0.5), trace)
    policy.save(folder / "policy.json")
    costs = tuple(trace.macs_K.tolist())
    Milliseconds("net", trace.info.checkpoints, costs, (1.0, 2.0, 3.0), "a device", 3).save(
        folder / "milliseconds.json"
    )
    make_run(folder / "run")
    manifest = export(folder / "exported")
    exported = held_in(folder / "policy.json") | {
        "network": manifest.network,
        "fingerprint": manifest.fingerprint,
        "checkpoints": ["1f-res5"],
        "arguments": {"temperature": 1.5},
    }
    (folder / "exported/policy.json").write_text(json.dumps(exported))
    choice = {"engine": "eager", "milliseconds": {"eager": 1.0}, "failed": {}, "seconds": 2.0}
    (folder / "engines").mkdir()
    (folder / "engines/0.json").write_text(json.dumps(choice))
    (folder / "predictions.jsonl").write_text('{"path": "a.mp4", "window": null, "error": null}\n')
    FileRows(folder / "predictions.csv").close()
    (folder / "metrics.csv").write_text("epoch,step,loss\n0,1,0.5\n")
    (folder / "manifest.csv").write_text("path,split,label,video_id\na/0.mp4,train,0,a\n")
    content = checkpoint(network_config())
    (folder / "checkpoints").mkdir()
    torch.save(content, folder / "checkpoints/best.ckpt")
    for name in ("weights.pth", "weights.pt", "weights.ckpt", "weights.pth.tar", "state.pt"):
        torch.save(content, folder / name)
    save_file({"x": torch.zeros(2)}, folder / "weights.safetensors")
    for name in ("kinetics400", "ucf101", "hmdb51", "something_v1", "something_v2"):
        published.MAKERS[name](folder / name, per_class=2, test_per_class=1, frames=2)
    for number, (split, name) in enumerate(itertools.product(("train", "test"), 3 * ("a", "b"))):
        video = folder / "videos" / split / name / f"{number}.mp4"
        video.parent.mkdir(parents=True, exist_ok=True)
        video.touch()
    (folder / "exclude.txt").write_text("train/a/0.mp4\n")
    return folder


def network_config() -> dict[str, Any]:
    backbone = {**load_group("backbone", "resnet_small"), "width": 8}
    config = {
        "backbone": backbone,
        "scheme": load_group("scheme", "joint").scheme,
        "dataset": {"_target_": "dyninf.data.Synthetic", "num_frames": 4},
    }
    made: Any = OmegaConf.to_container(OmegaConf.create(config))
    return dict(made)


def checkpoint(config: dict[str, Any], **facts: Any) -> dict[str, Any]:
    """What a file of a run holds, by its config."""
    network = checkpoint_file.make_network(OmegaConf.create(network_config()), 2)
    state = {f"{checkpoint_file.PREFIX}{name}": tensor for name, tensor in network.state_dict().items()}
    return {
        "state_dict": state,
        checkpoint_file.SAVED_KEY: {"config": config, "classes": ["a", "b"]} | facts,
    }


@pytest.fixture(autouse=True)
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails where code ran, a file lies outside, the memory was flooded or reading took too long."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def give_up(*_: object) -> None:
        raise BaseException(f"more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(SECONDS)
    started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - started < MEGABYTES * 1024
    assert list((tmp_path / "here").iterdir()) == []
    assert not (tmp_path / "escaped").exists()
    assert not Path("/tmp/escaped").exists()


def refusal(read: Read, path: Path) -> str:
    """The one line that reading ends with."""
    with pytest.raises((ValueError, OSError)) as caught:
        read(path)
    assert is_for_the_user(caught.value)
    line = one_line(caught.value, "evaluate")
    assert line.isprintable(), line
    assert len(line) < 600 + 2 * len(str(path)), line
    return line


@pytest.mark.parametrize("place", PLACES)
def test_the_file_as_it_should_be_is_read(place: str, originals: Path, tmp_path: Path) -> None:
    _, name, read = PLACES[place]
    assert read(shutil.copytree(originals, tmp_path / "copy", symlinks=True) / name) is not None


@pytest.mark.parametrize(("place", "evil"), CASES, ids=[f"{place}: {evil}" for place, evil in CASES])
def test_a_hostile_file_is_refused_with_its_name(
    place: str, evil: str, originals: Path, tmp_path: Path
) -> None:
    evils, name, read = PLACES[place]
    top, *_ = Path(name).parts
    if (originals / top).is_dir():
        shutil.copytree(originals / top, tmp_path / top)
    (tmp_path / "videos").symlink_to(originals / "videos")
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(evils[evil]((originals / name).read_bytes()))
    said = refusal(read, path)
    assert path.name in said or path.parent.name in said, said


def looped() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("group", "changes", "words"),
    [
        ("dataset", {"root": looped()}, "has values more than 40 deep at dataset.root"),
        ("dataset", {"root": COMMAND}, "at dataset.root._target_, where nothing is made by a name"),
        ("scheme", {"checkpoints": doubled(8)}, "has a config that"),
        ("more", {"seen": looped()}, "has values more than 40 deep at more.seen"),
        ("backbone", {"_target_": "os.system"}, "which is no Backbone of dyninf"),
        ("backbone", {"_partial_": True}, "at backbone._partial_"),
        ("backbone", {"name": "${oc.env:HOME}"}, "saved configs have plain values"),
        ("backbone", {"width": 10**6}, "of another architecture"),
    ],
)
def test_a_checkpoint_with_a_hostile_config_is_refused(
    group: str, changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    config = network_config()
    path = tmp_path / "evil.ckpt"
    torch.save(checkpoint(config | {group: config.get(group, {}) | changes}), path)
    assert words in refusal(lambda path: checkpoint_file.read(path).network(), path)


def test_weights_of_few_numbers_make_no_large_network(tmp_path: Path) -> None:
    """Views of one number have the shapes of a network of many gigabytes."""
    config = network_config()
    config["backbone"]["width"] = 1 << 14
    with torch.device("meta"):
        shapes = checkpoint_file.make_network(OmegaConf.create(config), 2).state_dict()
    state = {
        f"{checkpoint_file.PREFIX}{name}": torch.zeros((), dtype=tensor.dtype).expand(tensor.shape)
        for name, tensor in shapes.items()
    }
    path = tmp_path / "wide.ckpt"
    torch.save(checkpoint(config) | {"state_dict": state}, path)
    said = refusal(lambda path: checkpoint_file.read(path).network(), path)
    assert "wide.ckpt is damaged: it does not hold all numbers of network." in said or "conv" in said


def run_whose_best_epoch_is(named: str, folder: Path) -> Path:
    """The last.ckpt of a training of one epoch, which is to remove `named` at the next one."""
    fit(trainer_of(folder, max_epochs=1), folder)
    content = load_tensors(folder / "last.ckpt")
    [state] = [each for each in content["callbacks"].values() if "best_k_models" in each]
    path, worst = f"{state['dirpath']}/{named}", torch.tensor(torch.inf)
    state |= {"best_k_models": {path: worst}, "kth_best_model_path": path, "kth_value": worst}
    save_tensors(folder / "last.ckpt", content)
    return folder / "last.ckpt"


@pytest.mark.filterwarnings("ignore:.*")
def test_a_run_whose_best_epoch_lies_outside_its_folder_does_not_go_on(tmp_path: Path) -> None:
    last = run_whose_best_epoch_is("../victim", tmp_path / "run")
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim/file").touch()
    assert "victim' as the file of a best epoch, which is not in " in refusal(
        lambda path: fit(trainer_of(path.parent), path.parent), last
    )
    assert (tmp_path / "victim/file").exists()


@pytest.mark.filterwarnings("ignore:.*")
def test_a_run_that_goes_on_removes_no_folder(tmp_path: Path) -> None:
    last = run_whose_best_epoch_is("inner", tmp_path / "run")
    (tmp_path / "run/inner").mkdir()
    (tmp_path / "run/inner/file").touch()
    fit(trainer_of(last.parent), last.parent)
    assert (tmp_path / "run/inner/file").exists()


@pytest.mark.parametrize(
    ("target", "model", "arguments"),
    [
        ("torchvision_backbone", "mobilenet_v2", {"weights": "DEFAULT"}),
        ("timm_backbone", "resnet18", {"checkpoint_path": "evil.pth"}),
        ("timm_backbone", "resnet18", {"pretrained_cfg": {"file": "evil.pth"}}),
    ],
)
def test_a_config_cannot_have_another_package_read_a_file(
    target: str, model: str, arguments: dict[str, Any], tmp_path: Path
) -> None:
    if target == "timm_backbone":
        require_extra("timm_mobilenetv3_small")
    (tmp_path / "evil.pth").write_bytes(TORCH["a file of torch that runs code"](b""))
    config = network_config()
    config["backbone"] = {
        "_target_": f"dyninf.backbones.{target}",
        "name": "evil",
        "model": model,
        "arguments": arguments,
        "cuts": [],
        "shift_at": [],
    }
    path = tmp_path / "evil.ckpt"
    torch.save(checkpoint(config), path)
    said = refusal(lambda path: checkpoint_file.read(path).network(), path)
    assert "dyninf downloads nothing" in said


def test_a_graph_cannot_read_a_file_outside_its_folder(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    (tmp_path / "secret").write_bytes(bytes(16))
    weight = onnx.TensorProto(name="w", data_type=1, dims=[4], data_location=onnx.TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value="../secret")
    values = [onnx.helper.make_tensor_value_info(name, 1, [4]) for name in ("frames.1", "logits")]
    add = onnx.helper.make_node("Add", ["frames.1", "w"], ["logits"])
    graph = onnx.helper.make_graph([add], "evil", values[:1], values[1:], [weight])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    path = tmp_path / "exported/0.onnx"
    path.parent.mkdir()
    path.write_bytes(model.SerializeToString())
    export(path.parent, sha256_of(path))
    policy = {"criterion": "MaxProbability", "arguments": {}, "threshold": 0.5, "checkpoints": ["1f-res5"]}
    (path.parent / "policy.json").write_text(json.dumps(policy | {"fingerprint": "0123456789abcdef"}))
    assert "0.onnx is no graph that onnxruntime runs" in refusal(lambda _: load(path.parent), path)


def test_commands_say_one_line_of_a_hostile_file_and_run_nothing(tmp_path: Path) -> None:
    path = tmp_path / "evil.ckpt"
    path.write_bytes(TORCH["a file of torch that runs code"](b""))
    here = tmp_path / "cwd"
    here.mkdir()
    for name in ("predict", "serve", "export"):
        more = ["source=x.mp4"] if name == "predict" else []
        done = forked(name, f"checkpoint={path}", *more, cwd=here, logs=tmp_path / "logs")
        assert_refused(done, name, here, "evil.ckpt cannot be read")
