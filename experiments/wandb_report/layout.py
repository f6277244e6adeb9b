"""Lay out a report and a workspace of Weights & Biases for a project of dyninf's runs.

    python -m experiments.wandb_report.layout entity=TEAM project=dyninf
    python -m experiments.wandb_report.layout entity=TEAM project=dyninf --json layout.json

The first needs a key (`wandb login`) and the server; the second writes the same as JSON and asks nobody.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dyninf.atomic import atomic_file


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0, or 2 after one line on standard error."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("settings", nargs="*", metavar="NAME=VALUE")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the layout there, and save nothing")
    given = parser.parse_args(arguments)
    try:
        from experiments.wandb_report.content import Project, report_of, workspace_of
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("wandb_workspaces"):
            raise
        return _fail("layouts need wandb-workspaces: pip install 'dyninf[workspaces]'")
    try:
        project = Project(**_settings(given.settings, Project))
    except ValueError as error:
        return _fail(str(error))
    made = {"report": report_of(project), "workspace": workspace_of(project)}
    if given.json:
        with atomic_file(given.json) as new:
            new.write_text(
                json.dumps({name: specification(one) for name, one in made.items()}, indent=1) + "\n"
            )
        print(f"written to {given.json}; nothing was saved in W&B")
        return 0
    for name, one in made.items():
        try:
            one.save()
        # Without a key it is a bare Exception, without a server one of several.
        except Exception as error:
            reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
            return _fail(f"W&B did not take the {name}: {reason}; --json FILE writes the layout without W&B")
        print(f"{name}: {one.url}")
    return 0


def specification(made: Any) -> dict[str, Any]:
    """What `save` of a report or workspace sends; there is no public way to it."""
    found: dict[str, Any] = json.loads(made._to_model().model_dump_json(by_alias=True, exclude_none=True))
    return found


def _settings(given: Sequence[str], kind: type) -> dict[str, Any]:
    """Arguments of `kind` from NAME=VALUE; ValueError that says what is wrong. Commas separate several."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    found: dict[str, Any] = {}
    for setting in given:
        name, equals, value = setting.partition("=")
        if not equals or name not in fields:
            raise ValueError(f"{setting!r} is no setting; write NAME=VALUE, of {', '.join(fields)}")
        if not value:
            raise ValueError(f"{name} needs a value, such as {name}=VALUE")
        several = fields[name].default == ()
        found[name] = tuple(part.strip() for part in value.split(",") if part.strip()) if several else value
    if "entity" not in found:
        raise ValueError("give entity=NAME: the user or team of W&B that the project belongs to")
    return found


def _fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
