"""What is imported with the packages: nothing that is not used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import faceloop_datasets
import faceloop_runtime
import faceloop_trainer

HEAVY = {
    *("sqlalchemy", "pandas", "pyarrow", "av", "scipy", "sklearn", "matplotlib", "PIL"),
    *("vispy", "napari", "qtpy"),
}


def imported(statement: str, some: set[str]) -> set[str]:
    """Which of some modules a statement imports, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return some & set(done.stdout.split())


@pytest.mark.parametrize("package", ["faceloop_datasets", "faceloop_runtime", "faceloop_trainer"])
def test_a_package_alone_imports_nothing_heavy(package: str) -> None:
    assert imported(f"import {package}", HEAVY) == set()


def test_who_fits_and_tracks_needs_neither_database_nor_tables() -> None:
    names = imported("from faceloop_runtime import FaceModel, Fitter, Tracker", HEAVY)
    assert not names & {"sqlalchemy", "pandas", "sklearn", "matplotlib", "vispy", "napari"}


def test_a_project_needs_no_signal_processing() -> None:
    unneeded = {"scipy.signal", "scipy.stats", "pandas", "pyarrow"}
    assert imported("from faceloop_datasets import Project", unneeded) == set()


def test_a_training_in_which_little_changed_needs_no_learning_library() -> None:
    """They take a second, which is a third of a retraining."""
    unneeded = {"sklearn", "scipy.stats", "scipy.optimize", "pandas", "matplotlib", "pyarrow"}
    assert imported("import faceloop_workbench.services.training", unneeded) == set()


def test_who_asks_whether_anything_changed_waits_for_nothing_that_trains() -> None:
    unneeded = {"sklearn", "scipy.linalg", "scipy.spatial", "faceloop_trainer.train", "pandas"}
    assert imported("import faceloop_workbench.services.unchanged", unneeded) == set()


@pytest.mark.parametrize("package", [faceloop_datasets, faceloop_runtime, faceloop_trainer])
def test_every_public_name_is_there(package: object) -> None:
    names = package.__all__  # type: ignore[attr-defined]
    assert len(names) > 5
    assert all(getattr(package, name) is not None for name in names)
    assert set(names) <= set(dir(package))
