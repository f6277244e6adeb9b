"""``python -m dyninf.benchmark``: what leaving early saves in time, on this machine."""

import tempfile
from functools import partial
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from dyninf.benchmarking import check_settings, clean_command, decode_and_measure, measured_networks
from dyninf.checkpoint_file import save_config
from dyninf.cli import application
from dyninf.speed import Machine, brief_table, write_speed_report


@application("benchmark")
def main(config: DictConfig) -> None:
    """Measure the networks that the config names, and write tables and a figure to ``config.output``."""
    check_settings(config)
    networks = list(measured_networks(config))
    for measured in networks:
        measured.check_points()  # all of them, before minutes are spent on the first
    say = partial(Console().print, soft_wrap=True)
    machine = Machine.measured()
    say(str(machine))
    output = Path(config.paths.output_dir)
    save_config(output, config)
    rows, steps, decoding = [], {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for measured in networks:
            for engine in measured.engines(config, say):
                for batch in config.batch:
                    found, times = measured.speed(config, engine, batch, machine, say)
                    rows += found
                    steps[f"{measured.name} on {engine.name}, batch {batch}"] = times
            if config.decoding:
                decoding[measured.name] = decode_and_measure(measured, config, Path(folder), say)
            # After each network, so that nothing of it is lost if a later one fails.
            write_speed_report(output, machine, rows, steps, decoding, clean_command())
    say(brief_table(rows).rich())
    say(f"written to {output}: benchmark.csv, benchmark.md, benchmark.png")


if __name__ == "__main__":
    main()
