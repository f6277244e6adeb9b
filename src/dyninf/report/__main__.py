"""``python -m dyninf.report runs=DIR``: runs as one page to look at, and as figures for papers."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, ListConfig

from dyninf.cli import application, file_of_job
from dyninf.configuration import make, plain, whole_number, yes_or_no
from dyninf.multirun import all_in_one_process, each_choice
from dyninf.report import followed, log_report, make_report, run_sources
from dyninf.report.dashboard import Look
from dyninf.reporting import pictures_of


@application("report", before=all_in_one_process("policy", "policies"))
def main(config: DictConfig) -> None:
    """Write ``config.output`` from the runs below ``config.runs``."""
    folders = config.runs if isinstance(config.runs, ListConfig) else [config.runs]
    output = file_of_job(config, "output")
    if output is None or output.suffix not in (".html", ".htm"):
        raise ValueError(f"output must be a file that ends in .html, got {config.output!r}")
    figures = Path(config.figures) if config.figures is not None else None
    if figures is not None and figures.is_file():
        raise ValueError(f"figures={figures} is a file; name a folder")
    look = Look(
        config.title and str(config.title),
        whole_number(config, "points", least=2),
        whole_number(config, "videos", least=0),
        whole_number(config, "pictured_runs", least=0),
        yes_or_no(config, "grad_cam"),
        yes_or_no(config, "published"),
    )
    policies = {}
    if "policy" in config:
        policies = {HydraConfig.get().runtime.choices["policy"]: make(config.policy)}
    elif config.policies is not None:
        configs = each_choice(config, "report", "policy", "policies")
        policies = {name: make(policy) for name, policy in configs.items()}
    sources, left_out = run_sources([Path(str(folder)) for folder in folders], policies, pictures_of)
    loggers = [make(config.logger)] if config.logger else []
    with followed(loggers, plain(config), ["report"]):
        log_report(loggers, make_report(sources, left_out, output, look, figures))


if __name__ == "__main__":
    main()
