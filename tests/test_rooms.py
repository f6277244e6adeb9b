"""Imports point one way, as the design says."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from tests.entry_points import ENTRY_POINTS

import dyninf

PACKAGE = Path(dyninf.__file__).parent
LEAVES = {"atomic", "batch", "lazy", "processor", "version"}
MAY_IMPORT = {
    "grid": set(),
    "policies": set(),
    "backbones": {"grid"},
    "trace": {"grid", "policies", *LEAVES},
    "runtime": {"grid", "policies", *LEAVES},
    "data": LEAVES,
    "gates": {"grid", *LEAVES},
    "schemes": {"grid", "backbones", *LEAVES},
    "service": {"grid", "policies", "runtime", "data", *LEAVES},
    "speed": {"grid", "policies", "runtime", "data", "report", *LEAVES},
    "report": {"grid", "policies", "trace", "runtime", "data", "gates", *LEAVES},
}


def imported_rooms(path: Path) -> set[str]:
    """First name below ``dyninf`` of everything that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module == "dyninf":
            names = [f"dyninf.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        found |= {name.split(".")[1] for name in names if name.startswith("dyninf.")}
    return found


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_only_what_the_design_lets_it(room: str) -> None:
    for path in (PACKAGE / room).rglob("*.py"):
        assert imported_rooms(path) <= MAY_IMPORT[room] | {room}, path


def test_nothing_imports_an_entry_point() -> None:
    for path in PACKAGE.rglob("*.py"):
        assert not imported_rooms(path) & set(ENTRY_POINTS), path


def test_an_entry_point_is_under_a_hundred_lines() -> None:
    for name in ENTRY_POINTS:
        assert len((PACKAGE / f"{name}.py").read_text().splitlines()) < 100, name


def test_inference_needs_no_lightning() -> None:
    code = "import sys; from dyninf import *; sys.exit('pytorch_lightning' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
