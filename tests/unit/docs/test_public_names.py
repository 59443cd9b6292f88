"""Every public name is on a page, and says what it takes."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest

from .pages import DOCS

PACKAGES = ("faceloop_datasets", "faceloop_runtime", "faceloop_trainer")
MADE_ELSEWHERE = {"Project", "ReviewQueue", "TrackingSession", "VideoFrame"}
"""Their docstrings say who makes them: nobody else calls the class."""
NAMES = [(p, name) for p in PACKAGES for name in importlib.import_module(p).__all__]


@pytest.mark.parametrize("package", PACKAGES)
def test_its_page_lists_every_public_name_once(package: str) -> None:
    page = (DOCS / "reference/api" / f"{package}.md").read_text(encoding="utf-8")
    tables = re.findall(r"autosummary::\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    listed = re.findall(r"^   (\w+)$", "\n".join(tables), re.MULTILINE)
    assert sorted(listed) == sorted(importlib.import_module(package).__all__)


def callables(thing: Any) -> Iterator[tuple[str, Any]]:
    """Yield a function; or what makes a class, and its public methods."""
    if inspect.isfunction(thing):
        yield thing.__name__, thing
    if not inspect.isclass(thing) or issubclass(thing, (Enum, Exception)):
        return
    if thing.__name__ not in MADE_ELSEWHERE:
        yield thing.__name__, thing
    for name, member in vars(thing).items():
        function = getattr(member, "__func__", member)
        if not name.startswith("_") and inspect.isfunction(function):
            yield f"{thing.__name__}.{name}", function


def unexplained(thing: Any, text: str) -> list[str]:
    """Return parameters that a docstring does not name."""
    own = [p for p in inspect.signature(thing).parameters if p not in {"self", "cls"}]
    return [name for name in own if not re.search(rf"\b{re.escape(name)}\b", text)]


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_it_says_what_it_is_and_what_it_takes(package: str, name: str) -> None:
    thing = getattr(importlib.import_module(package), name)
    if not inspect.isclass(thing) and not inspect.isfunction(thing):
        return  # a type: its page shows it, and what stands below it in its module
    assert inspect.getdoc(thing)
    for what, one in callables(thing):
        bases = inspect.getmro(one) if inspect.isclass(one) else (one,)  # FaceModel is ModelParts
        text = "\n".join(inspect.getdoc(base) or "" for base in bases if base is not object)
        assert text, what
        assert unexplained(one, text) == [], what
