"""What the system says went wrong, in words for a person and without its numbers and names."""

from __future__ import annotations

import errno
import re

_OF_SYSTEM = {
    errno.ENOENT: "there is no such file or folder",
    errno.EACCES: "you are not allowed to",
    errno.EPERM: "you are not allowed to",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your share of the disk is full",
    errno.EROFS: "the disk can only be read",
    errno.EISDIR: "it is a folder",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EEXIST: "there is a file or folder of that name already",
    errno.ENOTEMPTY: "the folder is not empty",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ELOOP: "the links in the path lead in a circle",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
    errno.EBUSY: "another program is using it",
    errno.EIO: "the disk or the connection to it has a fault",
    errno.ENODEV: "the device is not there",
    errno.EFBIG: "the file would be too large for the disk",
    errno.EXDEV: "it lies on another disk",
}
_OF_WINDOWS = {
    32: "another program is using it",
    33: "another program is using it",
    112: "the disk is full",
    123: "Windows takes no such name",
    206: "the path is too long for Windows: faceloop doctor says more",
}
"""By Windows' own numbers: several become one error of Python's."""
_OF_RUST = re.compile(r"([^: ][^:]*) \(os error (\d{1,4})\)")
_OF_VIDEO = {
    "InvalidDataError": "it is damaged, or no video",
    "EOFError": "it ends too early",
    "DecoderNotFoundError": "it is coded in a way that is not known here",
    "DemuxerNotFoundError": "it is of a kind that is not known here",
    "EncoderNotFoundError": "videos of that kind cannot be made here",
    "MuxerNotFoundError": "videos of that kind cannot be made here",
    "StreamNotFoundError": "it holds no picture",
    "PatchWelcomeError": "it is coded in a way that is not known here",
    "ExitError": "it was stopped",
}
"""By the names of PyAV's errors: this module is imported where PyAV is not."""


def in_words(error: BaseException) -> str:
    """Say what an error of the system or of a video library means, without a full stop.

    Parameters
    ----------
    error : BaseException
        An ``OSError``, or one of PyAV's. Of any other, its own text, or that of the system's error
        which it names as libraries written in Rust do.
    """
    kind = type(error)
    if kind.__module__.partition(".")[0] == "av" and kind.__name__ in _OF_VIDEO:
        return _OF_VIDEO[kind.__name__]
    if isinstance(error, OSError):
        known = _OF_WINDOWS.get(getattr(error, "winerror", None) or 0)
        if known is None and error.errno is not None:
            known = _OF_SYSTEM.get(error.errno)
        return known or str(error.strerror or error)
    named = _OF_RUST.search(str(error))
    return str(error) if named is None else _OF_SYSTEM.get(int(named[2]), named[1])
