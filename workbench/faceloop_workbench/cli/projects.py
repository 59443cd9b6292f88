"""Commands that make projects and bring annotations in and out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import note, progress_bar, say, show_json, show_table, show_values
from .monitoring import progress_monitor
from .options import JsonOption, ProjectOption

if TYPE_CHECKING:
    from faceloop_datasets import ImportReport

_SAMPLE_SCHEME = "face70"
_SHOWN = 20  # refused rows and missing pictures in the report for people; --json has all


class ExportFormat(StrEnum):
    """Formats that can be written."""

    clmtools = "clmtools"
    ibug = "ibug"
    csv = "csv"
    parquet = "parquet"


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make.")],
    scheme: Annotated[
        str, typer.Option(help="A landmark scheme by name, or a .toml file of your own.")
    ] = "face70",
    sample: Annotated[
        bool, typer.Option("--sample", help="Import the 400 bundled CC0 faces.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Make a project.

    Example: faceloop init faces
    """
    from faceloop_datasets import Conversion, Project, Scheme

    chosen = Scheme.load(scheme)
    if sample:  # before anything is made
        Conversion.load(_SAMPLE_SCHEME, chosen)
    with Project.create(folder, scheme) as project:
        faces = 0
        if sample:
            with progress_bar() as progress:
                faces = project.import_sample(progress=progress).faces
        if json:
            show_json({"project": project.path, "scheme": chosen.name, "faces": faces})
            return
        say(f"Made the project {project.path}: scheme {chosen.name}, {len(chosen)} points.")
        if faces:
            say(f"Imported {faces} sample faces. Next: faceloop train --project {folder}")
        elif chosen.name in Scheme.bundled():
            say(f"Next: faceloop import SOURCE... --project {folder}")
        else:
            say(f"Next: annotate faces in the window, faceloop open {folder}")


def import_faces(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="[FORMAT] SOURCE...",
            help="muct, clmtools, ibug or imm, or nothing: it is recognised then; and files, "
            "folders or archives.",
        ),
    ],
    project: ProjectOption,
    images: Annotated[
        Path | None,
        typer.Option(help="Folder with the pictures, where they lie apart.", show_default=False),
    ] = None,
    subjects: Annotated[
        str | None,
        typer.Option(
            metavar="folder|file|REGEX|TABLE.csv",
            help="Whom the faces show: each folder is a person, or each picture file; a regular "
            "expression finds the name in the path; a table has pictures and people. By default "
            "the people that MUCT's and IMM's file names tell, or else each clip or burst and each "
            "other picture is its own subject.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only report what would be done.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Import annotated faces: muct, clmtools, ibug or imm. Which of them is recognised.

    All or nothing, and again and again: an import that is repeated adds what is new. A face keeps
    its identity by the whole path of its annotation and by its picture, so that files of equal
    names in two folders are different faces. A picture is looked for beside its annotation, then
    in the folder --images by the longest path that agrees, then by a name that is there once; where
    several could be meant, none is taken.

    Example: faceloop import muct muct-a-jpg-v1.tar.gz muct-landmarks-v1.tar.gz --project faces
    """
    from faceloop_datasets import Project

    source_format, files = _format_and_files(sources)
    with Project.open(project) as opened, progress_monitor() as monitor:
        report = opened.import_from(
            source_format,
            files,
            images=images,
            subjects=subjects,
            progress=monitor,
            dry_run=dry_run,
        )
    if json:
        show_json(report.to_dict())
    else:
        show_report(report)
    if not report.faces:
        note("Nothing was imported.")
        raise typer.Exit(1)


def export(
    target_format: Annotated[ExportFormat, typer.Argument(metavar="FORMAT")],
    dest: Annotated[Path, typer.Argument(metavar="DEST", help="File; for ibug a folder.")],
    project: ProjectOption,
    json: JsonOption = False,
) -> None:
    """Export the annotated faces: clmtools, ibug, csv or parquet.

    Example: faceloop export parquet faces.parquet --project faces
    """
    from faceloop_datasets import Project
    from faceloop_datasets.wording import counted
    from faceloop_workbench.services.exporting import estimated_note, export_faces

    if target_format is ExportFormat.clmtools and not dest.suffix and not dest.exists():
        dest = dest.with_suffix(".csv")  # what its reader looks for
    with Project.open(project) as opened:
        made = export_faces(opened, target_format.value, dest)
        estimated = estimated_note(opened.scheme, target_format.value)
    if json:
        show_json(
            {
                "faces": made.faces,
                "file": dest,
                "format": target_format.value,
                "longer_names": made.longer,
            }
        )
        return
    say(f"Wrote {counted(made.faces, 'face')} to {dest}.")
    if estimated:
        note(estimated)
    if made.naming_note:
        note(made.naming_note)


def _format_and_files(words: list[str]) -> tuple[str, list[Path]]:
    """Return the format, named first or recognised, and what to import.

    Raises
    ------
    InputError
        If the format is not named and not clear, or a file does not exist.
    BadParameter
        If the first word is neither a format nor a file.
    """
    from faceloop_datasets import InputError
    from faceloop_datasets.formats import formats, recognise

    first, *others = words
    if first in formats() and others:
        return first, [Path(word) for word in others]
    if others and not Path(first).exists():
        raise typer.BadParameter(
            f"{first!r} is no format and no file. Formats: {', '.join(formats())}."
        )
    paths = [Path(word) for word in words]
    found = recognise(paths)
    if found.format is None:
        raise InputError(f"{found.problem} To name it: faceloop import FORMAT SOURCE...")
    note(f"Recognised as {found.format}.")
    return found.format, paths


def show_report(report: ImportReport) -> None:
    """Show people what an import did."""
    from faceloop_datasets.wording import counted

    if report.dry_run:
        say("Dry run: nothing was written.")
    counts = {
        "faces": report.faces,
        "  new": report.new,
        "  unchanged": report.unchanged,
        "  updated": report.updated,
        "  kept aside": report.kept_aside,
        "without a picture": report.shape_only,
        "points": report.points,
        "  missing": report.points_missing,
        "  estimated": report.points_estimated,
        "with an expression": report.expressions,
        "rows refused": len(report.refused),
        "images not found": len(report.images_not_found),
    }
    show_values(counts)
    for rule in report.subject_rules:
        say(f"Subjects: {rule}")
    if report.subjects_changed:
        faces = counted(report.subjects_changed, "face that was", "faces that were")
        say(f"{faces} here already got another subject.")
    for warning in report.warnings:
        note(f"Warning: {warning}")
    if report.kept_aside:
        say(
            "\nKept aside: faces whose source has changed since a person corrected them. The "
            "correction counts, what was imported is in the history: see faceloop queue list "
            "--reason disagreement."
        )
    if report.points_estimated:
        say(
            "\nEstimated points are marked so. Where they are right, faceloop confirm confirms "
            "them in all faces at once."
        )
    if report.updated_faces:
        say(f"\nUpdated: {', '.join(report.updated_faces[:_SHOWN])}")
        _and_more(len(report.updated_faces))
    for reason, count in report.skipped.items():
        say(f"{counted(count, 'row')} left out: {reason}")
    if report.refused:
        say("\nRefused:")
        rows = [(_short(r.file), r.line, r.reason) for r in report.refused[:_SHOWN]]
        show_table(("file", "line", "reason"), rows)
        _and_more(len(report.refused))
    if report.images_not_found:
        names = ", ".join(report.images_not_found[:_SHOWN])
        say(f"\nImages not found: {names}")
        _and_more(len(report.images_not_found))


def _short(file: Path) -> str:
    """Name of a file with its folder, which may be all that tells it from others."""
    return f"{file.parent.name}/{file.name}" if file.parent.name else file.name


def _and_more(count: int) -> None:
    if count > _SHOWN:
        note(f"... and {count - _SHOWN} more; --json lists all.")
