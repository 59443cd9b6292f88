"""What a person has to know to import each format."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FormatHelp:
    """One format in words.

    Parameters
    ----------
    title : str
        What the list calls it.
    explanation : str
        Which files to choose, and what becomes of them.
    files : str
        Names of files, as a file dialog takes them.
    """

    title: str
    explanation: str
    files: str


FORMATS = {
    "muct": FormatHelp(
        "MUCT",
        "Choose muct-landmarks-v1.tar.gz and the archives with the pictures "
        "(muct-a-jpg-v1.tar.gz and others), all at once; or the folders they were unpacked to. "
        "Mirrored copies are left out; points marked 0,0 are missing. The file names "
        "tell people apart.",
        "MUCT (*.tar.gz *.tgz *.tar muct76-opencv.csv)",
    ),
    "clmtools": FormatHelp(
        "clmtools / clmtrackr annotations",
        "Choose the CSV file. The pictures are looked for beside it, or in the folder of pictures. "
        "Points marked false are taken for occluded.",
        "Annotations (*.csv)",
    ),
    "ibug": FormatHelp(
        "iBUG 300-W (.pts)",
        "Choose .pts files or folders of them. The picture has the same name and lies beside the "
        "file, or in the folder of pictures.",
        "Landmarks (*.pts)",
    ),
    "imm": FormatHelp(
        "IMM (.asf)",
        "Choose .asf files or folders of them. The picture has to be there, beside the file or in "
        "the folder of pictures: the points are shares of its size.",
        "Landmarks (*.asf)",
    ),
}
"""By the name of the reader."""


def annotation_files() -> str:
    """Names of files of all formats, as a file dialog takes them."""
    names = {name for known in FORMATS.values() for name in known.files.split("(")[1][:-1].split()}
    return f"Annotations ({' '.join(sorted(names))})"
