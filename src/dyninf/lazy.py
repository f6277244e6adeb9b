"""Packages that import what they offer only when it is asked for."""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any


class LazyPackage(ModuleType):
    """A package whose names are looked up in its modules at their first use.

    A function `__getattr__` in the package would do (PEP 562), were no name that of the module it lies in:
    whoever imports that module would put it in the name's place.
    """

    _homes: Mapping[str, str]
    _packages: Sequence[str]

    def __getattr__(self, name: str) -> Any:
        known = vars(self)
        if name in known.get("_packages", ()):
            return import_module(f"{self.__name__}.{name}")
        if name not in known.get("_homes", ()):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(import_module(self._homes[name]), name)
        setattr(self, name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if not (isinstance(value, ModuleType) and name in self._homes):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._homes, *self._packages})


def import_lazily(package: str, homes: Mapping[str, Sequence[str]], packages: Sequence[str] = ()) -> None:
    """Let a package, which calls this while it is imported, find names in the modules that have them.

    homes: full name of a module → the names in it. packages: those below it that it offers.
    """
    module = sys.modules[package]
    vars(module).update(
        _homes={name: home for home, names in homes.items() for name in names}, _packages=packages
    )
    module.__class__ = LazyPackage
