"""What the reference is made of: docstrings as Markdown, and the names that packages offer."""

import re

import griffe

ITEM = re.compile(r"([a-z_]\w*(?:, [a-z_]\w*)*): +(\S.*)")


class House(griffe.Extension):
    """The package as it is meant to be read."""

    def on_package(self, *, pkg: griffe.Module, loader: griffe.GriffeLoader, **_: object) -> None:
        """Docstrings first, while every module is in its place."""
        _list_arguments(pkg)
        _offer_names(pkg, loader)


def _list_arguments(obj: griffe.Object) -> None:
    if obj.docstring is not None:
        obj.docstring.value = with_lists(obj.docstring.value, _names_of(obj))
    for member in obj.members.values():
        if isinstance(member, griffe.Object):
            _list_arguments(member)


def _offer_names(package: griffe.Module, loader: griffe.GriffeLoader) -> None:
    """What is imported under the name of a module is what is offered, not the module.

    ``from dyninf.grid.permutation import permutation`` in ``dyninf.grid`` puts the function in the module's
    place, as seen from outside. Other names are found through these modules, so they are looked up before.
    """
    shadows = {
        module[name].path: (module, module[name][name])
        for module in _modules_of(package)
        for name, path in module.imports.items()
        if path == f"{module.path}.{name}.{name}"
    }
    loader.resolve_aliases(implicit=True)
    for module in _modules_of(package):
        for name, member in list(module.members.items()):
            if member.is_alias and member.resolved and member.final_target.path in shadows:
                found = shadows[member.final_target.path][1]
                module.members[name] = griffe.Alias(name, found, parent=module)
    for module, found in shadows.values():
        module.members[found.name] = griffe.Alias(found.name, found, parent=module)


def _modules_of(package: griffe.Module) -> list[griffe.Module]:
    """A package and all that is below it."""
    modules = [package]
    for module in package.modules.values():
        if not module.is_alias:
            modules += _modules_of(module)
    return modules


def with_lists(text: str, names: set[str]) -> str:
    """A docstring whose lines of the kind ``name: what it is`` are items of a list.

    names: of the object's arguments and members; one of these begins an item in the middle of a line, too.
    """
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(_with_list(paragraph, names) for paragraph in paragraphs)


def _with_list(paragraph: str, names: set[str]) -> str:
    if names:
        paragraph = re.sub(rf"(?<=[.;]) (?=(?:{'|'.join(sorted(names))}): )", "\n", paragraph)
    lines: list[str] = []
    listed = False
    for line in paragraph.split("\n"):
        item = ITEM.fullmatch(line)
        if item and (listed or not lines or item[1].split(", ")[0] in names):
            lines += [""] * (not listed) + [f"- `{item[1].replace(', ', '`, `')}`: {item[2]}"]
            listed = True
        else:
            lines.append(f"  {line.strip()}" if listed else line)
    return "\n".join(lines).strip("\n")


def _names_of(obj: griffe.Object) -> set[str]:
    found = {name for name in obj.members if not name.startswith("__")}
    for function in (obj, obj.members.get("__init__")):
        if isinstance(function, griffe.Function):
            found |= {parameter.name.lstrip("*") for parameter in function.parameters}
    return found - {"self"}
