"""Which files of a project's folder its database names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from faceloop_datasets.store import inspecting
from faceloop_datasets.store.direct import direct
from faceloop_datasets.tracks.folder import TRACKS, TrackFolder


@dataclass(frozen=True)
class ProjectFiles:
    """The files in a project's folder that its database names, by path in the project.

    Parameters
    ----------
    models, media : dict of str to str
        Path, with ``/``, and SHA-256.
    videos : frozenset of str
        SHA-256 of all pictures and videos: the names of the tracks that belong to the project.
    elsewhere : int
        How many pictures and videos lie outside the folder.
    """

    models: dict[str, str]
    media: dict[str, str]
    videos: frozenset[str]
    elsewhere: int

    @classmethod
    def of(cls, database: Path) -> ProjectFiles:
        """Read them from a database.

        Raises
        ------
        ProjectError
            If it cannot be read.
        """
        with direct(database, read_only=True) as connection:
            models, media = inspecting.models(connection), inspecting.media_files(connection)
        own = {path: digest for path, digest in media if is_inside(path, "media")}
        known = {f"models/{file}": digest for _, _, file, digest, _ in models}
        known = {path: digest for path, digest in known.items() if is_inside(path, "models")}
        videos = frozenset(digest for _, digest in media)
        return cls(known, own, videos, len(media) - len(own))

    def tracks(self, root: Path) -> dict[str, Path]:
        """Tracks in a project's folder that belong to its videos, by path in the project."""
        found = TrackFolder(root).files().items()
        return {f"{TRACKS}/{file.name}": file for video, file in found if video in self.videos}


def is_inside(path: str, folder: str) -> bool:
    """Whether a path is one inside ``folder``; a database from a stranger may hold any."""
    parts = PurePosixPath(path).parts
    return len(parts) > 1 and parts[0] == folder and ".." not in parts
