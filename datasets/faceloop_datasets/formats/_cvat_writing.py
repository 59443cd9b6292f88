"""CVAT for images 1.1, written: skeletons, with their labels, which CVAT makes a project of."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from faceloop_datasets.annotation import PointState
from faceloop_datasets.files import atomic_path
from faceloop_datasets.schemes.edges import edges_of

from ._face_keys import PictureSizes, estimated, own_subject
from ._point_names import names_text
from ._xml import need_writable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from faceloop_datasets.schemes.scheme import Scheme

    from .format import NamedFace

ESTIMATED = "estimated_points"
"""Attribute of a skeleton: numbers of its points that nobody has confirmed, from 0, with blanks."""

_ATTRIBUTES = ("subject", "expression", ESTIMATED)
_HALF = 0.5


def write_cvat(faces: Sequence[NamedFace], dest: Path, scheme: Scheme) -> None:
    """Write one file; CVAT imports it into a task that has the pictures and these labels."""
    said = ((one.picture, own_subject(one.record), one.record.expression) for one in faces)
    need_writable((scheme.name, *scheme.names, *(text for texts in said for text in texts)))
    by_picture: dict[str, list[NamedFace]] = {}
    for face in faces:
        by_picture.setdefault(face.picture, []).append(face)
    with atomic_path(dest) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in _lines(by_picture, scheme))


def _lines(by_picture: dict[str, list[NamedFace]], scheme: Scheme) -> Iterator[str]:
    sizes = PictureSizes()
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield "<annotations>"
    yield "  <version>1.1</version>"
    yield "  <meta>"
    yield "    <task>"
    yield f"      <name>{escape(names_text(scheme))}</name>"
    yield f"      <size>{len(by_picture)}</size>"
    yield "      <mode>annotation</mode>"
    yield "      <labels>"
    yield from _labels(scheme)
    yield "      </labels>"
    yield "    </task>"
    yield "  </meta>"
    for number, (picture, faces) in enumerate(by_picture.items()):
        size = sizes.of(faces[0].record)
        known = "" if size is None else f' width="{size[0]}" height="{size[1]}"'
        yield f'  <image id="{number}" name={quoteattr(picture)}{known}>'
        for face in faces:
            yield from _skeleton(face, scheme)
        yield "  </image>"
    yield "</annotations>"


def _labels(scheme: Scheme) -> Iterator[str]:
    edges = "".join(
        f'<line x1="0" y1="0" x2="0" y2="0" data-type="edge" data-node-from="{a + 1}" '
        f'data-node-to="{b + 1}"></line>'
        for a, b in edges_of(scheme)
    )
    nodes = "".join(
        f'<circle r="0.75" cx="{1 + place % 10 * 10}" cy="{1 + place // 10 * 10}" '
        f'data-type="element node" data-element-id="{place + 1}" data-node-id="{place + 1}" '
        f"data-label-name={quoteattr(name)}></circle>"
        for place, name in enumerate(scheme.names)
    )
    yield f"<label><name>{escape(scheme.name)}</name><type>skeleton</type><attributes>"
    for name in _ATTRIBUTES:
        yield (
            f"<attribute><name>{name}</name><mutable>False</mutable><input_type>text</input_type>"
            "<default_value></default_value><values></values></attribute>"
        )
    yield f"</attributes><svg>{escape(edges + nodes)}</svg></label>"
    for name in scheme.names:
        yield (
            f"<label><name>{escape(name)}</name><type>points</type><attributes></attributes>"
            f"<parent>{escape(scheme.name)}</parent></label>"
        )


def _skeleton(face: NamedFace, scheme: Scheme) -> Iterator[str]:
    record = face.record
    yield f'    <skeleton label={quoteattr(scheme.name)} source="manual" z_order="0">'
    values = zip(
        scheme.names, record.annotation.points.tolist(), record.annotation.states, strict=True
    )
    for name, (x, y), state in values:
        outside = state == PointState.MISSING
        place = "0.00,0.00" if outside else f"{x + _HALF!r},{y + _HALF!r}"
        hidden = state in (PointState.OCCLUDED, PointState.ESTIMATED)
        yield (
            f'      <points label={quoteattr(name)} source="manual" outside="{outside:d}" '
            f'occluded="{hidden:d}" points="{place}"></points>'
        )
    guessed = " ".join(map(str, estimated(record)))
    for name, value in zip(
        _ATTRIBUTES, (own_subject(record), record.expression, guessed), strict=True
    ):
        yield f"      <attribute name={quoteattr(name)}>{escape(value)}</attribute>"
    yield "    </skeleton>"
