"""Reports of runs by the files that they left, and of a run that has just ended."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from pytorch_lightning.loggers import Logger

from dyninf import checkpoint_file
from dyninf.allowed_targets import check_plain, check_targets
from dyninf.configuration import make, with_defaults
from dyninf.data import VideoDataModule
from dyninf.grid import Network
from dyninf.json_file import brief
from dyninf.policies import Policy
from dyninf.report import log_report, make_report, run_sources, trace_source
from dyninf.report.dashboard import Look, Pictures, Traces, run_source
from dyninf.report.runs import Run, read_run
from dyninf.report.wandb_logger import tell
from dyninf.trace import FittedPolicy, Trace

REPORT = "report.html"


def pictures_of(run: Run, checkpoint: Path) -> Pictures:
    """The network of a checkpoint, and the data set that the run's config names, when they are asked for."""

    def load() -> tuple[Network, VideoDataModule]:
        file = checkpoint_file.read(checkpoint)
        check_targets(run.config, checkpoint)
        check_plain(run.config["dataset"], checkpoint)
        return file.network(), make(with_defaults(OmegaConf.create(dict(run.config["dataset"]))))

    return load


def report_run(
    output: Path, network: Network, datamodule: VideoDataModule, loggers: Iterable[Logger] = ()
) -> None:
    """Write the page of the run in a folder, which has just ended, into that folder; loggers get it too."""

    def known(run: Run, checkpoint: Path) -> Pictures:
        return lambda: (network, datamodule)

    with told():
        source = run_source(read_run(output, output.resolve().name), Traces(), pictures_of=known)
        log_report(loggers, make_report([source], {}, output / REPORT))


@contextmanager
def told() -> Iterator[None]:
    """Go on where a report cannot be made, with one line that says why: a run's figures are worth more."""
    try:
        yield
    except Exception as error:
        tell(f"there is no report: {brief(error)}")


def report_all(root: Path, output: Path) -> None:
    """Write the page of all runs below `root` into the folder `output`."""
    with told():
        sources, left_out = run_sources([root], pictures_of=pictures_of)
        make_report(sources, left_out, output / REPORT, Look(title=root.resolve().name))


def report_trace(
    folder: Path,
    calibration: Trace | None,
    policies: Mapping[str, Policy],
    output: Path,
    policy: Policy | FittedPolicy | None = None,
    loggers: Iterable[Logger] = (),
) -> None:
    """Write the page of a recorded trace into the folder `output`.

    policies: that are replayed on it. policy: the one that was swept; where that chose its thresholds on
        `calibration`, it has left them as ``policy.json`` in `output`.
    """
    with told():
        trace = Trace.load(folder)
        if policy is not None and calibration is not None:
            policy = FittedPolicy.load(output / "policy.json")
        own = policy.policy if isinstance(policy, FittedPolicy) else policy
        source = trace_source(trace, calibration, policies, own, _grid_beside(folder, trace))
        log_report(loggers, make_report([source], {}, output / REPORT))


def _grid_beside(folder: Path, trace: Trace) -> Mapping[str, Any] | None:
    """The grid of a trace's network, where the trace still lies in the folder of its run."""
    try:
        summary = read_run(folder.resolve().parent.parent, "").summary
    except ValueError:
        return None
    return summary.get("grid") if summary.get("fingerprint") == trace.info.fingerprint else None
