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
    "report",
)

MODULES = {name: f"dyninf.{name}" for name in ENTRY_POINTS} | {"report": "dyninf.report.__main__"}
"""Where their ``main`` is; the report's is in its room, which has its name."""
