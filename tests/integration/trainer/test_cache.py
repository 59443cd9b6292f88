"""What trainings keep for each other changes how long they take, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from faceloop_datasets import Monitor, PointState, Project
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import FaceModel
from faceloop_runtime.fit.steps import SearchResult
from faceloop_runtime.start_network.start_map import Start
from faceloop_trainer import TrainingConfig, train
from faceloop_trainer import cache as cache_module
from faceloop_trainer.cache import Cache, key_of
from faceloop_trainer.crossfit.searcher import Searcher
from faceloop_trainer.crossfit.training_set import TrainingSet
from faceloop_trainer.crossfit.variants import FaceVariant
from faceloop_trainer.data.faces import load_faces
from faceloop_trainer.experts import moment_cache as sums_module
from faceloop_trainer.parallel import StepCounter
from faceloop_trainer.train import train_faces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from faceloop_datasets import Face

CONFIG = TrainingConfig(channels=("lbp",), components=8, prior="none")
"""With mirrored planes, and fast."""
FACES = 16


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def faces(sample_project: Project) -> list[Face]:
    return list(sample_project.faces()[:FACES])


def corrected(faces: list[Face], which: int = 5) -> list[Face]:
    """Move a few points of one face by a pixel, and take one point away."""
    annotation = faces[which].annotation
    points = annotation.points.copy()
    points[40:45] += 1.0
    points[50] = np.nan
    states = annotation.states.copy()
    states[50] = PointState.MISSING
    changed = replace(faces[which], annotation=replace(annotation, points=points, states=states))
    return [changed if i == which else face for i, face in enumerate(faces)]


def trained(project: Project, faces: list[Face], cache: Cache, file: Path) -> bytes:
    """Train; returns the model file's bytes."""
    ready, unusable = load_faces(project.scheme, faces, CONFIG.scales[-1], cache=cache)
    assert unusable == []
    train_faces(project.scheme, ready, CONFIG, cache=cache).save(file)
    return file.read_bytes()


def counted(patch: pytest.MonkeyPatch) -> list[int]:
    """Number of faces that each scale and fold gathers anew, as trainings go on."""
    counts: list[int] = []
    add = sums_module.MomentGatherer.add

    def counting(self: sums_module.MomentGatherer, *rest: object) -> None:
        counts.append(rest[-1] if isinstance(rest[-1], int) else 1)
        add(self, *rest)  # type: ignore[arg-type]

    patch.setattr(sums_module.MomentGatherer, "add", counting)
    return counts


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    return counted(monkeypatch)


@dataclass(frozen=True)
class First:
    """A training that found nothing: its file, what it kept, and how much it looked at."""

    file: bytes
    kept: Path
    looked: list[int]


@pytest.fixture(scope="module")
def first(sample_project: Project, tmp_path_factory: pytest.TempPathFactory) -> First:
    folder = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as patch:
        looked = counted(patch)
        faces = list(sample_project.faces()[:FACES])
        file = trained(sample_project, faces, Cache(folder / "cache"), folder / "first")
    return First(file, folder / "cache", looked)


@pytest.fixture
def filled(first: First, cache: Cache) -> Cache:
    """Return a cache with what the first training kept."""
    assert cache.folder is not None
    shutil.copytree(first.kept, cache.folder)
    return cache


def test_a_retraining_gives_the_same_file_as_one_from_scratch(  # noqa: PLR0917 - what pytest hands over
    sample_project: Project,
    faces: list[Face],
    first: First,
    filled: Cache,
    looked: list[int],
    tmp_path: Path,
) -> None:
    assert len(first.looked) == 4 * FACES  # three scales, and the initialiser's
    changed = [*corrected(faces)[:-1]]  # and another one was taken out
    warm = trained(sample_project, changed, filled, tmp_path / "warm")
    assert sorted(looked) == [-1] * 8 + [1] * 4
    assert warm == trained(sample_project, changed, Cache(None), tmp_path / "cold")


@pytest.mark.parametrize("other", [{"limit": FACES}, {"holdout": 0.3}])
def test_faces_that_were_chosen_otherwise_have_sums_of_their_own(
    sample_project: Project,
    faces: list[Face],
    filled: Cache,
    looked: list[int],
    other: dict[str, Any],
) -> None:
    """Who tries a limit and goes back finds everything as it was."""
    ready, _ = load_faces(sample_project.scheme, faces, CONFIG.scales[-1], cache=filled)
    shown = TrainingSet.of(sample_project.scheme, ready, CONFIG)
    some = replace(shown, faces=shown.faces[1:], folds=shown.folds[1:])
    for config, here, new in (
        (CONFIG, shown, 0),
        (replace(CONFIG, **other), some, 4 * (FACES - 1)),
        (CONFIG, shown, 0),
        (replace(CONFIG, **other), some, 0),
    ):
        looked.clear()
        replace(here, config=config).experts(filled, StepCounter(Monitor()))
        assert len(looked) == new


@pytest.fixture
def own_project(sample_project: Project, tmp_path: Path) -> Iterator[Project]:
    """A project of 16 faces of 4 people, to be changed."""
    records = [f for f, _ in zip(sample_faces(), range(FACES), strict=False)]
    with Project.create(tmp_path / "own") as project:
        project.import_entries("sample", records, scheme="face70")
        yield project


def correct(project: Project, count: int) -> None:
    """Save some faces with a few points moved."""
    for face in project.faces()[:count]:
        points = face.annotation.points.copy()
        points[40:45] += 1.0
        changed = replace(face.annotation, points=points, source="manual")
        project.save(face.item_id, changed, face.revision_id)


def test_retraining_a_project_cross_fits_the_changed_faces_only(
    own_project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    searched: list[str] = []
    search, further = Searcher.search_from, Searcher.search

    def counting(self: Searcher, variant: FaceVariant, start: Start) -> SearchResult:
        searched.append(variant.name)
        return search(self, variant, start)

    def counting_further(self: Searcher, variant: FaceVariant, *rest: Any, **named: Any) -> Any:
        searched.append(variant.name)
        return further(self, variant, *rest, **named)

    monkeypatch.setattr(Searcher, "search_from", counting)
    monkeypatch.setattr(Searcher, "search", counting_further)
    config = replace(CONFIG, holdout=0.0)
    first = train(own_project, config).model
    assert len(set(searched)) == 2 * FACES
    searched.clear()
    correct(own_project, 1)  # less than a tenth
    warm = train(own_project, config).model
    assert len(searched) == 2
    assert not np.array_equal(warm.experts[0].weights, first.experts[0].weights)
    assert not np.array_equal(warm.regressor.weights, first.regressor.weights)
    np.testing.assert_array_equal(
        warm.error_predictor.hidden, first.error_predictor.hidden
    )  # the base is the same
    shutil.rmtree(own_project.path / "cache")
    warm.save(tmp_path / "warm")
    train(own_project, config).model.save(tmp_path / "cold")
    assert (tmp_path / "warm").read_bytes() == (tmp_path / "cold").read_bytes()


@pytest.mark.long
def test_after_many_corrections_everything_is_learned_anew(own_project: Project) -> None:
    config = replace(CONFIG, holdout=0.0)
    first = train(own_project, config).model
    correct(own_project, 5)
    later = train(own_project, config).model
    assert not np.array_equal(later.error_predictor.hidden, first.error_predictor.hidden)


def test_a_cache_may_be_damaged_or_deleted(  # noqa: PLR0917 - what pytest hands over
    sample_project: Project,
    faces: list[Face],
    first: First,
    filled: Cache,
    looked: list[int],
    tmp_path: Path,
) -> None:
    assert filled.folder is not None
    for number, file in enumerate(sorted(filled.folder.rglob("*.bin"))):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content if number % 3 else content[: len(content) // 3])
        if number % 3 == 1:
            file.unlink()
    assert trained(sample_project, faces, filled, tmp_path / "damaged") == first.file
    assert len(looked) == 4 * FACES


_TRAINING = """
import sys
from pathlib import Path
from faceloop_datasets import Project
from faceloop_trainer import TrainingConfig
from faceloop_trainer.cache import Cache
from faceloop_trainer.train import train_faces
from faceloop_trainer.data.faces import load_faces

project, folder, first, file = sys.argv[1:]
options = {"channels": ("lbp",), "components": 8, "prior": "none"}
config, cache = TrainingConfig(**options), Cache(Path(folder))
with Project.open(project) as opened:
    faces = opened.faces()[int(first) : int(first) + 16]
    ready, _ = load_faces(opened.scheme, faces, config.scales[-1], cache=cache)
    train_faces(opened.scheme, ready, config, cache=cache).save(file)
"""


@pytest.mark.long
def test_two_trainings_at_once_share_a_cache(
    sample_project: Project, cache: Cache, tmp_path: Path
) -> None:
    files = [tmp_path / "one", tmp_path / "other"]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _TRAINING, sample_project.path, str(cache.folder), first, file]
        )
        for first, file in zip(("0", "4"), files, strict=True)
    ]
    assert [process.wait() for process in running] == [0, 0]
    for first, file in zip((0, 4), files, strict=True):
        some = list(sample_project.faces()[first : first + 16])
        assert file.read_bytes() == trained(sample_project, some, Cache(None), tmp_path / "alone")


def test_a_picture_that_was_replaced_is_not_taken_from_the_cache(
    sample_project: Project, faces: list[Face], cache: Cache, tmp_path: Path
) -> None:
    face = faces[0]
    assert face.media is not None
    copy = tmp_path / face.media.name
    shutil.copyfile(face.media, copy)
    here = replace(face, media=copy)
    (one,), _ = load_faces(sample_project.scheme, [here], 54.0, cache=cache)
    assert one.source
    other = faces[7].media
    assert other is not None
    shutil.copyfile(other, copy)
    none, unusable = load_faces(sample_project.scheme, [here], 54.0, cache=cache)
    assert (len(none), len(unusable)) == (0, 1)
    assert "not the picture that was annotated" in unusable[0].reason
    copy.unlink()
    none, unusable = load_faces(sample_project.scheme, [here], 54.0, cache=cache)
    assert (len(none), len(unusable)) == (0, 1)


# The folder


def test_what_is_saved_comes_back(cache: Cache) -> None:
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.zeros((0, 4), np.uint8)}
    cache.save("kind", "name", arrays)
    found = cache.load("kind", "name")
    assert found is not None
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
    assert cache.load("kind", "other") is None
    assert Cache(None).load("kind", "name") is None


def test_arrays_come_back_however_they_lie_in_memory(cache: Cache) -> None:
    array = np.arange(12.0).reshape(3, 4)
    arrays = {"turned": array.T, "strided": array[:, ::2], "number": np.array(3.0)}
    cache.save("kind", "name", arrays)
    found = cache.load("kind", "name")
    assert found is not None
    for name, expected in arrays.items():
        np.testing.assert_array_equal(found[name], expected)


def test_a_file_under_another_name_is_not_believed(cache: Cache) -> None:
    cache.save("kind", "name", {"a": np.arange(3)})
    assert cache.folder is not None
    shutil.copyfile(cache.folder / "kind/name.bin", cache.folder / "kind/other.bin")
    assert cache.load("kind", "other") is None
    assert cache.load("kind", "name") is not None


def test_a_folder_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, no folder")
    cache = Cache(tmp_path / "cache")
    cache.save("kind", "name", {"a": np.arange(3)})
    cache.tidy()
    assert cache.load("kind", "name") is None


def test_the_folder_is_bounded_and_keeps_what_was_used_last(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=2500)
    for name in "abc":
        cache.save("kind", name, {"a": np.zeros(1000, np.uint8)})
        file = tmp_path / "kind" / f"{name}.bin"
        old = 1_000_000_000 + ord(name)
        os.utime(file, (old, old))
    assert cache.load("kind", "a") is not None  # used now
    cache.tidy()
    assert [name for name in "abc" if cache.load("kind", name)] == ["a", "c"]


# From a stranger


def test_what_another_account_wrote_is_not_believed(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as theirs:
        theirs.setattr(cache_module, "_secret", lambda: b"somebody else's")
        cache.save("kind", "name", {"a": np.arange(3)})
        assert cache.load("kind", "name") is not None
    assert cache.load("kind", "name") is None


def test_the_key_is_kept_by_the_account_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "user_data_dir", lambda *_, **__: str(tmp_path / "data"))
    make = cache_module._secret.__wrapped__
    first = make()
    file = tmp_path / "data" / "cache.key"
    assert make() == first == file.read_bytes()
    if os.name == "posix":
        assert file.stat().st_mode & 0o077 == 0
    file.write_bytes(b"short")
    assert make() != make()  # nothing is believed then


def test_a_link_to_somebodys_files_is_not_followed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    Cache(home).save("kind", "name", {"a": np.arange(3)})
    (home / "letter").write_bytes(b"precious" * 100)
    for where in ("cache", "inside/kind"):
        (tmp_path / where).parent.mkdir(exist_ok=True)
        (tmp_path / where).symlink_to(home if where == "cache" else home / "kind")
        cache = Cache(tmp_path / where.partition("/")[0], limit=1)
        assert cache.load("kind", "name") is None
        cache.save("kind", "new", {"a": np.arange(3)})
        cache.tidy()
    assert {path.name for path in home.rglob("*")} == {"letter", "kind", "name.bin"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_would_never_end(cache: Cache) -> None:
    assert cache.folder is not None
    (cache.folder / "kind").mkdir(parents=True)
    os.mkfifo(cache.folder / "kind" / "name.bin")
    assert cache.load("kind", "name") is None


def test_names_tell_values_apart() -> None:
    array = np.arange(4.0)
    same = key_of("x", 1, array)
    assert same == key_of("x", 1, array.copy())
    others = [key_of("x", 2, array), key_of("x1", array), key_of("x", 1, array.reshape(2, 2))]
    assert len({same, *others, key_of("x", 1, array.astype(np.float32))}) == 5


def test_the_detector_of_the_same_faces_is_not_trained_again(
    sample_project: Project, faces: list[Face], filled: Cache, tmp_path: Path
) -> None:
    assert filled.folder is not None
    (file,) = (filled.folder / "crossfit").glob("*-detector.bin")
    arrays = dict(filled.load("crossfit", file.stem) or {})
    arrays["bias"] = arrays["bias"] + np.float32(1)  # so that it is told apart from a new one
    filled.save("crossfit", file.stem, arrays)
    trained(sample_project, faces, filled, tmp_path / "b.safetensors")
    detector = FaceModel.load(tmp_path / "b.safetensors").detector
    assert detector is not None
    np.testing.assert_array_equal(detector.bias, arrays["bias"])
