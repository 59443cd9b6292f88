# ruff: noqa: T201 - a program that is run by hand
"""Change the core in small ways and see whether the tests notice: ``make mutants``.

``python tests/mutants/run.py [MODULE ...] [--survivors] [--children N]``

For each module of `MODULES` mutmut (https://mutmut.readthedocs.io) makes its mutants, one operator,
number, argument or text changed in each, and runs the tests named here that reach the changed
function. Mutants that no test notices are shown. Ends with 1 where a module has less than 90 % of
its mutants killed, those in `equivalent.txt` left out: they compute the same.

Not changed: what a ``raise`` statement says, annotations, what stands outside functions, and
functions with a decorator (mutmut leaves these out).
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import shutil
import subprocess
import sys
from contextlib import chdir
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mutmut.mutation.diff_apply import get_diff_for_mutant

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "mutants"
ROOMS = ("datasets", "runtime", "trainer", "workbench")
ENOUGH = 0.9
"""Share of its mutants that the tests of a module have to kill."""

RUNTIME, TRAINER, DATASETS = (f"tests/unit/{room}" for room in ("runtime", "trainer", "datasets"))
MODULES = {
    "runtime/faceloop_runtime/geometry.py": (f"{RUNTIME}/test_geometry.py",),
    "runtime/faceloop_runtime/imaging/crop.py": (f"{RUNTIME}/test_crop.py",),
    "runtime/faceloop_runtime/responses/cpu.py": (f"{RUNTIME}/test_responses.py",),
    "runtime/faceloop_runtime/pdm/gaussian.py": (f"{RUNTIME}/test_gaussian.py",),
    "runtime/faceloop_runtime/pdm/model.py": (
        f"{RUNTIME}/test_pdm.py",
        f"{RUNTIME}/test_correlated_modes.py",
    ),
    "runtime/faceloop_runtime/pdm/tangent.py": (f"{RUNTIME}/test_tangent.py",),
    "runtime/faceloop_runtime/pdm3d/head_pose.py": (f"{RUNTIME}/test_pdm3d.py",),
    "runtime/faceloop_runtime/pdm3d/pose.py": (f"{RUNTIME}/test_pdm3d.py",),
    "runtime/faceloop_runtime/pdm3d/rotation.py": (f"{RUNTIME}/test_pdm3d.py",),
    "runtime/faceloop_runtime/fit/fitter.py": (f"{RUNTIME}/test_fitter.py",),
    "runtime/faceloop_runtime/fit/inputs.py": (f"{RUNTIME}/test_fitter.py",),
    "runtime/faceloop_runtime/fit/meanshift.py": (f"{RUNTIME}/test_meanshift.py",),
    "runtime/faceloop_runtime/fit/steps.py": (f"{RUNTIME}/test_fitter.py",),
    "datasets/faceloop_datasets/queue.py": (f"{DATASETS}/test_queue.py",),
    "datasets/faceloop_datasets/review/frames.py": (
        f"{DATASETS}/test_queue.py",
        f"{DATASETS}/test_review_frames.py",
    ),
    "datasets/faceloop_datasets/store/queue.py": (f"{DATASETS}/test_queue.py",),
    "datasets/faceloop_datasets/media/video/reading.py": (
        f"{DATASETS}/test_video_truth.py",
        f"{DATASETS}/test_video_frames.py",
        f"{DATASETS}/test_video.py::test_frames_fetched_one_after_the_other_are_decoded_once",
        f"{DATASETS}/test_video_shown.py::test_pixels_are_shown_square",
    ),
    "datasets/faceloop_datasets/media/video/timing.py": (f"{DATASETS}/test_video_timing.py",),
    "trainer/faceloop_trainer/data/split.py": (f"{TRAINER}/test_split.py",),
    "trainer/faceloop_trainer/pdm/ppca.py": (
        f"{TRAINER}/test_ppca.py::test_the_model_is_that_of_em_spelled_out",
    ),
    "trainer/faceloop_trainer/pdm/sparse.py": (f"{TRAINER}/test_sparse.py",),
    "trainer/faceloop_trainer/pdm/scheme_completion.py": (f"{TRAINER}/test_scheme_completion.py",),
    "trainer/faceloop_trainer/pdm/mirror_check.py": (f"{TRAINER}/test_scheme_completion.py",),
    "trainer/faceloop_trainer/experts/moments.py": (f"{TRAINER}/test_moments.py",),
    "trainer/faceloop_trainer/experts/moment_cache.py": (f"{TRAINER}/test_moment_cache.py",),
    "trainer/faceloop_trainer/crossfit/crossfit.py": (f"{TRAINER}/test_crossfit.py",),
    "trainer/faceloop_trainer/packs.py": (f"{TRAINER}/test_fit_store.py",),
    "trainer/faceloop_trainer/crossfit/start_training.py": (f"{TRAINER}/test_start_training.py",),
    "trainer/faceloop_trainer/ridge.py": (f"{TRAINER}/test_start_training.py",),
    "trainer/faceloop_trainer/crossfit/fit_store.py": (
        f"{TRAINER}/test_fit_store.py",
        f"{TRAINER}/test_crossfit.py",
    ),
    "trainer/faceloop_trainer/crossfit/correction_targets.py": (f"{TRAINER}/test_fit_store.py",),
    "trainer/faceloop_trainer/crossfit/training_set.py": (f"{TRAINER}/test_training_set.py",),
    "trainer/faceloop_trainer/crossfit/variants.py": (f"{TRAINER}/test_training_set.py",),
}
"""The tests that have to notice mutants of a file; both paths from the root of the repository."""
PARTS = {
    "pdm/ppca": ("_expect", "_covariance", "_principal"),
    "media/video/reading": (
        "__init__",
        "_from",
        "_numbered",
        "_count",
        "_fetch",
        "_starts",
        "_keys_before",
        "_forward",
    ),
}
"""Functions that alone are looked at: how missing points are filled, which frame is shown when."""


def main() -> int:
    """Test the mutants of the modules asked for; returns 1 if too many of one survive."""
    options = _options()
    results = [_test(layout, options) for layout in _chosen(options.modules)]
    width = max(len(r.layout.name) for r in results)
    print(f"\n{'module':{width}}{'mutants':>9}{'killed':>8}{'survived':>10}{'same':>6}{'share':>9}")
    for r in results:
        counts = f"{len(r.survived) + r.killed:9}{r.killed:8}{len(r.noticeable):10}{r.same:6}"
        print(f"{r.layout.name:{width}}{counts}{r.share:9.1%}")
    if len(results) == len(MODULES):
        survived = {change for r in results for change in r.survived.values()}
        for change in sorted(_equivalent() - survived):
            print(f"\nIn equivalent.txt, but there is no such mutant, or it was killed:\n{change}")
    return int(any(r.share < ENOUGH for r in results))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", help="such as fit/steps; all if none is named")
    parser.add_argument("--survivors", action="store_true", help="only those of the last time")
    parser.add_argument("--children", type=int, default=1, help="processes at a time")
    return parser.parse_args()


def _chosen(names: list[str]) -> list[Layout]:
    layouts = {x.name: x for x in (Layout(module, tests) for module, tests in MODULES.items())}
    unknown = [name for name in names if name not in layouts]
    if unknown:
        sys.exit(f"There is no module {unknown[0]}. Modules: {', '.join(layouts)}.")
    return [layouts[name] for name in names or layouts]


@dataclass(frozen=True)
class Layout:
    """A copy of the repository as mutmut wants it: all packages below ``src``."""

    module: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        """Path of the module in its package, without ``.py``."""
        return Path(*Path(self.module).parts[2:]).with_suffix("").as_posix()

    @property
    def folder(self) -> Path:
        """Where the copy is."""
        return BUILD / self.name

    @property
    def source(self) -> Path:
        """The module in the copy, from its folder."""
        return Path("src", *Path(self.module).parts[1:])

    def make(self) -> None:
        """Make the copy anew."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for room in ROOMS:
            _copy(ROOT / room, self.folder / "src")
        source = self.folder / self.source
        source.write_text(_without_errors(source.read_text("utf-8")), "utf-8")
        settings = (ROOT / "pyproject.toml").read_text("utf-8")
        (self.folder / "pyproject.toml").write_text(settings + self._settings(), "utf-8")
        self.bring_tests()

    def bring_tests(self) -> None:
        """Bring the tests up to date."""
        for tests in (self.folder / "tests", self.folder / "mutants" / "tests"):
            _copy(ROOT / "tests", tests)

    def _settings(self) -> str:
        arguments = ["-p", "no:cacheprovider", "--hypothesis-profile=mutants"]
        # None deletes what another one has left, or may still use: a test would fail by that.
        arguments += ["-o", "tmp_path_retention_policy=failed"]
        arguments += ["-o", "tmp_path_retention_count=1000000"]
        return (
            "\n[tool.mutmut]\n"
            'source_paths = ["src"]\n'
            f"only_mutate = {json.dumps([self.source.as_posix()])}\n"
            f"pytest_add_cli_args_test_selection = {json.dumps(self.tests)}\n"
            f"pytest_add_cli_args = {json.dumps(arguments)}\n"
            "track_dependencies = false\n"
            "use_git_change_detection = false\n"
        )

    def codes(self) -> dict[str, int | None]:
        """What the tests of each mutant ended with."""
        meta = self.folder / "mutants" / f"{self.source}.meta"
        codes: dict[str, int | None] = json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
        return {name: code for name, code in codes.items() if self.concerns(name)}

    def concerns(self, mutant: str) -> bool:
        """Whether a mutant is one of a function that is looked at."""
        function = _function(mutant).rpartition(".")[2]
        return self.name not in PARTS or function in PARTS[self.name]


@dataclass(frozen=True)
class Result:
    """What became of the mutants of a module."""

    layout: Layout

    @cached_property
    def survived(self) -> dict[str, str]:
        """Mutants that no test noticed, or reached, with what was changed."""
        # 0: the tests passed; 5 and 33: there are none; None: was not tested.
        names = [name for name, code in self.layout.codes().items() if code in {0, 5, 33, None}]
        return {name: _change(self.layout, name) for name in names}

    @property
    def killed(self) -> int:
        """How many were noticed; a test that never ends is one too."""
        return len(self.layout.codes()) - len(self.survived)

    @property
    def noticeable(self) -> list[str]:
        """Survivors that do not just compute the same."""
        same = _equivalent()
        return [name for name, change in self.survived.items() if change not in same]

    @property
    def same(self) -> int:
        """How many survivors compute the same."""
        return len(self.survived) - len(self.noticeable)

    @property
    def share(self) -> float:
        """Share of the mutants that could be noticed and were."""
        return self.killed / max(1, self.killed + len(self.noticeable))


def _test(layout: Layout, options: argparse.Namespace) -> Result:
    print(f"{layout.name} ...", flush=True)
    names = [f"*{function}__mutmut_*" for function in PARTS.get(layout.name, ())]
    if options.survivors:
        layout.bring_tests()
        names = Result(layout).noticeable
    else:
        layout.make()
    if names or not options.survivors:
        _run_mutmut("--max-children", str(options.children), *names, layout=layout)
    result = Result(layout)
    for name in result.noticeable:
        print(f"{name}\n{result.survived[name]}")
    return result


def _run_mutmut(*arguments: str, layout: Layout) -> None:
    packages = layout.folder / "mutants" / "src"
    packages.mkdir(parents=True, exist_ok=True)  # Python forgets a path that is not there
    temporary = layout.folder / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(packages), "OMP_NUM_THREADS": "1"}
    environment["PYTEST_DEBUG_TEMPROOT"] = str(temporary)
    environment.pop("FACELOOP_DATA", None)  # the same tests on every machine
    program = Path(sys.executable).with_name("mutmut")
    done = subprocess.run(
        [program, "run", *arguments],
        cwd=layout.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    shutil.rmtree(temporary, ignore_errors=True)
    if done.returncode:
        sys.exit(f"{done.stdout[-4000:]}\nmutmut ended with {done.returncode} on {layout.module}.")


def _function(mutant: str) -> str:
    """Name of the function that a mutant is of, after that of its class."""
    mangled = mutant.rpartition(".")[2].rpartition("__mutmut_")[0]
    return mangled.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")


def _change(layout: Layout, name: str) -> str:
    """What was changed in a mutant: the function, and the lines before and after."""
    with chdir(layout.folder):
        lines = get_diff_for_mutant(name, path=layout.source).splitlines()
    changed = [line for line in lines if line[:1] in "-+" and line[:3] not in {"---", "+++"}]
    short = [f"{line[0]} {line[1:].strip()}" for line in changed]
    return "\n".join([_function(name), *short])


def _equivalent() -> set[str]:
    """Changes after which the code computes the same, each with its reason after a ``#``."""
    text = Path(__file__).with_name("equivalent.txt").read_text("utf-8")
    blocks = text.split("\n\n")
    kept = ("\n".join(x for x in b.splitlines() if x[:1] != "#").strip() for b in blocks)
    return set(filter(None, kept))


def _without_errors(source: str) -> str:
    """Mark the lines of ``raise`` statements: their texts are for people."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Raise):
            for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[number] += "  # pragma: no mutate"
    return "\n".join(lines) + "\n"


def _copy(source: Path, target: Path) -> None:
    caches = shutil.ignore_patterns("__pycache__", ".*_cache", ".hypothesis", "*.pyc")
    shutil.copytree(source, target, ignore=caches, dirs_exist_ok=True)


if __name__ == "__main__":
    sys.exit(main())
