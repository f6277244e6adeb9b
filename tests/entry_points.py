"""The commands of the package: modules that are run with ``python -m dyninf.NAME``."""

ENTRY_POINTS = (
    "train",
    "evaluate",
    "sweep",
    "macs",
    "benchmark",
    "check_data",
    "fit_gates",
    "export",
    "predict",
    "serve",
)
