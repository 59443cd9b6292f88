"""Commands that make projects and bring annotations in and out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import note, progress_bar, say, show_json, show_table, show_values
from .monitoring import progress_monitor
from .options import JsonOption, ProjectOption, no_address

if TYPE_CHECKING:
    from faceloop_datasets import ImportReport, Scheme

_SAMPLE_SCHEME = _USUAL_SCHEME = "face70"
_SHOWN = 20  # refused rows and missing pictures in the report for people; --json has all


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder to make.", callback=no_address)
    ],
    scheme: Annotated[
        str | None,
        typer.Option(
            help="A landmark scheme by name, or a .toml file of your own; face70 if none is named.",
            show_default=False,
        ),
    ] = None,
    scheme_of: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Annotations to take the scheme from: the points that they name.",
            show_default=False,
        ),
    ] = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="Import the 400 bundled CC0 faces.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Make a project.

    Example: faceloop init faces
    """
    from faceloop_datasets import Conversion, Project, Scheme
    from faceloop_datasets.importing.fitting import command, taken_by_number
    from faceloop_datasets.wording import short

    if scheme is not None and scheme_of is not None:
        raise typer.BadParameter("--scheme and --scheme-of exclude each other; give one of them.")
    scheme = scheme or _USUAL_SCHEME
    chosen = Scheme.load(scheme) if scheme_of is None else _scheme_of(scheme_of)
    if sample:  # before anything is made
        Conversion.load(_SAMPLE_SCHEME, chosen)
    with Project.create(folder, scheme if scheme_of is None else chosen) as project:
        faces = 0
        if sample:
            with progress_bar() as progress:
                faces = project.import_sample(progress=progress).faces
        if json:
            show_json(
                {
                    "project": project.path,
                    "scheme": chosen.name,
                    "points": len(chosen),
                    "faces": faces,
                }
            )
            return
        name = short(chosen.name)
        say(f"Made the project {project.path}: scheme {name}, {len(chosen)} points.")
        if chosen.numbered_from is not None:
            say(taken_by_number(Conversion.load(chosen, chosen), chosen, chosen))
        if faces:
            say(f"Imported {faces} sample faces. Next: faceloop train --project {folder}")
        elif scheme_of is not None:
            say(f"Next: {command('faceloop', 'import', scheme_of, '--project', folder)}")
        elif chosen.name in Scheme.bundled():
            say(f"Next, annotations: faceloop import SOURCE... --project {folder}")
            say(f"or photos without any: faceloop add FOLDER --project {folder}")
        else:
            say(f"Next: annotate faces in the window, faceloop open {folder}")


def add_media(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Pictures and videos, or folders of them."),
    ],
    project: ProjectOption,
    json: JsonOption = False,
) -> None:
    """Add pictures and videos that nobody has annotated: each picture is a face to annotate.

    The files stay where they are. What is there already is not added again, and of videos frames
    become faces where a fit is poor (faceloop track --project) or somebody takes one.

    Example: faceloop add photos --project faces
    """
    from faceloop_datasets import InputError, Project
    from faceloop_workbench.services.add_files import add_files

    for file in files:
        if not file.exists():
            raise InputError(f"{file} does not exist.")
    with Project.open(project) as opened, progress_monitor() as monitor:
        added = add_files(opened, files, monitor)
    if json:
        show_json(asdict(added))
    else:
        say(added.said)
        if added.pictures:
            note(f"Next: faceloop faces find {project}, or faceloop open {project}")
    for reason in added.refused:
        note(f"Left out: {reason}")
    if not (added.pictures or added.videos or added.known):
        raise typer.Exit(1)


def list_formats(json: JsonOption = False) -> None:
    """List the formats of annotations: what is read, what is written, which files they are.

    Example: faceloop formats
    """
    from faceloop_datasets.formats import all_formats

    rows = [
        {
            "format": one.name,
            "title": one.title,
            "read": one.reader is not None,
            "written": one.writer is not None,
            "points": one.points or "named in the file",
            "lost": [] if one.writer is None else one.writer.holds.lost,
            "files": list(one.patterns),
            "explanation": one.explanation,
        }
        for one in all_formats().values()
    ]
    if json:
        show_json({"formats": rows})
        return
    show_table(
        ("format", "in", "out", "points", "what"),
        [
            (r["format"], _mark(r["read"]), _mark(r["written"]), r["points"], r["title"])
            for r in rows
        ],
    )


def _mark(there: object) -> str:
    return "yes" if there else ""


def import_faces(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="[FORMAT] SOURCE...",
            help="Files, folders or archives. Their format is recognised, or named first: one of "
            "those that faceloop formats lists.",
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
    """Import annotated faces. Their format is recognised; faceloop formats lists those there are.

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
    target_format: Annotated[
        str, typer.Argument(metavar="FORMAT", help="One of those that faceloop formats lists.")
    ],
    dest: Annotated[Path, typer.Argument(metavar="DEST", help="File; for some formats a folder.")],
    project: ProjectOption,
    json: JsonOption = False,
) -> None:
    """Export the annotated faces, and say what the format cannot hold of them.

    Example: faceloop export parquet faces.parquet --project faces
    """
    from faceloop_datasets import Project
    from faceloop_datasets.formats import get_writer
    from faceloop_datasets.wording import counted
    from faceloop_workbench.services.exporting import estimated_note, export_faces, notes

    suffix = get_writer(target_format).suffix
    if suffix and not dest.suffix and not dest.exists():
        dest = dest.with_suffix(suffix)  # what its reader looks for
    with Project.open(project) as opened:
        made = export_faces(opened, target_format, dest)
        estimated = estimated_note(opened.scheme, target_format)
    if json:
        show_json(
            {
                "faces": made.faces,
                "file": dest,
                "format": target_format,
                "longer_names": list(made.longer),
                "lost": list(made.lost),
            }
        )
        return
    say(f"Wrote {counted(made.faces, 'face')} to {dest}.")
    if estimated:
        note(estimated)
    for sentence in notes(made):
        note(sentence)


def _scheme_of(source: Path) -> Scheme:
    """Scheme of the points that annotations name."""
    from faceloop_datasets.formats import source_scheme

    source_format, sources = _format_and_files([str(source)])
    return source_scheme(source_format, sources)


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
    from faceloop_datasets.formats import readable, recognise
    from faceloop_workbench.services.add_files import is_media, media_files

    first, *others = words
    if first in readable() and others:
        return first, [Path(word) for word in others]
    if others and not Path(first).exists():
        raise typer.BadParameter(
            f"{first!r} is no format and no file. Formats: {', '.join(readable())}."
        )
    paths = [Path(word) for word in words]
    found = recognise(paths)
    if found.format is None and not found.possible and any(map(is_media, media_files(paths))):
        raise InputError(
            f"{paths[0]}: pictures or videos, and no annotations of a known format. To add what "
            "nobody has annotated: faceloop add FILE... --project DIR"
        )
    if found.format is None:
        raise InputError(f"{found.problem} To name it: faceloop import FORMAT SOURCE...")
    note(f"Recognised as {found.format}.")
    return found.format, paths


def show_report(report: ImportReport) -> None:
    """Show people what an import did."""
    from faceloop_datasets.wording import counted
    from faceloop_workbench.services.conversion_text import left_out_text, not_there_text

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
    said = (report.points_by_number, not_there_text(report), left_out_text(report))
    for sentence in filter(None, said):
        say(sentence)
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
        note("Name their folder and import again: --images FOLDER.")


def _short(file: Path) -> str:
    """Name of a file with its folder, which may be all that tells it from others."""
    return f"{file.parent.name}/{file.name}" if file.parent.name else file.name


def _and_more(count: int) -> None:
    if count > _SHOWN:
        note(f"... and {count - _SHOWN} more; --json lists all.")
