"""The real clmtrackr, run by headless Chromium: nothing of it is written down again here."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

LIBRARY = "FACELOOP_CLMTRACKR"
"""Environment variable that names ``build/clmtrackr.js`` of the npm package."""
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_PAGE = """<html><body><script src="%(library)s"></script><script src="%(model)s"></script><script>
var job = %(job)s, out = {parameters: [], points: []};
function drawn(frame) {
  var bytes = atob(frame), canvas = document.createElement('canvas');
  canvas.width = job.width; canvas.height = job.height;
  var context = canvas.getContext('2d'), data = context.createImageData(job.width, job.height);
  for (var i = 0; i < bytes.length; i++) {
    data.data[4*i] = data.data[4*i+1] = data.data[4*i+2] = bytes.charCodeAt(i);
    data.data[4*i+3] = 255;
  }
  context.putImageData(data, 0, 0);
  return canvas;
}
function copy(from, to) { for (var i = 0; i < to.length; i++) to[i] = from[i]; }
function show(what) { document.body.innerHTML = '<pre>' + JSON.stringify(what) + '</pre>'; }
try {
  var first = drawn(job.frames[0]), box = [10, 10, 50, 50];
  var tracker = new clm.tracker({useWebGL: job.webgl, faceDetection: {useWebWorkers: false}});
  tracker.init(pModel);
  // clmtrackr wants to find the face first; then it is put where the job says.
  tracker.start(first, box); tracker.stop(); tracker.track(first, box);
  setTimeout(function () { try {
    var parameters = tracker.getCurrentParameters();
    copy(job.start, parameters);
    copy(tracker.calculatePositions(parameters), tracker.getCurrentPosition());
    for (var f = 0; f < job.frames.length; f++) {
      var frame = drawn(job.frames[f]);
      for (var k = 0; k < (f ? job.iterations : job.first); k++) {
        if (tracker.track(frame) === false) { throw 'lost in frame ' + f; }
        out.parameters.push(tracker.getCurrentParameters().slice());
      }
      out.points.push(tracker.getCurrentPosition());
    }
    show(out);
  } catch (error) { show({error: String(error)}); } }, 50);
} catch (error) { show({error: String(error)}); }
</script></body></html>"""


def missing() -> str | None:
    """Say what is missing to run it, if anything is."""
    if not any(map(shutil.which, _BROWSERS)):
        return "no Chromium on this machine (apt-get install chromium)"
    if not Path(os.environ.get(LIBRARY, "")).is_file():
        return f"no clmtrackr (npm pack clmtrackr; {LIBRARY}=.../package/build/clmtrackr.js)"
    return None


def run(
    model: Path,
    frames: Sequence[np.ndarray],
    start: np.ndarray,
    *,
    first: int,
    iterations: int = 1,
    webgl: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Track gray frames; ``first`` iterations on the first and so many on each other.

    Returns the parameters after each iteration and the points (a browser's pixels) after each
    frame.
    """
    height, width = frames[0].shape
    job: dict[str, Any] = {
        "frames": [base64.b64encode(frame.tobytes()).decode() for frame in frames],
        "width": width,
        "height": height,
        "start": start.tolist(),
        "first": first,
        "iterations": iterations,
        "webgl": webgl,
    }
    browser = next(b for b in _BROWSERS if shutil.which(b))
    # A page may read scripts beside it only by address; JSON bodies become scripts here.
    text = model.read_text(encoding="utf-8")
    script = f"var pModel = {text};" if model.suffix == ".json" else text
    with TemporaryDirectory() as folder:
        (Path(folder) / "model.js").write_text(script, encoding="utf-8")
        page = Path(folder) / "page.html"
        names = {
            "library": Path(os.environ[LIBRARY]).resolve().as_uri(),
            "model": "model.js",
            "job": json.dumps(job),
        }
        page.write_text(_PAGE % names, encoding="utf-8")
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
        command += ["--enable-unsafe-swiftshader", "--virtual-time-budget=20000", page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    found = re.search("<pre>(.*)</pre>", done.stdout, re.DOTALL)
    assert found is not None, done.stderr[-2000:]
    result = json.loads(found[1])
    assert "error" not in result, result
    return np.array(result["parameters"]), np.array(result["points"])
