"""The tracks that a project keeps: a file a video, named by the video's content."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceloop_datasets.errors import InputError

from .file import read_track, unusable, which_written, write_track

if TYPE_CHECKING:
    from pathlib import Path

    from faceloop_datasets.schemes.scheme import Scheme

    from .history import TrackHistory

TRACKS = "tracks"
"""Folder of a project with the tracks of its videos."""

_NAME = re.compile(r"([0-9a-f]{64})\.safetensors")


@dataclass(frozen=True)
class TrackFolder:
    """The tracks of a project.

    Parameters
    ----------
    root : Path
        The project's folder.
    """

    root: Path

    def file(self, sha256: str) -> Path:
        """Where the track of a video is, or would be.

        Raises
        ------
        InputError
            If that is no hash of a video's content.
        """
        if not _NAME.fullmatch(f"{sha256}.safetensors"):
            raise InputError(f"Expected the SHA-256 of a video but got {sha256!r}.")
        return self.root / TRACKS / f"{sha256}.safetensors"

    def files(self) -> dict[str, Path]:
        """Tracks that are there, by the SHA-256 of their videos.

        A link is none: in a stranger's project it may lead anywhere.
        """
        found = sorted((self.root / TRACKS).glob("*.safetensors"))
        named = ((_NAME.fullmatch(file.name), file) for file in found)
        return {
            match[1]: file
            for match, file in named
            if match is not None and file.is_file() and not file.is_symlink()
        }

    def read(self, sha256: str, scheme: Scheme | None = None) -> TrackHistory | None:
        """Read the track of a video; None if there is none.

        Parameters
        ----------
        sha256 : str
            Of the video's content.
        scheme : Scheme, optional
            What its points are to be; any by default.

        Raises
        ------
        InputError
            If it is damaged, another video's, or of other points.
        """
        file = self.files().get(sha256)
        if file is None:
            return None
        history = read_track(file)
        if history.track.sha256 != sha256:
            raise InputError(
                f"The track {file} is of another video ({history.track.sha256[:12]}…). Delete it, "
                "and track the video again."
            )
        if scheme is not None and (fault := fault_of_points(history, scheme)):
            raise unusable(file, fault)
        return history

    def is_current(self, history: TrackHistory) -> bool:
        """Whether nobody has written the track of its video since this was read or written.

        Raises
        ------
        InputError
            If the file that is there is damaged.
        """
        file = self.files().get(history.track.sha256)
        return history.written == ("" if file is None else which_written(file))

    def write(self, history: TrackHistory) -> TrackHistory:
        """Keep a track in the place of the one there was; returns it, which knows its file.

        Raises
        ------
        InputError
            If it cannot be written, or could not be read again.
        """
        return write_track(self.file(history.track.sha256), history)


def fault_of_points(history: TrackHistory, scheme: Scheme) -> str:
    """Say how the points of a track are not those of a scheme; empty if they are."""
    track = history.track
    if track.scheme != scheme.name:
        return f"its points are those of {track.scheme}; expected {scheme.name}"
    rows = [face.arrays() for face in track.faces]
    rows += [f.before for change in (*history.done, *history.undone) for f in change.faces]
    for found in (row["points"].shape[1] for row in rows):
        if found != len(scheme):
            return f"it has {found} points; expected {len(scheme)} of {scheme.name}"
    return ""
