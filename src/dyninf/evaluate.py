"""``python -m dyninf.evaluate checkpoint=PATH``: a trained network on a split, leaving early for real."""

import sys
from pathlib import Path

from omegaconf import DictConfig

from dyninf import checkpoint_file
from dyninf.cli import application, names_folder, policy_of
from dyninf.configuration import device_named, make, make_promise, make_recording, plain, yes_or_no
from dyninf.of_checkpoint import make_dataset, offer_dataset
from dyninf.report import assess, followed, load_milliseconds, log_assessment, tags_of
from dyninf.report.assess import check_kept
from dyninf.reporting import report_run
from dyninf.trace import Share


def prepare() -> None:
    """Offer the checkpoint's data set; ValueError where several processes would not find the same folder."""
    if Share.of_environment().processes > 1 and not names_folder(sys.argv[1:]):
        raise ValueError(
            "several processes need the same folder: output=DIR; without, each would do all of the work"
        )
    offer_dataset()


@application("evaluate", before=prepare)
def main(config: DictConfig) -> float | None:
    """Assess ``config.checkpoint``; returns the dynamic top-1 for sweepers, on the first process only."""
    share = Share.of_environment()
    device, recording = share.device(device_named(config.device)), make_recording(config, share)
    policy = policy_of(config)
    promise, wants_report = make_promise(config), yes_or_no(config, "report")
    file = checkpoint_file.read(config.checkpoint)
    datamodule = make_dataset(config, file)
    network, output = file.network(), Path(config.paths.output_dir)
    kept = [output / "config.yaml"]
    checkpoint_file.save_config(output, file.config_with(config))
    loggers = [make(config.logger)] if config.logger else []
    settings = {"run": plain(file.config), **plain(config)}
    times = config.milliseconds and load_milliseconds(config.milliseconds, network, datamodule)
    with followed(loggers, settings, tags_of(network.name, datamodule.name, policy)):
        assessment = assess(
            network,
            datamodule,
            policy,
            output,
            promise,
            config.split,
            known_traces=file.path.parent.parent / "trace",
            device=device,
            milliseconds=times,
            recording=recording,
            kept=kept,
        )
        if assessment is None:
            return None
        log_assessment(loggers, assessment, datamodule)
        if wants_report:
            report_run(output, network, datamodule, loggers)
        check_kept([*kept, output / "summary.json"])
    return float(assessment.summary["dynamic"]["top1"])


if __name__ == "__main__":
    main()
