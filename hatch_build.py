"""Compile the kernels of the runtime when a wheel is built or the repository is installed.

``python hatch_build.py`` compiles them in place, after a change of theirs. Without a C compiler, or
with ``FACELOOP_KERNELS=0``, the wheel is one of pure Python, and NumPy computes the same, slower.
"""

from __future__ import annotations

import importlib.util
import platform
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
# Nothing here may change what NaN and infinity do: no -ffast-math.
GNU = ("-O3", "-g0", "-std=gnu11", "-fvisibility=hidden", "-fno-math-errno", "-fno-trapping-math")
GNU_SETS = {
    "baseline": (),
    "x86-64-v3": ("-march=x86-64-v3",),
    "x86-64-v4": ("-march=x86-64-v4", "-mprefer-vector-width=512"),
}
MSVC = ("/O2", "/std:c11")
MSVC_SETS = {"baseline": (), "x86-64-v3": ("/arch:AVX2",), "x86-64-v4": ("/arch:AVX512",)}


class KernelsHook(BuildHookInterface[Any]):
    """Adds the compiled kernels to a wheel, which then is one for this platform, any Python."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Compile, before the files of the wheel are chosen."""
        if self.target_name != "wheel":
            return
        made, fault = compile_kernels()
        if not made:
            self.app.display_warning(f"The wheel has no compiled kernels: {fault}")
            return
        platform_tag = self.build_config.builder.get_best_matching_tag().rpartition("-")[2]
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag}"
        # git ignores them, and hatchling what git ignores
        build_data["artifacts"] += [file.relative_to(ROOT).as_posix() for file in made]


def compile_kernels() -> tuple[list[Path], str]:
    """Compile the kernels into the folder of their sources, a library for each instruction set.

    Returns
    -------
    libraries : list of Path
        Empty if they could not be compiled, or are not wanted. None of before is left then.
    fault : str
        Why.
    """
    library = _library()
    for name in library.INSTRUCTION_SETS:
        library.library_file(name).unlink(missing_ok=True)
    if library.switched_off:
        return [], f"{library.SWITCH} is 0"
    try:
        made = [_compile(library, "baseline")]
    except Exception as fault:  # noqa: BLE001 - no compiler, a broken one, or a distutils without
        return [], f"{type(fault).__name__}: {fault}"
    if platform.machine().lower() in {"x86_64", "amd64"}:
        for name in library.INSTRUCTION_SETS[1:]:
            try:
                made.append(_compile(library, name))
            except Exception as fault:  # noqa: BLE001 - a compiler too old for it, or two processors at once
                print(f"No kernels for {name}: {fault}", file=sys.stderr)  # noqa: T201
    return made, ""


def _compile(library: ModuleType, name: str) -> Path:
    """Compile the library for one instruction set."""
    importlib.import_module("setuptools")  # Python's own distutils is gone: it brings one
    from distutils.ccompiler import new_compiler  # noqa: PLC0415
    from distutils.sysconfig import customize_compiler  # noqa: PLC0415

    compiler = new_compiler()
    customize_compiler(compiler)
    microsoft = compiler.compiler_type == "msvc"
    options = [*MSVC, *MSVC_SETS[name]] if microsoft else [*GNU, *GNU_SETS[name]]
    dest: Path = library.library_file(name)
    with tempfile.TemporaryDirectory() as folder:
        objects = compiler.compile(
            [str(file.relative_to(ROOT)) for file in library.sources() if file.suffix == ".c"],
            output_dir=folder,
            macros=[("FACELOOP_CHECKSUM", str(library.checksum()))],
            extra_postargs=options,
        )
        # A process may be using the one that is there: it is replaced, not written over.
        dest.parent.mkdir(exist_ok=True)
        fresh = dest.with_suffix(f".new{dest.suffix}")
        compiler.link_shared_object(objects, str(fresh), libraries=[] if microsoft else ["m"])
        fresh.replace(dest)
    return dest


def _library() -> ModuleType:
    """Return the module that finds the libraries; the package itself cannot be imported yet."""
    file = ROOT / "runtime" / "faceloop_runtime" / "kernels" / "library.py"
    spec = importlib.util.spec_from_file_location("library", file)
    assert spec is not None  # noqa: S101
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    libraries, why = compile_kernels()
    for file in libraries:
        print(file.relative_to(ROOT))  # noqa: T201
    if not libraries:
        sys.exit(f"No kernels were compiled: {why}")
