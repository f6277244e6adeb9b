"""Imports point one way, as the design says."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from tests.entry_points import MODULES

import dyninf

PACKAGE = Path(dyninf.__file__).parent
LEAVES = {
    "array_file",
    "atomic",
    "batch",
    "checksum",
    "json_file",
    "lazy",
    "processor",
    "seeds",
    "split_name",
    "tensor_file",
    "unpacking",
    "version",
}
MAY_IMPORT = {
    "grid": set(),
    "policies": set(),
    "backbones": {"grid", *LEAVES},
    "trace": {"grid", "policies", *LEAVES},
    "runtime": {"grid", "policies", *LEAVES},
    "data": LEAVES,
    "gates": {"grid", *LEAVES},
    "schemes": {"grid", "backbones", *LEAVES},
    "service": {"grid", "policies", "runtime", "data", *LEAVES},
    "speed": {"grid", "policies", "runtime", "data", "report", *LEAVES},
    "report": {"grid", "policies", "trace", "runtime", "data", "gates", *LEAVES},
}


ENTRY_FILES = [PACKAGE.parent / f"{module.replace('.', '/')}.py" for module in MODULES.values()]


def imported_modules(path: Path) -> set[str]:
    """Everything of ``dyninf`` that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module == "dyninf":
            names = [f"dyninf.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        found |= {name for name in names if name.startswith("dyninf.")}
    return found


def imported_rooms(path: Path) -> set[str]:
    """First name below ``dyninf`` of everything that a file imports."""
    return {name.split(".")[1] for name in imported_modules(path)}


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_only_what_the_design_lets_it(room: str) -> None:
    for path in (PACKAGE / room).rglob("*.py"):
        if path in ENTRY_FILES:
            continue
        assert imported_rooms(path) <= MAY_IMPORT[room] | {room}, path


@pytest.mark.parametrize("leaf", sorted(LEAVES))
def test_a_leaf_imports_nothing_but_leaves(leaf: str) -> None:
    assert imported_rooms(PACKAGE / f"{leaf}.py") <= LEAVES


def test_nothing_imports_an_entry_point() -> None:
    for path in PACKAGE.rglob("*.py"):
        assert not imported_modules(path) & set(MODULES.values()), path


def test_an_entry_point_is_under_a_hundred_lines() -> None:
    for path in ENTRY_FILES:
        assert len(path.read_text().splitlines()) < 100, path


def test_inference_needs_no_lightning() -> None:
    code = "import sys; from dyninf import *; sys.exit('pytorch_lightning' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
