"""What is installed from a wheel is complete: the code and the config, wherever it is run from."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.made_once import MadeOnce

REPOSITORY = Path(__file__).parents[1]

GROUP_CHOICES = {
    "backbone": ["resnet_small", "resnet50"],
    "scheme": ["depth", "input", "joint"],
    "dataset": ["kinetics400", "mocap", "something_v2", "synthetic", "ucf101", "video_folder"],
    "policy": ["max_probability"],
    "logger": ["csv", "wandb"],
    "recipe": ["tsm_kinetics"],
    "experiment": ["demo", "kinetics400_resnet50"],
}


@pytest.fixture(scope="module")
def wheel(made_once: MadeOnce) -> Path:
    """A wheel built the way a release is: from the sdist, here with the backend that is installed."""

    def make(folder: Path) -> None:
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(REPOSITORY)]
        build = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        assert build.returncode == 0, build.stdout + build.stderr

    (path,) = made_once("dist", make).glob("dyninf-*.whl")
    return path


def test_a_wheel_has_the_code_and_the_config(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    packages = [path.parent.relative_to(REPOSITORY / "src") for path in REPOSITORY.glob("src/**/__init__.py")]
    configs = [path.relative_to(REPOSITORY) for path in REPOSITORY.glob("conf/**/*.yaml")]

    assert {"dyninf/__init__.py", "dyninf/conf/train.yaml"} <= names
    assert {(package / "__init__.py").as_posix() for package in packages} <= names
    assert {f"dyninf/{config.as_posix()}" for config in configs} <= names
    for room in ("service/page", "report/dashboard/page", "report/published"):
        files = [file for file in (REPOSITORY / "src/dyninf" / room).iterdir() if file.is_file()]
        assert files
        assert {f"dyninf/{room}/{file.name}" for file in files} <= names
    assert not [name for name in names if name.startswith(("tests/", "conf/", "src/"))]


def test_an_unpacked_wheel_trains_from_any_directory(wheel: Path, tmp_path: Path) -> None:
    installed, elsewhere = tmp_path / "installed", tmp_path / "elsewhere"
    elsewhere.mkdir()
    zipfile.ZipFile(wheel).extractall(installed)

    def run(*arguments: str) -> str:
        # -P keeps the working directory out of sys.path; PYTHONPATH comes before an editable install.
        environment = os.environ | {"PYTHONPATH": str(installed)}
        command = [sys.executable, "-P", *arguments]
        process = subprocess.run(command, capture_output=True, text=True, cwd=elsewhere, env=environment)
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout

    code = "import importlib.util; print(importlib.util.find_spec('dyninf').origin)"
    assert Path(run("-c", code).strip()) == installed / "dyninf" / "__init__.py"

    shown = run("-m", "dyninf.train", "--help")
    for group, choices in GROUP_CHOICES.items():
        line = re.search(rf"^{group}: (.*)$", shown, re.MULTILINE)
        assert line, f"--help does not list the group {group}:\n{shown}"
        assert set(choices) <= set(line[1].split(", "))
    assert not list(elsewhere.iterdir())
