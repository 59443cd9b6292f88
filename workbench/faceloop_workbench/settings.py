"""The person's settings, as napari keeps them: File, Preferences, faceloop."""

from __future__ import annotations

from dataclasses import dataclass

from faceloop_workbench.services.finding import Finding


@dataclass(frozen=True)
class Settings:
    """Values of the manifest's ``configurations``; what each means stands there.

    Parameters
    ----------
    assisted : bool
        Whether dragging a point moves those that nobody has placed.
    point_size : float
        Size of the points, in pixels of the screen.
    detector : str
        What finds faces: ``auto``, ``libfacedetection``, ``cascade`` or the path of a YuNet file.
    start : str
        Where the fit to a found face starts: ``auto``, ``network``, ``eyes`` or ``box``.
    backend : str
        Where responses are computed: ``auto``, ``cpu`` or ``gl``.
    max_faces : int
        Most faces to follow in a video.
    poor_error : float
        Predicted error, in IOD, above which a fit goes to the review queue.
    per_shot : int
        Most fits queued from one shot.
    scheduler : str or None
        Who does the work of trainings and reports: ``local:4``, ``tcp://head:8786``, ...; None:
        this computer's threads.
    napari_docks : bool
        Whether napari's own docks stay open beside ours.
    """

    assisted: bool
    point_size: float
    detector: str
    start: str
    backend: str
    max_faces: int
    poor_error: float
    per_shot: int
    scheduler: str | None
    napari_docks: bool

    @property
    def finding(self) -> Finding:
        """How faces are found and where their fits start."""
        return Finding(self.detector, self.start)


def read_settings() -> Settings:
    """Return the settings as they are now."""
    from napari.settings import get_plugin_settings  # noqa: PLC0415 - slow, and only in a window

    kept = get_plugin_settings("faceloop")
    return Settings(
        assisted=kept.annotate.assisted,
        point_size=kept.annotate.point_size,
        detector=kept.faces.detector.strip() or "auto",
        start=kept.faces.start,
        backend=kept.live.backend,
        max_faces=kept.live.max_faces,
        poor_error=kept.live.poor_error,
        per_shot=kept.live.per_shot,
        scheduler=kept.train.scheduler.strip() or None,
        napari_docks=kept.window.napari_docks,
    )


def remember_napari_docks(*, shown: bool) -> None:
    """Keep whether napari's own docks stay open beside ours."""
    from napari.settings import get_plugin_settings  # noqa: PLC0415 - as above

    get_plugin_settings("faceloop").window.napari_docks = shown
