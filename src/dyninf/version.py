"""Which code this is."""

import subprocess
from pathlib import Path

__version__ = "0.1.0"


def commit() -> str | None:
    """The git commit of the source that runs, with ``-dirty`` behind it where files were changed since.

    None for an installed package, which git does not track, and where git is missing.
    """
    here = Path(__file__).resolve().parent
    if _git(here, "ls-files", "--error-unmatch", "version.py") is None:
        return None
    found = _git(here, "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty")
    return found.strip() if found else None


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
