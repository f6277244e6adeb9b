"""What the site has besides ``docs/``: pages made of ``conf/``, of the studies and of files at the top.

Links in all of these are written as they work on a code host, relative to where a file lies in the
repository; here they become links of the site. One that leads to a file that the site lacks is a warning, and
a warning ends the build.
"""

import logging
import posixpath
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

REPOSITORY = Path(__file__).resolve().parents[1]
CONF = REPOSITORY / "conf"
STUDIES = sorted(path.parent for path in REPOSITORY.glob("experiments/*/README.md"))
TOP = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md", "README.md": "index.md"}
SHOWN = {".md", ".csv", ".json", ".png"}
COMMANDS = "reference/commands.md"
SETTINGS = "reference/settings.md"

LINK = re.compile(r"(!?\[[^\]]*\]\()([^)\s]+)((?:\s+\"[^\"]*\")?\))")
PICTURE = re.compile(r"!\[[^\]]*\]\(([^)\s]+\.svg)\)")
STUDY = re.compile(r"^\[study\]\(([^)]+)\)$", re.MULTILINE)
CODE = re.compile(r"^(```|~~~).*?^\1\s*$|`[^`\n]+`", re.MULTILINE | re.DOTALL)

log = logging.getLogger("mkdocs.hooks.dyninf")


# Which pages there are ---------------------------------------------------------------------------------


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Every study has a place in the navigation, below the page that gathers them."""
    for section in config.nav or []:
        if "Results" in section:
            section["Results"] += [{title_of(study): f"results/{study.name}/README.md"} for study in STUDIES]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in ``docs/``, and what the studies link to."""
    for source, uri in TOP.items():
        if uri not in files.src_uris:
            files.append(File.generated(config, uri, abs_src_path=str(REPOSITORY / source)))
    for study in STUDIES:
        for path in sorted(study.iterdir()):
            if path.suffix in SHOWN:
                uri = f"results/{study.name}/{path.name}"
                files.append(File.generated(config, uri, abs_src_path=str(path)))
    files.append(File.generated(config, COMMANDS, content=commands_page()))
    files.append(File.generated(config, SETTINGS, content=settings_page()))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Links of the repository become links of the site, and digests and drawings are put in."""
    uri = page.file.src_uri
    source = repository_path(uri)
    markdown = relinked(markdown, source, uri)
    markdown = STUDY.sub(lambda found: digest(found[1], uri), markdown)
    return PICTURE.sub(lambda found: drawing(found[1], uri), markdown)


# Links -------------------------------------------------------------------------------------------------


def repository_path(uri: str) -> str:
    """Where in the repository a page of the site is from."""
    for source, top in TOP.items():
        if uri == top and source != "README.md":
            return source
    if re.match(r"results/[^/]+/", uri):
        return uri.replace("results/", "experiments/", 1)
    return f"docs/{uri}"


def site_uri(path: str) -> str | None:
    """Where on the site a path of the repository is; None for one that is not there."""
    if path in TOP:
        return TOP[path]
    if path.startswith("experiments/"):
        if (REPOSITORY / path / "README.md").is_file():
            path = f"{path}/README.md"
        shown = (REPOSITORY / path).is_file() and Path(path).suffix in SHOWN
        return path.replace("experiments/", "results/", 1) if shown else None
    return path.removeprefix("docs/") if path.startswith("docs/") else None


def relinked(markdown: str, source: str, uri: str) -> str:
    """Markdown of a file of the repository, with links as a page of the site needs them; not in code."""

    def link(found: re.Match[str]) -> str:
        parts = urlsplit(found[2])
        if parts.scheme or parts.netloc or not parts.path:
            return found[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), parts.path))
        target = site_uri(path)
        if target is None:
            log.warning("%s links to %s, which is not on the site", source, path)
            return found[0]
        relative = posixpath.relpath(target, posixpath.dirname(uri) or ".")
        return f"{found[1]}{relative}{'#' + parts.fragment if parts.fragment else ''}{found[3]}"

    return _outside_code(markdown, lambda text: LINK.sub(link, text))


def _outside_code(markdown: str, change: Callable[[str], str]) -> str:
    parts, end = [], 0
    for code in CODE.finditer(markdown):
        parts += [change(markdown[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, change(markdown[end:])])


def drawing(link: str, uri: str) -> str:
    """An SVG as a part of the page, so that its colours follow the page's and not the system's."""
    path = Path(__file__).parent / posixpath.normpath(posixpath.join(posixpath.dirname(uri), link))
    return f'<figure class="drawing">{" ".join(path.read_text().split())}</figure>'


# Studies -----------------------------------------------------------------------------------------------


def title_of(study: Path) -> str:
    """The heading of a study's README."""
    return (study / "README.md").read_text().splitlines()[0].removeprefix("# ")


def digest(link: str, uri: str) -> str:
    """Question, first table with the paragraph before it, and first figure of a study, for a page."""
    path = repository_path(posixpath.normpath(posixpath.join(posixpath.dirname(uri), link)))
    blocks = re.split(r"\n\s*\n", (REPOSITORY / path).read_text().strip())
    title = blocks[0].removeprefix("# ")
    kept = [block for block in blocks if block.startswith("**Question")][:1]
    tables = [i for i, block in enumerate(blocks) if block.startswith("|")]
    if tables:
        kept += blocks[tables[0] - 1 : tables[0] + 1]
    kept += [block for block in blocks if re.match(r"!\[", block)][:1]
    kept.append(f"→ [{title}]({posixpath.basename(path)})")
    return relinked("\n\n".join(kept), path, uri)


# Commands and settings ---------------------------------------------------------------------------------


def commands_page() -> str:
    """Every command with its groups and settings, out of ``conf/*.yaml``."""
    parts = [
        "# Commands",
        "Each is run as `python -m dyninf.NAME SETTING=VALUE …`; `--help` lists the same, and `--cfg job` "
        "prints the config that a command would use. A setting of a group is written with the group in "
        "front, such as `dataset.root=DIR`; what the groups' files hold is on the page "
        "[Settings](settings.md). "
        "This page is made from the files in `conf/`.",
    ]
    for path in sorted(CONF.glob("*.yaml")):
        if (REPOSITORY / "src/dyninf" / f"{path.stem}.py").is_file() or _is_package(path.stem):
            parts += _command(path)
    return "\n\n".join(parts) + "\n"


def settings_page() -> str:
    """Every file of every group, as it is."""
    parts = [
        "# Settings",
        "The files of each config group, in `conf/GROUP/NAME.yaml`: `GROUP=NAME` chooses one, and "
        "`GROUP.KEY=VALUE` changes a setting of it. `???` has to be given. "
        "This page is made from these files.",
    ]
    for folder in sorted(path for path in CONF.iterdir() if path.is_dir()):
        parts.append(f"## {folder.name}")
        for path in sorted(folder.rglob("*.yaml")):
            name = path.relative_to(folder).with_suffix("").as_posix()
            text = path.read_text().strip().replace("\n", "\n    ")
            parts.append(f'??? note "{name}"\n\n    ```yaml\n    {text}\n    ```')
    return "\n\n".join(parts) + "\n"


def _is_package(name: str) -> bool:
    return (REPOSITORY / "src/dyninf" / name / "__main__.py").is_file()


def _command(path: Path) -> list[str]:
    lines = path.read_text().splitlines()
    usage = [line.removeprefix("# ") for line in lines if line.startswith("# python")]
    groups, settings = [], []
    for key, default, comment in rows(lines):
        if key.startswith("defaults."):
            name = key.removeprefix("defaults.")
            if (CONF / name).is_dir() and name != "hydra_settings":
                choices = sorted(file.stem for file in (CONF / name).glob("*.yaml"))
                listed = ", ".join(f"`{choice}`" for choice in choices)
                groups.append(
                    f"| [`{name}`](settings.md#{name}) | {_default(default)} | {listed} | {comment} |"
                )
        else:
            settings.append(f"| `{key}` | {_default(default)} | {comment} |")
    parts = [f"## {path.stem}", "```\n" + "\n".join(usage) + "\n```"]
    if groups:
        parts.append("| group | default | choices | |\n| --- | --- | --- | --- |\n" + "\n".join(groups))
    return [*parts, "| setting | default | |\n| --- | --- | --- |\n" + "\n".join(settings)]


def rows(lines: list[str]) -> list[tuple[str, str, str]]:
    """Key, value and comment of every setting of a YAML file; those of the defaults list begin so."""
    found: list[tuple[str, str, str]] = []
    parents: list[tuple[int, str]] = []
    for line in lines:
        continued = re.fullmatch(r"\s{20,}# (.*)", line)
        if continued and found:
            key, value, comment = found[-1]
            found[-1] = (key, value, f"{comment} {continued[1]}")
            continue
        entry = re.fullmatch(r"(\s*)(?:- )?([\w/ ]+):(?: +(.*?))?(?:\s+# *(.*))?", line)
        if not entry or line.startswith("#"):
            continue
        indent, key, value, comment = len(entry[1]), entry[2], entry[3] or "", entry[4] or ""
        if value.startswith("# "):
            value, comment = "", value[2:]
        parents = [(depth, name) for depth, name in parents if depth < indent]
        full = ".".join([*(name for _, name in parents), key])
        if value:
            found.append((full, value, comment.replace("|", "\\|")))
        else:
            parents.append((indent, key))
    whole = yaml.safe_load("\n".join(lines))
    listed = {
        f"defaults.{key}": value
        for entry in whole.pop("defaults")
        if entry != "_self_"
        for key, value in entry.items()
    }
    if {key: yaml.safe_load(value) for key, value, _ in found} != _flat(whole) | listed:
        raise ValueError(f"these lines were not understood as YAML has them: {lines[0]} …")
    return found


def _flat(settings: dict[str, object], before: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{before}{key}.") if isinstance(value, dict) else {f"{before}{key}": value}
    return flat


def _default(value: str) -> str:
    return "has to be given" if value == "???" else f"`{value}`"
