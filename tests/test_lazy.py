"""What packages offer is there whenever it is asked for, in whatever order their modules are imported."""

import subprocess
import sys

import pytest

import dyninf
import dyninf.runtime


@pytest.mark.parametrize("package", [dyninf, dyninf.runtime], ids=lambda package: package.__name__)
def test_a_package_has_all_that_it_lists_and_says_so_of_anything_else(package: object) -> None:
    for name in package.__all__:
        assert getattr(package, name) is not None
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        package.nothing


def test_what_the_reference_names_is_there_after_importing_dyninf_alone() -> None:
    code = """
import dyninf
names = "backbones data gates grid policies predicting report runtime".split()
names += "schemes service speed trace training".split()
assert set(names) <= set(dir(dyninf))  # before any of them has imported the others
assert callable(dyninf.grid.profile)
assert [getattr(dyninf, name).__name__ for name in names] == [f"dyninf.{name}" for name in names]
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_function_is_not_hidden_by_the_module_of_its_name() -> None:
    code = """
from dyninf.runtime.evaluate import evaluate as there
import dyninf.runtime.infer
from dyninf.runtime import evaluate, infer
import dyninf
assert evaluate is there
assert callable(infer) and infer is dyninf.infer is dyninf.runtime.infer
from dyninf import policies
assert policies.MaxProbability is dyninf.policies.MaxProbability
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
