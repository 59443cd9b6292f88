"""Settings that cannot work are refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from faceloop_datasets import TrainingError
from faceloop_trainer import TrainingConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("experts", "forest"),
        ("channels", ()),
        ("channels", ("raw", "depth")),
        ("scales", (24.0, 36.0)),
        ("scales", (36.0, 24.0, 54.0)),
        ("scales", (24.0, 24.0, 54.0)),
        ("scales", (4.0, 24.0, 54.0)),
        ("components", 0),
        ("components", 201),
        ("modes", "oblique"),
        ("prior", "starter"),
        ("limit", 1),
        ("holdout", 1.0),
        ("holdout", -0.1),
        ("seed", -1),
        # as a model file or a project of somebody else may have them
        ("experts", []),
        ("channels", 5),
        ("channels", ({},)),
        ("scales", (8.0, "a", 54.0)),
        ("scales", (8.0, 36.0, 1e300)),
        ("components", "50"),
        ("components", 50.5),
        ("components", True),
        ("mirror", "yes"),
        ("limit", "all"),
        ("holdout", None),
        ("holdout", float("nan")),
        ("seed", "x"),
        ("seed", 10**400),
    ],
)
def test_a_setting_out_of_range_is_named(name: str, value: Any) -> None:
    with pytest.raises(TrainingError, match=f"The setting {name} = .* expected"):
        TrainingConfig(**{name: value})


@pytest.mark.parametrize("values", [{"limit": 2}, {"holdout": 0.0}, {"channels": ("lbp",)}])
def test_the_ends_of_the_ranges_are_usable(values: dict[str, Any]) -> None:
    TrainingConfig(**values)
