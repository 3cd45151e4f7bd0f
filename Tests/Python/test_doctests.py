"""The examples in docstrings run and give what they say."""

from __future__ import annotations

import doctest
import importlib

import pytest
from conftest import SOURCE

MODULES = sorted(
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    for path in (SOURCE / "flowir").rglob("*.py") if ">>> " in path.read_text()
)


def test_public_functions_have_examples() -> None:
    """The package, compile, describe, the compiled flow and training show how they are used."""
    assert {"flowir", "flowir._compile", "flowir._flow", "flowir._train"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    """Each example of a module."""
    pytest.importorskip("zuko")
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0 and result.failed == 0
