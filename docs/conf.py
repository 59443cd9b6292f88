"""The documentation site: `make docs` builds it into docs/_build/html."""

from __future__ import annotations

from importlib.metadata import version as version_of

REPOSITORY = "faceloop/faceloop"
"""On GitHub; pages and pictures of the README are named by it, and nothing else is."""

project = "faceloop"
author = "The faceloop developers"
project_copyright = f"{author}. Code: MIT; pictures are of the sample set, CC0"
release = version_of("faceloop")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build"]
suppress_warnings = ["toc.empty_glob"]

# Pages are Markdown.
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "html_image"]
myst_heading_anchors = 3

html_theme = "pydata_sphinx_theme"
html_title = "faceloop"
html_baseurl = "https://faceloop.github.io/faceloop/"
html_theme_options = {
    "github_url": f"https://github.com/{REPOSITORY}",
    "show_toc_level": 2,
}
