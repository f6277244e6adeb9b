"""How files are read in the whole package, and that nothing goes through a shell."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import dyninf

PACKAGE = Path(dyninf.__file__).parent
CALLS = [
    (path.relative_to(PACKAGE).as_posix(), ast.unparse(node.func), node)
    for path in sorted(PACKAGE.rglob("*.py"))
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.Call)
]


def calls_of(*names: str) -> Iterator[tuple[str, ast.Call]]:
    """Calls whose dotted name ends in one of `names`, with the file that each is in."""
    for file, name, call in CALLS:
        if any(f".{name}".endswith(f".{wanted}") for wanted in names):
            yield file, call


def said(call: ast.Call, keyword: str) -> str | None:
    """What a call gives for a keyword, as it is written."""
    return next((ast.unparse(one.value) for one in call.keywords if one.arg == keyword), None)


def test_tensors_are_read_in_one_place_without_running_code() -> None:
    assert [file for file, _ in calls_of("torch.load")] == ["tensor_file.py"]
    assert all(said(call, "weights_only") == "True" for _, call in calls_of("torch.load"))
    trusting = calls_of("add_safe_globals", "safe_globals", "jit.load", "load_state_dict_from_url")
    assert [*trusting] == []


def test_arrays_are_read_without_pickles() -> None:
    found = [*calls_of("np.load", "numpy.load", "read_array", "fromfile", "memmap")]
    assert found
    assert all(said(call, "allow_pickle") == "False" for _, call in found)


def test_yaml_makes_plain_values_alone() -> None:
    found = [*calls_of("yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load")]
    assert [(file, ast.unparse(call.args[1])) for file, call in found] == [("report/runs.py", "_PlainLoader")]
    [loader] = [
        node
        for node in ast.walk(ast.parse((PACKAGE / "report/runs.py").read_text()))
        if isinstance(node, ast.ClassDef) and node.name == "_PlainLoader"
    ]
    assert [ast.unparse(base) for base in loader.bases] == ["yaml.SafeLoader"]
    own = {file for file, _ in calls_of("OmegaConf.load")}
    assert own <= {"cli.py", "configuration.py"}  # the files of conf/, which are the package's


@pytest.mark.parametrize(
    "name",
    [
        *("pickle.load", "pickle.loads", "Unpickler", "marshal.loads", "shelve.open", "joblib.load"),
        *("read_pickle", "eval", "os.system", "os.popen", "os.execv", "getoutput", "getstatusoutput"),
        *("extract", "extractall", "unpack_archive", "tarfile.open", "create_subprocess_shell"),
        *("literal_eval", "hub.load", "runpy.run_path"),
    ],
)
def test_nothing_is_called_that_runs_or_unpacks_what_a_file_holds(name: str) -> None:
    # `network.eval()` is a module's mode.
    found = [file for file, call in calls_of(name) if name != "eval" or isinstance(call.func, ast.Name)]
    assert found == []


def test_code_is_made_of_the_graphs_of_classifiers_alone() -> None:
    assert {file for file, _ in calls_of("exec", "compile") if file.startswith("backbones/")} == {
        "backbones/cut_graph.py"
    }
    assert [file for file, name, _ in CALLS if name == "exec"] == ["backbones/cut_graph.py"]


def test_what_a_config_names_is_made_in_one_place() -> None:
    assert {file for file, _ in calls_of("instantiate", "pydoc.locate")} == {"configuration.py"}


def test_no_shell_is_involved() -> None:
    for file, call in calls_of("run", "Popen", "call", "check_call", "check_output"):
        assert said(call, "shell") is None, file
        if ast.unparse(call.func).startswith("subprocess."):
            words = call.args[0]
            assert isinstance(words, (ast.List, ast.Name)), f"{file}: {ast.unparse(words)}"
