"""References to public names, wherever they are defined, lead to the page that documents them.

Annotations and docstrings name `Fit`, or by its file `faceloop_runtime.fit.result.Fit`; the page is
that of `faceloop_runtime.Fit`.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docutils.nodes import Element
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

PACKAGES = ("faceloop_datasets", "faceloop_runtime", "faceloop_trainer")
"""What other code may import from: `docs/reference/api` has a page for each of its names."""


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


@cache
def public_names() -> dict[str, str]:
    """Return the full name of every public name."""
    modules = [importlib.import_module(package) for package in PACKAGES]
    return {name: f"{module.__name__}.{name}" for module in modules for name in module.__all__}


def _resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: Element
) -> Element | None:
    if node.get("refdomain") != "py":
        return None
    *before, last = node["reftarget"].split(".")
    known = public_names()
    if last in known:
        target = known[last]
    elif before and before[-1] in known:
        target = f"{known[before[-1]]}.{last}"  # a method
    else:
        return None
    domain = env.domains.python_domain
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", target, node, content)
