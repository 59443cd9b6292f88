"""What a backup, a check and an erasure say to people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceloop_datasets.wording import counted, enumerated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from faceloop_datasets.care import BackupReport, CheckReport, Erasure, Finding

_PLACES = 100  # of one kind in a report that is read in a window
_NAMED = 5  # things that a question names before it only counts
_LONGEST = 60  # characters of a name in a button
_HEADINGS = {"error": "Errors", "warning": "Warnings", "note": "Notes"}

OUT_OF_REACH = (
    "Backups elsewhere, exported files and other people's copies are out of reach, and an import "
    "from the same source brings the faces back."
)
NOT_FORGOTTEN = (
    "A model holds averages and no faces, and cannot forget one. Train again, and use the new one "
    "instead."
)


@dataclass(frozen=True)
class FindingGroup:
    """All findings of a check that say the same.

    Parameters
    ----------
    severity, what, advice : str
        As in `faceloop_datasets.care.Finding`.
    places : tuple of str
        With which files, rows or items.
    """

    severity: str
    what: str
    advice: str
    places: tuple[str, ...]


def grouped_findings(findings: Iterable[Finding]) -> list[FindingGroup]:
    """Put findings together that differ only in their place; in the order they came."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for finding in findings:
        key = (finding.severity, finding.what, finding.advice)
        found.setdefault(key, []).append(finding.where)
    return [FindingGroup(*key, tuple(places)) for key, places in found.items()]


def check_summary(report: CheckReport) -> str:
    """Say in a sentence whether a project is sound, and what it holds."""
    counts = ", ".join(f"{number} {name}" for name, number in report.counts.items())
    return f"{'Sound' if report.sound else 'Not sound'}: {counts or 'nothing could be read'}."


def check_text(report: CheckReport) -> str:
    """Write a check's report: the verdict, then what was found, by severity, and what to do."""
    return "\n".join(_check_lines(report))


def backup_text(report: BackupReport) -> str:
    """Say which file a backup is, its size, and what is not in it."""
    size = sum(member.bytes for member in report.backup.members)  # nothing is compressed
    parts = [f"Wrote {report.backup.file}, {megabytes(size)}."]
    if report.missing:
        parts.append(f"Not in it, because missing from the project: {_some(report.missing)}.")
    if report.media_left_out:
        parts.append(f"Without the {_media(report.media_left_out)} in the project's folder.")
    if report.media_elsewhere:
        parts.append(
            f"Not in it, because outside the project's folder: {_media(report.media_elsewhere)}. "
            "Keep copies of them too."
        )
    return " ".join(parts)


def before_erasing_text(planned: Erasure, models: Sequence[str]) -> str:
    """Say before an erasure what goes, and what stays nevertheless.

    Parameters
    ----------
    planned : Erasure
        From `faceloop_datasets.care.plan_erasure`.
    models : sequence of str
        Those that were trained on the subject.
    """
    return "\n".join(
        (
            "This will be gone:",
            *(f"  •  {line}" for line in _goes(planned)),
            "",
            *_stays(planned, models, "yours to delete"),
            OUT_OF_REACH,
        )
    )


def after_erasing_text(done: Erasure, models: Sequence[str]) -> str:
    """Say after an erasure what is gone, and what was found of it in the project's files."""
    files, size = done.searched
    searched = f"Searched {counted(files, 'file')}, {megabytes(size)}:"
    return "\n".join(
        (
            "Gone for good:",
            *(f"  •  {line}" for line in _goes(done)),
            "",
            f"{searched} {found_text(done)}",
            *(f"  •  {line}" for line in done.left),
            *(f"  •  {file}" for file in done.unknown[:_PLACES]),
            "",
            *_stays(done, models, "not touched"),
            OUT_OF_REACH,
        )
    )


def found_text(done: Erasure) -> str:
    """Say whether the search after an erasure found something; a list follows if there is one."""
    if done.left and not done.unknown:
        return "this is still there:"
    if not done.unknown:
        return "nothing of it is left."
    found = "some is still there" if done.left else "nothing of it was found"
    files = counted(len(done.unknown), "file")
    return (
        f"{found}. But {files} in the project's folder are not the project's own, and what they "
        "show cannot be told. Look at them yourself:"
    )


def erased_text(planned: Erasure) -> str:
    """Name what an erasure is about, in a few words."""
    if planned.target.item is not None:
        return f"only this face, {shorten(planned.target.name)}"
    return f"all {counted(len(planned.items), 'face')} of {subject_text(planned)}"


def subject_text(planned: Erasure) -> str:
    """Name the subject of an erasure, as what it is: a picture is no person."""
    named = shorten(planned.target.subject)
    return f"the {planned.kind} {named}" if planned.kind in ("picture", "clip") else named


def faces_text(planned: Erasure) -> str:
    """Name all faces that an erasure takes away."""
    numbers = planned.numbers or (None,) * len(planned.items)
    return ", ".join(
        name if number is None else f"{name} (item {number})"
        for number, name in zip(numbers, planned.items, strict=True)
    )


def known_text(planned: Erasure) -> str:
    """Say how it is known whom the faces show."""
    from faceloop_datasets.subjects import how_known  # noqa: PLC0415 - the help is quick

    return f"How it is known whom they show: {how_known(planned.sources)}."


def shorten(name: str) -> str:
    """Cut a name that a button has no room for."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def megabytes(size: int) -> str:
    """Write a number of bytes for people."""
    return f"{size / 1e6:.1f} MB"


def _check_lines(report: CheckReport) -> Iterator[str]:
    yield check_summary(report)
    if not report.findings:
        yield "Nothing is wrong."
    severity = ""
    for kind in grouped_findings(report.findings):
        if kind.severity != severity:
            severity = kind.severity
            yield from ("", _HEADINGS[severity].upper())
        yield from ("", f"{kind.what} ({len(kind.places)}):" if kind.places else kind.what)
        yield from (f"    {place}" for place in kind.places[:_PLACES])
        if len(kind.places) > _PLACES:
            yield f"    and {len(kind.places) - _PLACES} more"
        yield f"What to do: {kind.advice}"


def _goes(planned: Erasure) -> Iterator[str]:
    yield (
        f"{counted(len(planned.items), 'face')} of {subject_text(planned)}, with "
        f"{counted(planned.revisions, 'saved annotation')} and "
        f"{counted(planned.entries, 'entry', 'entries')} of the queue"
    )
    if planned.items:
        yield faces_text(planned)
    if planned.files:
        yield f"{_media(len(planned.files))} in the project: {_some(planned.files)}"
    if planned.backups:
        yield f"all of it in {counted(len(planned.backups), 'backup')} in the project's folder"
    if planned.tracks:
        yield f"{counted(len(planned.tracks), 'track')} of videos that it is in"
    if planned.reports:
        yield (
            f"all reports in the project's folder, since they name people: "
            f"{_some(planned.reports)}; write them again afterwards"
        )


def _stays(planned: Erasure, models: Sequence[str], elsewhere: str) -> Iterator[str]:
    if planned.sources:
        yield known_text(planned)
    if planned.shared:
        yield f"Stays, since other faces are in it: {_some(planned.shared)}."
    if planned.elsewhere:
        yield f"Stays, since outside the project's media, {elsewhere}: {_some(planned.elsewhere)}."
    if models:
        yield f"Trained on this subject: {', '.join(models)}. {NOT_FORGOTTEN}"


def _some(things: Sequence[str | Path]) -> str:
    return enumerated([str(getattr(thing, "name", thing)) for thing in things], _NAMED)


def _media(count: int) -> str:
    return counted(count, "picture or video", "pictures and videos")
