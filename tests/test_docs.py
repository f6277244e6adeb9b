"""The documentation builds, asks no other host for anything, and shows commands and code that work."""

import ast
import copy
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from omegaconf import DictConfig, OmegaConf
from tests.entry_points import ENTRY_POINTS
from tests.made_once import MadeOnce

from dyninf.configuration import CONF, choices

REPOSITORY = Path(__file__).parents[1]
DOCS = REPOSITORY / "docs"
SOURCES = [REPOSITORY / "README.md", *sorted(DOCS.rglob("*.md"))]
FENCE = re.compile(r"^```(\w*)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(python -m dyninf\.[^`]+)`")
PLACEHOLDERS = {"dataset=NAME": "dataset=ucf101", "experiment=NAME": "experiment=demo"}


# The site ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(made_once: MadeOnce) -> Path:
    """The site, built as `make docs` does it."""

    def make(folder: Path) -> None:
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
        build = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
        assert build.returncode == 0, build.stdout + build.stderr

    return made_once("site", make)


class Fetched(HTMLParser):
    """Addresses that a browser fetches for a page without being asked, and anchors."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.anchors: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given["id"]} if "id" in given else set()
        if tag == "link" and given.get("rel") in ("canonical", "next", "prev"):
            return
        names = ("src", "srcset", "poster", "data", *(("href",) if tag in ("link", "image", "use") else ()))
        self.addresses += [given[name] for name in names if name in given]
        self.addresses += re.findall(r"url\(([^)]*)\)", given.get("style", ""))


def pages(site: Path) -> Iterator[tuple[Path, Fetched]]:
    for path in sorted(site.rglob("*.html")):
        yield path, Fetched(path.read_text())


def test_every_page_of_docs_and_every_study_is_on_the_site(site: Path) -> None:
    expected = {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")}
    studies = [path.parent.name for path in REPOSITORY.glob("experiments/*/README.md")]
    expected |= {Path("results", study, "index.html") for study in studies}
    expected |= {Path(name) for name in ("changelog.html", "contributing.html", "search/search_index.json")}
    expected |= {Path("reference/commands.html"), Path("reference/settings.html")}
    assert not [path for path in expected if not (site / path).is_file()]


def test_the_reference_has_every_command_group_and_offered_name(site: Path) -> None:
    def anchors(page: str) -> set[str]:
        return Fetched((site / "reference" / page).read_text()).anchors

    assert {name for name in ENTRY_POINTS if (CONF / f"{name}.yaml").is_file()} <= anchors("commands.html")
    assert {path.name for path in CONF.iterdir() if path.is_dir()} <= anchors("settings.html")
    assert {"dyninf.infer", "dyninf.build_network", "dyninf.Trace"} <= anchors("dyninf.html")
    assert {"dyninf.grid.permutation", "dyninf.grid.Scheme"} <= anchors("grid.html")
    assert {"dyninf.policies.Policy", "dyninf.policies.solve_budget"} <= anchors("policies.html")


def test_no_page_asks_another_host_for_anything(site: Path) -> None:
    for path, page in pages(site):
        foreign = [address for address in page.addresses if urlsplit(address).netloc]
        assert not foreign, f"{path.relative_to(site)}: {foreign}"
    for path in site.rglob("*.css"):
        foreign = re.findall(r"url\([\"']?(?:https?:)?//[^)]*\)|@import[^;]*;", path.read_text())
        assert not foreign, f"{path.relative_to(site)}: {foreign}"


def test_what_pages_fetch_is_there(site: Path) -> None:
    for path, page in pages(site):
        for address in page.addresses:
            parts = urlsplit(address)
            if path.name != "404.html" and parts.path and not parts.scheme:
                assert (path.parent / parts.path).exists(), f"{path.relative_to(site)}: {address}"


# Commands ----------------------------------------------------------------------------------------------


def shown_commands() -> list[str]:
    """Every ``python -m dyninf.…`` in fenced blocks and in code within lines, each once.

    Those that torchrun or srun starts are commands as well.
    """
    found: dict[str, None] = {}
    for path in SOURCES:
        text = path.read_text()
        for language, _, block in FENCE.findall(text):
            if language in ("", "bash", "sh"):
                lines = block.replace("\\\n", " ").splitlines()
                found |= {
                    f"python {line[line.index('-m dyninf.') :]}": None
                    for line in (" ".join(line.split()) for line in lines)
                    if re.match(r"(python -m dyninf\.|(torchrun|srun) .*-m dyninf\.)", line)
                }
        found |= {" ".join(c.split()): None for c in INLINE.findall(FENCE.sub("", text))}
    return list(found)


def documented(commands: list[str]) -> list[str]:
    """Those that can be checked: a page about reports may be there before its command is."""
    return [c for c in commands if not c.startswith("python -m dyninf.report ") or "report" in ENTRY_POINTS]


def split(command: str) -> tuple[str, list[str]]:
    """The entry point and its arguments, without Hydra's own flags."""
    name, *words = shlex.split(command)[2:]
    arguments = [word for word in words if not word.startswith("-")]
    if "--config-dir" in words:
        arguments.remove("conf")
    return name.removeprefix("dyninf."), [PLACEHOLDERS.get(argument, argument) for argument in arguments]


def jobs_of(arguments: list[str]) -> list[list[str]]:
    """Overrides without sweeps: each value of a sweep is in one of the jobs, Hydra's own in all."""
    own: list[str] = []
    values: list[list[str]] = []
    for argument in arguments:
        if re.match(r"[~+]*hydra[./]", argument):
            own.append(argument)
            continue
        (override,) = OverridesParser.create().parse_overrides([argument])
        values.append(one_each(override) if override.is_sweep_override() else [argument])
    count = max(map(len, values), default=1)
    return [[*own, *(each[min(job, len(each) - 1)] for each in values)] for job in range(count)]


def one_each(override: Override) -> list[str]:
    """The overrides that a sweep stands for; of an interval its beginning."""
    if override.is_interval_sweep():
        return [f"{override.get_key_element()}={override.value().start}"]
    if isinstance(override.value(), Glob):
        values = choices(override.key_or_group)
    else:
        values = list(override.sweep_string_iterator())
    return [f"{override.get_key_element()}={value}" for value in values]


def composed(name: str, overrides: list[str]) -> DictConfig:
    """What the command would start with; Hydra's error for a key, a group or a choice that is not there."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(name, overrides, return_hydra_config=True)


@pytest.fixture(scope="module")
def own_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the pages tell the reader to write: config files and modules, each in its place."""
    folder = tmp_path_factory.mktemp("own")
    for path in SOURCES:
        for _, title, block in FENCE.findall(path.read_text()):
            if title:
                (folder / title).parent.mkdir(parents=True, exist_ok=True)
                (folder / title).write_text(block)
    return folder


@pytest.fixture(scope="module")
def own_choices(own_files: Path) -> Iterator[None]:
    """Such config files as choices, and the data set that a checkpoint brings with it."""
    # Composed before the store is kept, so that Hydra's plugins, which put things there once, are in it.
    dataset = composed("train", ["dataset=video_folder", "dataset.root=videos"]).dataset
    store = ConfigStore.instance()
    before = copy.deepcopy(store.repo)
    for path in (own_files / "conf").rglob("*.yaml"):
        package = "_global_" if path.read_text().startswith("# @package _global_") else None
        store.store(group=path.parent.name, name=path.stem, node=OmegaConf.load(path), package=package)
    store.store(group="dataset", name="of_checkpoint", node=dataset)
    yield
    store.repo = before


def test_there_are_commands_of_every_entry_point() -> None:
    assert {split(command)[0] for command in documented(shown_commands())} >= set(ENTRY_POINTS)


@pytest.mark.parametrize("command", documented(shown_commands()))
@pytest.mark.usefixtures("own_choices")
def test_a_command_that_is_shown_composes(command: str) -> None:
    name, arguments = split(command)
    assert name in ENTRY_POINTS
    for overrides in jobs_of(arguments):
        composed(name, overrides)


@pytest.mark.usefixtures("own_choices")
def test_a_misspelt_setting_would_be_found() -> None:
    with pytest.raises(Exception, match="budgets"):
        composed("evaluate", ["checkpoint=PATH", "budgets=50%"])
    with pytest.raises(Exception, match="no_such"):
        composed("train", ["backbone=no_such"])


# Python ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_python_that_is_shown_compiles(path: Path) -> None:
    for language, _, block in FENCE.findall(path.read_text()):
        if language == "python":
            assert ast.parse(block).body, block


def test_the_examples_that_are_whole_run(own_files: Path) -> None:
    programs = ["first.py", "own_policy.py", "own_route.py", "own_backbone.py"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(own_files), str(REPOSITORY / "src")])}
    # The page has its reader put a module into the package, which the tests leave as it is.
    folder = str(own_files / "src" / "dyninf" / "backbones")
    added = f"import dyninf.backbones\ndyninf.backbones.__path__.append({folder!r})"
    code = f"import runpy, sys\n{added}\nfor name in sys.argv[1:]:\n    runpy.run_path(name)"
    command = [sys.executable, "-c", code, *programs]
    run = subprocess.run(command, capture_output=True, text=True, cwd=own_files, env=environment)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "comes before cell (2, 1), which it needs" in run.stdout
