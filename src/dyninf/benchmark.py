"""``python -m dyninf.benchmark``: what leaving early saves in time, on this machine."""

import tempfile
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from dyninf.benchmarking import clean_command, decode_and_measure, measured_networks
from dyninf.cli import application
from dyninf.configuration import whole_number
from dyninf.speed import Machine, write_speed_report


@application("benchmark")
def main(config: DictConfig) -> None:
    """Measure the networks that the config names, and write tables and a figure to ``config.output``."""
    for key in ("rounds", "num_frames", "num_classes", "height", "width"):
        whole_number(config, key, least=1)
    console = Console(stderr=True)
    machine = Machine.measured()
    console.print(str(machine))
    rows, steps, decoding = [], {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for measured in measured_networks(config):
            for engine in measured.engines(config, console.print):
                for batch in config.batch:
                    found, times = measured.speed(config, engine, batch, machine, console.print)
                    rows += found
                    steps[f"{measured.name} on {engine.name}, batch {batch}"] = times
            if config.decoding:
                decoding[measured.name] = decode_and_measure(measured, config, Path(folder), console.print)
    output = Path(config.paths.output_dir)
    table = write_speed_report(output, machine, rows, steps, decoding, clean_command())
    Console().print(table.rich())
    Console().print(f"written to {output}: benchmark.csv, benchmark.md, benchmark.png")


if __name__ == "__main__":
    main()
