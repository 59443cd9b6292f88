"""The command line `faceloop`: small modules, one for each group of commands.

Everything heavy is imported inside the commands, so that ``faceloop --help`` answers at once.
"""

from __future__ import annotations

from typing import Annotated, NoReturn

import typer

from . import errors, projects
from .agreement import agreement
from .approving import approve
from .checking import check
from .confirming import confirm
from .console import say, spell_out
from .demo import demo
from .doctor import doctor
from .erasing import erase
from .expressions import expressions
from .faces import faces
from .fitting import fit, track
from .history import history
from .keeping import backup, restore
from .labels import check_labels
from .models import model
from .rendering import render
from .reporting import report
from .review import queue
from .scheme import scheme
from .server import server
from .subjects import subjects
from .track_plots import plot
from .tracks import tracks
from .training import evaluate, train
from .window import open_window

__all__ = ["app", "main"]

app = typer.Typer(
    name="faceloop",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    help="Annotate faces, train your own landmark model, watch it fit, correct the poor fits.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(f"faceloop {version('faceloop')}")
        raise typer.Exit


@app.callback(epilog="Example: faceloop demo")
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Annotate faces, train your own landmark model, watch it fit, correct the poor fits."""


app.command("open")(open_window)
app.command("init")(projects.init)
app.command("add")(projects.add_media)
app.command("import")(projects.import_faces)
app.command("export")(projects.export)
app.command("formats")(projects.list_formats)
app.command("train")(train)
app.command("evaluate")(evaluate)
app.command("report")(report)
app.command("check-labels")(check_labels)
app.command("approve")(approve)
app.command("confirm")(confirm)
app.command("history")(history)
app.command("fit")(fit)
app.command("track")(track)
tracks.command("plot")(plot)
app.add_typer(tracks, name="tracks")
app.command("render")(render)
app.add_typer(queue, name="queue")
app.add_typer(faces, name="faces")
app.add_typer(subjects, name="subjects")
app.add_typer(expressions, name="expressions")
app.add_typer(scheme, name="scheme")
app.add_typer(model, name="model")
app.add_typer(agreement, name="agreement")
app.add_typer(server, name="server")
app.command("check")(check)
app.command("backup")(backup)
app.command("restore")(restore)
app.command("erase")(erase)
app.command("demo")(demo)
app.command("doctor")(doctor)


def main() -> NoReturn:
    """Run the command line of this process to its exit code."""
    spell_out()
    errors.run(typer.main.get_command(app))
