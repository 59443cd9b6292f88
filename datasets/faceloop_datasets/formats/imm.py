"""IMM: one ``.asf`` file a face, 58 points as fractions of the image's width and height."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from faceloop_datasets.errors import InputError
from faceloop_datasets.media.images import image_size

from ._pictures import PictureFinder, PictureRequest
from ._places import annotation_files, has_suffix
from ._rows import BadRow, annotation, number, read_text
from ._sniffing import share_like
from .format import Format, Reader
from .record import Entry, FaceRecord, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ._places import Source

COUNT = 58
_PERSON = re.compile(r"(\d\d)-(\d)[mf]$")
"""IMM's names: person, picture of them, man or woman."""
_EXPRESSIONS = {"1": "neutral", "2": "smile", "3": "neutral", "4": "neutral", "5": "neutral"}
"""What people were asked for in each picture; in the sixth, for anything."""
_X = 2  # path, type, x, y, number, connected from, connected to


def _count(sources: Sequence[Path]) -> int:
    return len(annotation_files(sources, ".asf"))


def _recognise(files: Sequence[Path], _named: Sequence[Path]) -> float:
    return share_like([path for path in files if has_suffix(path.name, ".asf")], _likeness)


def _likeness(head: str) -> float:
    """Look for the number of points, before anything else but comments."""
    plain = [line.strip() for line in head.splitlines() if not line.lstrip().startswith("#")]
    return 1.0 if next(filter(None, plain), "") == str(COUNT) else 0.0


def read_imm(sources: Sequence[Path], images: Path | None) -> Iterator[Entry]:
    """Read faces, one a file. The image's size is needed, so a face without it is refused."""
    files = annotation_files(sources, ".asf")
    wanted = [_by_stem(source) for source in files]
    finder = PictureFinder(images, [path for path in sources if path.is_dir()], wanted)
    for source in files:
        try:
            yield _record(source, finder)
        except (BadRow, InputError) as error:
            yield Refusal(source.file, 1, str(error))


def _by_stem(source: Source) -> PictureRequest:
    return PictureRequest(source, source.file.stem, any_suffix=True)


def _record(source: Source, finder: PictureFinder) -> FaceRecord:
    file = source.file
    rows = [
        (line, text.strip())
        for line, text in enumerate(read_text(file).splitlines(), start=1)
        if text.strip() and not text.lstrip().startswith("#")
    ]
    if not rows or rows[0][1] != str(COUNT):
        found = repr(rows[0][1])[:40] if rows else "nothing"
        raise BadRow(f"the number of points is {found}; expected {COUNT}")
    points = rows[1 : COUNT + 1]
    if len(points) != COUNT or any(len(text.split()) <= _X + 1 for _, text in points):
        raise BadRow(f"the table of points is not complete; expected {COUNT} rows of 7 columns")
    named = rows[COUNT + 1][1] if len(rows) > COUNT + 1 else f"{file.stem}.jpg"
    # The folders in it are those of the machine that it was written on.
    host = PurePosixPath(named.replace("\\", "/")).name
    image = finder.find(PictureRequest(source, host)) or finder.find(_by_stem(source))
    if image is None:
        raise BadRow(f"the image {named} is not there, and the points are fractions of its size")
    width, height = image_size(image.path)
    xy = [
        tuple(number(text.split()[_X + k], f"{axis} on line {line}") for k, axis in enumerate("xy"))
        for line, text in points
    ]
    person = _PERSON.match(file.stem)
    return FaceRecord(
        name=source.name,
        subject=source.name if person is None else f"imm-{person[1]}",
        image=image,
        image_name=host,
        annotation=annotation("imm58", [(x * width, y * height) for x, y in xy], "import:imm"),
        origin=f"{file}:{points[0][0]}",
        subject_source="picture" if person is None else "format",
        root=str(source.root),
        path=source.path,
        former_path=file.stem,
        expression="" if person is None else _EXPRESSIONS.get(person[2], ""),
    )


FORMAT = Format(
    "imm",
    "IMM (.asf)",
    "Choose .asf files or folders of them. The picture has to be there, beside the file or in "
    "the folder of pictures: the points are shares of its size.",
    ("*.asf",),
    Reader(read_imm, "imm58", _count, _recognise, "a .asf file of 58 points"),
)
