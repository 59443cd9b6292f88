"""What a person has to know to say whom imported faces show."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RuleHelp:
    """One rule in words.

    Parameters
    ----------
    title : str
        What the list calls it.
    explanation : str
        What it does.
    rule : str or None
        What is handed to the import.
    hint : str
        What has to be typed; then that is handed over.
    """

    title: str
    explanation: str
    rule: str | None = None
    hint: str = ""


SUBJECT_RULES = (
    RuleHelp(
        "as the files and pictures say",
        "MUCT's and IMM's file names tell people apart. Of other pictures, the frames of one "
        "video, clip or burst are one subject, and every other picture is its own. Faces of one "
        "subject never both train a model and measure it.",
    ),
    RuleHelp("each folder is one person", "The folder of a picture names the person.", "folder"),
    RuleHelp(
        "each picture is its own",
        "Every picture file is a subject, also where pictures are frames of one clip.",
        "file",
    ),
    RuleHelp(
        "a name in the path",
        "A regular expression that is searched in each picture's path. Its first group is the "
        "person: (\\d+)_ finds 17 in 17_smile.jpg.",
        hint="regular expression",
    ),
    RuleHelp(
        "a table",
        "A file of two columns: picture, or its path, and person.",
        hint="path of the table, ending in .csv",
    ),
)
"""In the order of the list; the first one is the usual."""
