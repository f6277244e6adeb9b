"""Which code a run was of."""

import importlib.metadata
import re
import shutil
import subprocess
import sys
from pathlib import Path

import dyninf
from dyninf import version


def commit_of(folder: Path) -> str:
    code = "from version import commit; print(commit())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    command = ["git", *who, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def test_the_version_is_that_of_the_package() -> None:
    declared = re.search(
        r'^version = "(.*)"', (Path(__file__).parents[1] / "pyproject.toml").read_text(), re.M
    )
    assert dyninf.__version__ == declared[1] == importlib.metadata.version("dyninf")


def test_the_commit_is_that_of_the_source_and_tells_of_changes(tmp_path: Path) -> None:
    shutil.copy(version.__file__, tmp_path / "version.py")
    assert commit_of(tmp_path) == "None"
    git(tmp_path, "init", "--quiet")
    assert commit_of(tmp_path) == "None"  # a repository that does not have the source
    git(tmp_path, "add", "version.py")
    git(tmp_path, "commit", "--quiet", "--message=one")
    assert commit_of(tmp_path) == git(tmp_path, "rev-parse", "HEAD")
    with open(tmp_path / "version.py", "a") as file:
        file.write("# changed\n")
    assert commit_of(tmp_path) == git(tmp_path, "rev-parse", "HEAD") + "-dirty"
