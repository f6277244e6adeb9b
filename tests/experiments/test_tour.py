"""The notebook ``experiments/tour.ipynb``: what is committed of it, and that it runs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TOUR = Path(__file__).parents[2] / "experiments" / "tour.ipynb"
LIMIT_SECONDS = 600  # it takes less than a minute; a machine with other work may need longer


@pytest.fixture(scope="module")
def code_cells() -> list[dict[str, Any]]:
    return [cell for cell in json.loads(TOUR.read_text())["cells"] if cell["cell_type"] == "code"]


def test_the_tour_has_ten_code_cells_each_with_text_before_it(code_cells: list[dict[str, Any]]) -> None:
    assert len(code_cells) == 10
    kinds = [cell["cell_type"] for cell in json.loads(TOUR.read_text())["cells"]]
    assert all(kinds[i - 1] == "markdown" for i, kind in enumerate(kinds) if kind == "code")


def test_the_tour_is_committed_with_its_outputs(code_cells: list[dict[str, Any]]) -> None:
    assert [cell["execution_count"] for cell in code_cells] == list(range(1, 11))
    assert all(cell["outputs"] for cell in code_cells)
    kinds = [output["output_type"] for cell in code_cells for output in cell["outputs"]]
    assert set(kinds) == {"stream", "display_data"}  # so none is an error
    streams = [o["name"] for cell in code_cells for o in cell["outputs"] if o["output_type"] == "stream"]
    assert set(streams) == {"stdout"}  # warnings come on the other
    pictures = [o for cell in code_cells for o in cell["outputs"] if "image/png" in o.get("data", {})]
    assert len(pictures) == 5
    assert TOUR.stat().st_size < 400_000


def test_the_outputs_name_no_path_of_a_machine(code_cells: list[dict[str, Any]]) -> None:
    outputs = [dict(output) for cell in code_cells for output in cell["outputs"]]
    for output in outputs:
        output["data"] = {
            kind: value for kind, value in output.get("data", {}).items() if kind != "image/png"
        }
    assert not re.findall(
        r"/(?:tmp|home|work|root|usr|var|Users)\b|[A-Z]:\\\\|site-packages", json.dumps(outputs)
    )


def test_the_tour_runs_from_top_to_bottom_and_leaves_nothing(tmp_path: Path) -> None:
    here, temporary, jupyter = (tmp_path / name for name in ("here", "temporary", "jupyter"))
    kernel = jupyter / "kernels" / "python3"
    for folder in (here, temporary, kernel):
        folder.mkdir(parents=True)
    (here / TOUR.name).write_bytes(TOUR.read_bytes())
    # This interpreter, whatever kernels are installed.
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(
        json.dumps({"argv": command, "display_name": "", "language": "python"})
    )
    # Without the settings of the tests that run this one.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    kept.pop("MPLBACKEND", None)
    places = {
        "JUPYTER_PATH": str(jupyter),
        "JUPYTER_RUNTIME_DIR": str(jupyter / "runtime"),
        "IPYTHONDIR": str(jupyter / "ipython"),
        "TMPDIR": str(temporary),
        "CUDA_VISIBLE_DEVICES": "",
    }
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--nbmake", f"--nbmake-timeout={LIMIT_SECONDS}"),
            *("-p", "no:cacheprovider", f"--rootdir={here}", TOUR.name),
        ],
        cwd=here,
        env=kept | places,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 passed" in run.stdout
    assert [path.name for path in here.iterdir()] == [TOUR.name]
    assert not list(temporary.iterdir())
