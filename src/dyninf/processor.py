"""What computes: the name of this machine's processor."""

import platform
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


def processor_name() -> str:
    """As the system gives it, such as "Intel(R) Xeon(R) Processor"."""
    names = _values("model name")
    return names[0] if names else platform.processor() or platform.machine()


def processor_abilities() -> str:
    """The name with what its kind can do, which tells apart machines whose names are the same."""
    return " ".join([processor_name(), *_values("flags")[:1]])


def _values(key: str) -> list[str]:
    lines = _CPUINFO.read_text().splitlines() if _CPUINFO.exists() else []
    return [line.split(":", 1)[1].strip() for line in lines if line.startswith(key)]
