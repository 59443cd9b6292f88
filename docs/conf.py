"""The documentation site: `make docs` builds it into docs/_build/html.

Nothing is fetched: a build works offline. With ``FACELOOP_DOCS_ONLINE=1`` the types of other
packages become links into their documentation.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.append(str(Path(__file__).parent / "extensions"))

REPOSITORY = "faceloop/faceloop"
"""On GitHub: the one place that names it, but for README and the metadata of the package."""

project = "faceloop"
author = "The faceloop developers"
project_copyright = f"{author}. Code: MIT. Pictures: of the sample set, CC0"
release = version_of("faceloop")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "llms_txt",
    "public_names",
]
exclude_patterns = ["_build", "gallery"]
templates_path = ["_templates"]

# Pages are Markdown.
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "html_image"]
myst_heading_anchors = 4

# The Python interface, from numpy docstrings; `name` in one is a link where it is public.
default_role = "py:obj"
autosummary_generate = True
autodoc_typehints_format = "short"
autodoc_default_options = {
    "members": True,
    "member-order": "bysource",
    # What scikit-learn makes for each of its estimators, and describes by links into its own pages.
    "exclude-members": "set_fit_request, set_predict_request, set_score_request",
}
numpydoc_show_class_members = False
python_use_unqualified_type_names = True
nitpick_ignore = [  # of constructors that nobody calls
    ("py:class", "faceloop_datasets.store.address.ProjectAddress"),
    ("py:class", "faceloop_datasets.store.database.Database"),
]
nitpick_ignore_regex = [
    # Types of Python and of other packages: their inventories are on the network.
    # Names of ours without their module: not public, and docstrings may name them all the same.
    (r"py:.*", r"(?!faceloop_).*"),
    # What is inside: modules that docstrings name for those who read the code.
    (r"py:obj", r"faceloop_.*"),
]
if os.environ.get("FACELOOP_DOCS_ONLINE"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "pandas": ("https://pandas.pydata.org/docs", None),
        "matplotlib": ("https://matplotlib.org/stable", None),
    }

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "image_srcset": ["2x"],
    "show_memory": False,
    "min_reported_time": 1e9,
    "abort_on_example_error": True,
    "remove_config_comments": True,
}

html_theme = "pydata_sphinx_theme"
html_title = "faceloop"
html_logo = html_favicon = "../workbench/faceloop_workbench/icon.svg"
html_baseurl = "https://faceloop.readthedocs.io/en/latest/"
html_static_path = ["_static"]
html_css_files = ["faceloop.css"]
html_theme_options = {
    "logo": {"text": "faceloop"},
    "github_url": f"https://github.com/{REPOSITORY}",
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 6,
    "navbar_persistent": [],
    "navbar_end": ["search-button", "theme-switcher", "navbar-icon-links"],
    "show_prev_next": False,
}
# MathJax comes from a content delivery network: the one thing that a reader's browser fetches.
