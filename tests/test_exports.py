"""The public names are the documented ones, and they say where they live."""

import importlib
import inspect
import pkgutil

import pytest

import midstream

MODULES = [
    "midstream",
    *sorted(
        module.name
        for module in pkgutil.walk_packages(midstream.__path__, "midstream.")
        if not any(part.startswith("_") for part in module.name.split("."))
    ),
]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_lists_what_it_exports(name):
    module = importlib.import_module(name)
    exported = module.__all__
    assert sorted(exported) == sorted(set(exported))
    for export in exported:
        assert hasattr(module, export), f"{name}.__all__ lists {export}, which is not there"


@pytest.mark.parametrize("name", MODULES)
def test_every_export_has_a_docstring_and_a_public_home(name):
    module = importlib.import_module(name)
    for export in module.__all__:
        thing = getattr(module, export)
        if inspect.isclass(thing) or inspect.isfunction(thing) or inspect.isbuiltin(thing):
            assert inspect.getdoc(thing), f"{name}.{export} has no docstring"
            assert "_rust" not in thing.__module__, f"{name}.{export} says it lives in {thing.__module__}"
