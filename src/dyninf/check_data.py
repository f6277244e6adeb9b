"""``python -m dyninf.check_data dataset=NAME dataset.root=ROOT``: which videos of a data set can be used."""

from pathlib import Path

from omegaconf import DictConfig

from dyninf.cli import application
from dyninf.configuration import make, number, whole_number
from dyninf.report import check_data


@application("check_data")
def main(config: DictConfig) -> None:
    """Read what ``config.dataset`` lists; a bad video is a row of the report, and no error."""
    if config.decode not in ("ends", "full"):
        raise ValueError(f"decode must be ends or full, got {config.decode!r}")
    sample, jobs = (
        None if config[key] is None else whole_number(config, key, least=1) for key in ("sample", "jobs")
    )
    check_data(
        make(config.dataset),
        Path(config.paths.output_dir),
        config.decode,
        sample,
        whole_number(config, "seed", least=0),
        number(config, "time_limit", least=0.001),
        jobs,
    )


if __name__ == "__main__":
    main()
