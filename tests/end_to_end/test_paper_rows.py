"""Each "Proposed" row of the paper's tables is one command, which trains on the data set's own format."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from experiments.paper_tables.published import Published, published
from tests.end_to_end.commands import Finished

from dyninf.configuration import CONF
from dyninf.trace import Trace

ROWS = {row.experiment: row for row in published() if not row.full}
TRAINED = (  # every data set and every backbone; test_configs composes the other rows
    "kinetics400_resnet101",
    "ucf101_msdnet38",
    "hmdb51_resnet50",
    "something_v1_resnet50",
    "something_v2_resnet50",
)
STEP = [  # one training step and one validation step, of frames so small that the whole network is quick
    "trainer.max_epochs=1",
    "trainer.limit_train_batches=1",
    "trainer.limit_val_batches=1",
    "trainer.log_every_n_steps=1",
    "trainer.enable_progress_bar=false",
    "callbacks=quiet",
    "callbacks.checkpoint=null",  # hundreds of MB for the larger networks
    "callbacks.last=null",
    "dataset.batch_size=2",
    "dataset.num_workers=0",
    "dataset.resize=40",
    "dataset.crop=32",
]


def header_of(experiment: str) -> str:
    return (CONF / "experiment" / f"{experiment}.yaml").read_text().split("defaults:")[0]


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_rows_header_has_its_command_and_the_published_figures(row: Published) -> None:
    header = header_of(row.experiment)
    command = f"# python -m dyninf.train experiment={row.experiment} dataset.root=DIR pretrained=PATH\n"
    assert header.count(command) == 1
    expected = re.search(r"Expected \(published, not run here\): (.*)", header)
    assert expected is not None
    figures = [f"{row.top1} % top-1", f"at {row.gmacs:g} GMACs a video on average"]
    figures += [f"{row.top5} % top-5"] if row.top5 else []
    figures += [f"{row.params_m:g} M parameters"] if row.params_m else []
    assert all(figure in expected[1] for figure in figures)


def test_the_row_of_full_inference_is_in_the_header_of_its_training() -> None:
    (full,) = (row for row in published() if row.full)
    assert f"{full.top1} % top-1 at {full.gmacs:g} GMACs" in header_of(full.experiment)


def test_every_data_set_and_every_backbone_is_trained_once() -> None:
    for part in ("dataset", "backbone"):
        assert {getattr(ROWS[name], part) for name in TRAINED} == {
            getattr(row, part) for row in ROWS.values()
        }


@pytest.mark.parametrize("row", [ROWS[name] for name in TRAINED], ids=TRAINED)
def test_a_rows_command_trains_validates_and_tests(
    row: Published, published_root: Callable[[str], Path], command: Callable[..., Finished], here: Path
) -> None:
    root = published_root(row.dataset)
    command("train", f"experiment={row.experiment}", f"dataset.root={root}", *STEP, "output=run").check()
    (metrics,) = here.glob("run/logs/version_*/metrics.csv")
    columns = metrics.read_text().splitlines()[0].split(",")
    assert {"train/loss", "val/loss", "val/top1"} <= set(columns)
    trace = Trace.load(here / "run" / "trace" / "test")
    assert trace.logits_VKN.shape[0] == 2
    assert trace.info.checkpoints[-1].startswith("16f-")
