"""Which picture of a Label Studio task a region is on: a task may have several.

A region's ``to_name`` is the name of an object of the labelling interface, whose ``value`` says
which member of the task's data it shows, ``<Image name="right" value="$image2"/>``; its
``item_index`` is the page of a ``valueList``, from 0 (labelstud.io, "Image tag"). Exports do not
have the interface: it is read beside them, where it is. What then is not told is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from faceloop_datasets.media.images import IMAGE_SUFFIXES

from ._face_keys import name_in_address
from ._places import has_suffix
from ._rows import BadRow
from ._xml import elements

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_Object = Mapping[str, Any]


@dataclass(frozen=True)
class Interface:
    """What a labelling interface says of names.

    Parameters
    ----------
    targets : mapping of str to str
        Object that each control is of.
    members : mapping of str to str
        Member of the data that each object shows.
    """

    targets: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, str] = field(default_factory=dict)


def read_interface(path: Path) -> Interface:
    """Read a labelling interface; an empty one if there is no such file.

    Raises
    ------
    InputError
        If it is there and is no XML.
    """
    if not path.is_file():
        return Interface()
    tags = [tag for view in elements(path, ("View",)) for tag in view.iter() if tag.get("name")]
    shown = {tag.get("name", ""): tag.get("value") or tag.get("valueList") or "" for tag in tags}
    return Interface(
        {tag.get("name", ""): tag.get("toName", "") for tag in tags if tag.get("toName")},
        {name: value[1:] for name, value in shown.items() if value.startswith("$")},
    )


def target_of(region: _Object, interface: Interface) -> str:
    """Object that a region is on; empty if neither it nor the interface says."""
    said = region.get("to_name") or interface.targets.get(str(region.get("from_name")))
    return said if isinstance(said, str) else ""


def picture_of(data: _Object, region: _Object, interface: Interface) -> str:
    """Name of the picture that a region is on, with the folders that its address gives.

    Raises
    ------
    BadRow
        If there is none, or several could be meant.
    """
    target = target_of(region, interface)
    member = interface.members.get(target, target)
    given = {member: data[member]} if _texts(data.get(member)) else pictures_in(data)
    item = region.get("item_index")
    addresses = _addresses(given, item if type(item) is int else None)
    found = list(dict.fromkeys(filter(None, addresses)))
    if len(found) > 1:
        raise BadRow(
            f"its task has several pictures ({', '.join(given)}), and nothing says which of them "
            f"to_name {target!r:.40} is; save the project's labelling interface beside the export, "
            "as NAME.config.xml for NAME.json"
        )
    name = name_in_address(found[0]) if found else ""
    if not name:
        page = f" of item_index {item}" if item else ""
        raise BadRow(f"its data name no picture{page}")
    return name


def _texts(value: object) -> list[str]:
    """Return a value as the pages that it has: one, or those of a list."""
    pages = value if isinstance(value, list) else [value]
    texts = [page for page in pages if isinstance(page, str)]
    return texts if len(texts) == len(pages) else []


def pictures_in(data: _Object) -> _Object:
    """Members of the data that are pictures: what is called image, or what looks like one."""
    return {
        member: value
        for member, value in data.items()
        if (texts := _texts(value)) and (member == "image" or all(map(_is_picture, texts)))
    }


def _is_picture(text: str) -> bool:
    return any(has_suffix(name_in_address(text), suffix) for suffix in IMAGE_SUFFIXES)


def _addresses(given: _Object, item: int | None) -> Iterator[str]:
    """Yield what may be meant: a page by its number, which only lists have, or all."""
    lists = [value for value in given.values() if isinstance(value, list)]
    if item is None or (not lists and item == 0):
        for value in given.values():
            yield from _texts(value)
    else:
        yield from (value[item] for value in lists if 0 <= item < len(value))
