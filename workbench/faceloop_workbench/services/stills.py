"""Fitting pictures: their points, pictures with the fits drawn in, and poorly fitted ones."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from faceloop_datasets import InputError, Monitor
from faceloop_datasets.files import atomic_path
from faceloop_datasets.media.images import read_image
from faceloop_datasets.outputs import (
    below_common,
    files_told_apart,
    refuse_in_project,
    refuse_to_replace,
    require_ending,
)
from faceloop_runtime import Fit, Tracker
from faceloop_runtime.quality.thresholds import POOR_ERROR

from .finding import AUTOMATIC, Finding
from .model_choice import expression_names
from .overlay import draw_fits
from .points_table import PointsTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import ProgressLike, Project, QueueEntry, Scheme
    from faceloop_runtime import FaceModel
    from faceloop_runtime.clmtrackr import ClmtrackrModel


@dataclass(frozen=True, eq=False)
class StillResult:
    """Faces found in one picture, or why it could not be read.

    Parameters
    ----------
    image : Path
        The picture.
    fits : tuple of Fit
        Its faces, the surest first.
    error : str or None
        Why it could not be read.
    more : int
        How many faces it has beyond the most that were to be fitted.
    """

    image: Path
    fits: tuple[Fit, ...] = ()
    error: str | None = None
    more: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Values for JSON."""
        faces = [
            {
                "points": fit.points,
                "confidence": fit.confidence,
                "visibility": fit.visibility,
                "score": fit.score,
                "predicted_error": fit.predicted_error,
                "error_bound": fit.error_bound,
                "converged": fit.converged,
                "start": fit.start,
                "head_pose": None if fit.head_pose is None else asdict(fit.head_pose),
                "expressions": fit.expressions,
            }
            for fit in self.fits
        ]
        return {"image": self.image, "faces": faces, "more_faces": self.more, "error": self.error}


def fit_stills(
    model: FaceModel | ClmtrackrModel,
    images: Sequence[Path],
    *,
    points: Path | None = None,
    overlay: Path | None = None,
    max_faces: int = 1,
    finding: Finding = AUTOMATIC,
    keep: Iterable[Path] = (),
    progress: ProgressLike = None,
) -> list[StillResult]:
    """Find and fit the faces of pictures, each like the first frame of a video.

    Parameters
    ----------
    model : FaceModel or ClmtrackrModel
        What to fit.
    images : sequence of Path
        The pictures; one that cannot be read does not keep the others from being fitted.
    points : Path, optional
        Table to write, see `faceloop_workbench.services.points_table.PointsTable`.
    overlay : Path, optional
        Picture to write with the fits drawn in; of several pictures, the folder for them, where
        `overlay_files` says how they are called.
    max_faces : int
        Most faces in one picture.
    finding : Finding
        How faces are found and where their fits start.
    keep : iterable of Path
        Files besides the pictures that must not be replaced, see `faceloop_datasets.outputs`.
    progress : Monitor or callable, optional
        Told each picture; a monitor may stop the work before each: then there are fewer results.

    Raises
    ------
    InputError
        If a file cannot be written, or would replace one that is read or kept; if there is no
        such detector or start.
    """
    drawn = overlay_files(images, overlay)
    refuse_to_replace([points, *dict.fromkeys(drawn)], [*images, *keep])
    refuse_in_project([points, *drawn])
    for file in filter(None, drawn):
        require_ending(file, (".png", ".jpg", ".jpeg"), "a picture")
    monitor, detector = Monitor.of(progress), finding.make_detector()
    tracker = Tracker(model, max_faces=max_faces, detector=detector, start=finding.start)
    results: list[StillResult] = []
    with ExitStack() as files:
        table = None
        if points is not None:
            about = {"scheme": model.scheme.name}
            names = model.scheme.names
            table = files.enter_context(
                PointsTable(points, "fit", names, about, expressions=expression_names(model))
            )
        for number, path in enumerate(images):
            if monitor.stopping:
                break
            monitor.tell(number, len(images), "fitting")
            try:
                pixels = read_image(path, "rgb")
            except InputError as error:
                results.append(StillResult(path, error=str(error)))
                continue
            session = tracker.follow()
            fits = tuple(face.fit for face in session.step(pixels).faces)
            results.append(StillResult(path, fits, more=session.further_faces(pixels)))
            if table is not None:
                table.write((str(path),), list(enumerate(fits)))
            if (dest := drawn[number]) is not None:
                _write_overlay(pixels, fits, model.scheme, dest)
    return results


def overlay_files(images: Sequence[Path], overlay: Path | None) -> list[Path | None]:
    """Return the picture with the fits drawn in for each picture; None if there is to be none.

    Of one picture it is ``overlay``, of several one of their name in that folder. Where others
    have the same, it is their path below the folder that all of them have in common.
    """
    if overlay is None or len(images) == 1:
        return [overlay] * len(images)
    below = below_common(images)
    names = files_told_apart(
        {p: (p.stem, str(below[p].with_suffix("")), str(below[p])) for p in images}
    )
    return [overlay / f"{names[path]}.png" for path in images]


def queue_stills(project: Project, results: Sequence[StillResult], model: str) -> list[QueueEntry]:
    """Put poorly fitted pictures into the review queue, except those annotated or removed already.

    Of a picture with several faces the first counts: one item is one face, and nobody has said
    which is which.
    """
    entries = []
    for result in results:
        if not result.fits or result.fits[0].predicted_error <= POOR_ERROR:
            continue
        media = project.add_media(result.image)
        items = project.items_of(media.id, with_removed=True)
        if any(item.head is not None or item.removed for item in items):
            continue
        item = items[0] if items else project.add_item(media)
        fit = result.fits[0]
        entries.append(
            project.queue.add(
                item.id,
                "poor-fit",
                predicted_error=fit.predicted_error,
                model=model,
                fit=fit.points,
            )
        )
    return entries


def _write_overlay(pixels: NDArray[Any], fits: Sequence[Fit], scheme: Scheme, dest: Path) -> None:
    with atomic_path(dest) as part:
        Image.fromarray(draw_fits(pixels, fits, scheme)).save(part)
