"""Make pictures of the documentation from the bundled CC0 sample: python docs/pictures.py.

They are what `faceloop demo` makes: a frame of its overlay video and its plot of errors; and a
chart of a report on its model.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from PIL import Image

from faceloop_datasets import Video
from faceloop_trainer.report import ReportOptions
from faceloop_workbench.services.demo import open_demo, run_demo
from faceloop_workbench.services.reporting import report_on

_IMAGES = Path(__file__).parent / "images"
_FRAME = 12  # the face looks at the camera and talks


def main() -> None:
    """Run the demo and keep its pictures."""
    with tempfile.TemporaryDirectory() as folder, open_demo(Path(folder)) as project:
        made = run_demo(project)
        if made.plot is not None:
            shutil.copyfile(made.plot, _IMAGES / "ced.png")
        page = report_on(project, None, None, ReportOptions())[1][0]
        shutil.copyfile(page.with_name("points.png"), _IMAGES / "points.png")
        with Video(made.overlay) as video:
            Image.fromarray(video[_FRAME].image).save(_IMAGES / "fit.jpg", quality=88)


if __name__ == "__main__":
    main()
