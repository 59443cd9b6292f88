"""Everything a person can do by key: one table, from which keys, buttons and help are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from psygnal import Signal


@dataclass(frozen=True)
class Command:
    """Something a person can do.

    Parameters
    ----------
    id : str
        ``tab.verb``.
    title : str
        What a button or menu calls it.
    key : str
        Default key in Qt's portable text, ``""`` for none.
    help : str
        One sentence for the tooltip and the help page.
    held : bool
        Whether it lasts as long as the key is held: the handler is given True, then False.
    """

    id: str
    title: str
    key: str
    help: str
    held: bool = False

    @property
    def place(self) -> str:
        """Where it is done: while ``annotate`` or ``live`` has the picture, or ``""``: anywhere."""
        return _PLACES.get(self.id.split(".", 1)[0], "")


_PLACES = {"queue": "annotate", "annotate": "annotate", "live": "live"}
TABLE = (
    Command("queue.next", "Next", "D", "Go to the next face of the list."),
    Command("queue.previous", "Previous", "A", "Go to the previous face of the list."),
    Command(
        "queue.next_unlabelled",
        "Next unlabelled",
        "Shift+D",
        "Go to the next face nobody has annotated.",
    ),
    Command(
        "queue.next_doubtful",
        "Next in doubt",
        "",
        "Go to the next face whose label looks wrong.",
    ),
    Command("queue.back", "Back to last edited", "Backspace", "Go back to the face edited last."),
    Command(
        "queue.accept", "Accept and next", "Space", "Confirm all points of this face and go on."
    ),
    Command("queue.skip", "Skip…", "X", "Put this face aside and say why."),
    Command("queue.add", "Put in queue", "Q", "Put this face into the review queue by hand."),
    Command(
        "queue.back_up", "Back up…", "", "Copy the project into one file, as it is at this moment."
    ),
    Command(
        "queue.check_project",
        "Check project…",
        "",
        "Look whether everything the project holds is there and whole.",
    ),
    Command(
        "queue.confirm_points",
        "Confirm in all faces…",
        "",
        "Confirm points that an import estimated, in all faces at once.",
    ),
    Command(
        "queue.undo_confirm",
        "Undo confirming",
        "",
        "Take back what was confirmed in all faces last.",
    ),
    Command(
        "queue.rounds",
        "Blind rounds…",
        "",
        "Let several people annotate the same faces, each without seeing the others' points.",
    ),
    Command(
        "queue.people",
        "People…",
        "Shift+P",
        "Show who is in the project, and what is to do of whom.",
    ),
    Command(
        "queue.subject",
        "Subject…",
        "U",
        "Say whom this face shows, or all that are selected in the list.",
    ),
    Command(
        "queue.subject_rule",
        "Subjects from folders or names…",
        "",
        "Say whom faces show by the folders or names of their pictures; shown before it is done.",
    ),
    Command(
        "queue.undo_subjects", "Undo subjects", "", "Take back what was last said of subjects."
    ),
    Command(
        "queue.erase",
        "Erase for good…",
        "",
        "Delete this face, or all faces of its subject, with their history and their copies.",
    ),
    Command("annotate.undo", "Undo", "Ctrl+Z", "Take back the last change of this face."),
    Command("annotate.redo", "Redo", "Ctrl+Shift+Z", "Make the change again that was taken back."),
    Command("annotate.next_point", "Next point", "S", "Select the next point."),
    Command("annotate.previous_point", "Previous point", "W", "Select the previous point."),
    Command(
        "annotate.occlude",
        "Occluded",
        "O",
        "Mark the selected points as occluded, or as visible again.",
    ),
    Command(
        "annotate.confirm", "Confirm", "V", "Declare the selected points right where they are."
    ),
    Command("annotate.release", "Release", "R", "Let the model move the selected points again."),
    Command("annotate.remove", "Remove", "Del", "Mark the selected points as missing."),
    Command(
        "annotate.bring_back",
        "Place by the model",
        "B",
        "Let the model place the selected missing points, or all that are missing.",
    ),
    Command(
        "annotate.expression",
        "Expression…",
        "E",
        "Say what the face expresses: a word that the project has, by its digit, or a new one.",
    ),
    Command(
        "annotate.point_table",
        "Point table",
        "Shift+N",
        "Show all points as a table, to type coordinates and set states.",
    ),
    Command(
        "annotate.copy",
        "Copy points",
        "Ctrl+C",
        "Copy the selected points, or all, as a table that a spreadsheet understands.",
    ),
    Command(
        "annotate.paste", "Paste points", "Ctrl+V", "Put copied points at the same coordinates."
    ),
    Command(
        "annotate.paste_aligned",
        "Paste aligned",
        "Ctrl+Shift+V",
        "Put copied points where they belong on this face, turned and scaled by its eye corners.",
    ),
    Command(
        "annotate.next_doubt",
        "Next doubt",
        "J",
        "Look at the next point in doubt, and after the last of this face at the next such face.",
    ),
    Command(
        "annotate.previous_doubt", "Previous doubt", "Shift+J", "Look at the point in doubt before."
    ),
    Command(
        "annotate.approve",
        "It is right",
        "Y",
        "Say that the point in doubt is right; nothing doubts it again while it stays there.",
    ),
    Command(
        "annotate.unapprove",
        "Doubt again",
        "",
        "Take back what was said to be right of this face; the next label check looks again.",
    ),
    Command(
        "annotate.suggest",
        "Ask the model",
        "G",
        "Draw faintly where the model in use sees the points in doubt, or those selected.",
    ),
    Command(
        "annotate.take_suggestion",
        "Take it",
        "Shift+G",
        "Put the points where the model sees them; they are yours then.",
    ),
    Command("annotate.select_all", "Select all", "Ctrl+A", "Select all points of the face."),
    Command(
        "annotate.cancel",
        "Cancel",
        "Esc",
        "End the drag or the clicks under way, leave an old revision, or select nothing.",
    ),
    *(
        Command(
            f"annotate.{way}{far}",
            f"Move {way}",
            f"{modifier}{way.capitalize()}",
            f"Move the selected points {length}.",
            held=True,
        )
        for far, modifier, length in (("", "", "half a pixel"), ("_far", "Shift+", "five pixels"))
        for way in ("left", "right", "up", "down")
    ),
    Command(
        "annotate.hide",
        "Hide overlay",
        "H",
        "Hide points and lines while the key is held.",
        held=True,
    ),
    Command("annotate.names", "Names", "N", "Show the number and name of every point."),
    Command(
        "annotate.fit", "Fit", "F", "Let the model in use find the face; points you placed stay."
    ),
    Command(
        "annotate.three_clicks",
        "Three clicks",
        "T",
        "Say where two pupils and the chin are; the model fits from there.",
    ),
    Command(
        "annotate.copy_previous",
        "From previous frame",
        "C",
        "Start from the annotation of the nearest earlier frame.",
    ),
    Command(
        "annotate.interpolate",
        "Between key frames",
        "I",
        "Start from the two annotated frames around this one.",
    ),
    Command(
        "annotate.mirror",
        "Mirrored copy",
        "M",
        "Fill the face's other half from the selected, or better, half.",
    ),
    Command("annotate.next_face", "Next face", "Tab", "Go to the next face of this picture."),
    Command(
        "annotate.previous_face",
        "Previous face",
        "Shift+Tab",
        "Go to the previous face of this picture.",
    ),
    Command(
        "annotate.find_faces",
        "Find all faces",
        "Ctrl+F",
        "Look for all faces of this picture that are not annotated yet; you say which to keep.",
    ),
    Command(
        "annotate.add_face",
        "Add a face",
        "Shift+F",
        "Drag a box round a face of this picture; the model in use fits it there.",
    ),
    Command(
        "annotate.add_by_clicks",
        "Add by clicks",
        "Shift+T",
        "Add a face of this picture: say where two pupils and the chin are.",
    ),
    Command(
        "annotate.keep_found",
        "Keep",
        "K",
        "Make those of the faces found that are ticked faces of the project; drop the others.",
    ),
    Command("annotate.drop_found", "Drop", "Shift+K", "Keep none of the faces that were found."),
    Command("annotate.name_face", "Name…", "Shift+S", "Say whom this face shows."),
    Command(
        "annotate.remove_face",
        "Remove face",
        "Shift+Del",
        "Take this face out: it no longer waits, trains or counts. It is kept, and can be brought "
        "back. To delete it with its history, erase it in the tab Queue.",
    ),
    Command(
        "annotate.bring_face_back",
        "Bring face back",
        "",
        "Make this face, which was removed, part of the project again.",
    ),
    Command(
        "annotate.display",
        "Picture…",
        "L",
        "Set contrast, gamma and turn of the picture as you see it; fits see it as it is.",
    ),
    Command("annotate.turn_left", "Turn left", "[", "Turn the picture to the left."),
    Command("annotate.turn_right", "Turn right", "]", "Turn the picture to the right."),
    Command(
        "annotate.level",
        "Eyes level",
        "=",
        "Turn the picture so that the eyes are level, or back.",
    ),
    Command("annotate.zoom_face", "Face", "1", "Show the whole face."),
    Command("annotate.zoom_left_eye", "Left eye", "2", "Show the eye on the image's left."),
    Command("annotate.zoom_right_eye", "Right eye", "3", "Show the eye on the image's right."),
    Command("annotate.zoom_mouth", "Mouth", "4", "Show the mouth."),
    Command("annotate.zoom_jaw", "Jaw", "5", "Show the jaw."),
    Command("train.start", "Train", "Ctrl+Return", "Train a model on all annotated faces."),
    Command(
        "train.report",
        "Report",
        "",
        "Write a page on what the selected model is worth, compared with the one in use, and show "
        "it.",
    ),
    Command("live.play", "Play / pause", "Space", "Play the video, or pause it."),
    Command("live.step", "Step", ".", "Show the next frame."),
    Command("live.step_back", "Step back", ",", "Show the frame before."),
    Command(
        "live.take",
        "Take this fit",
        "G",
        "Put this frame's fit into the project as an annotation to correct; of a camera, the "
        "picture too.",
    ),
    Command(
        "live.record",
        "Record…",
        "Ctrl+R",
        "Record what the camera sees as a video, with the track of the faces in it.",
    ),
    Command(
        "live.take_all",
        "Take all faces",
        "Shift+G",
        "Put the fits of all faces of this frame into the project, each as a face to correct.",
    ),
    Command(
        "live.track",
        "Track all",
        "",
        "Fit every frame of the video and keep its track; frames that were edited stay.",
    ),
    Command(
        "live.correct",
        "Correct here",
        "C",
        "Open this frame in the tab Annotate, with its points to start from.",
    ),
    Command(
        "live.corrected",
        "Right, back to the video",
        "Shift+Return",
        "Confirm the face that was opened from a video, and go back to its frame.",
    ),
    Command(
        "live.spread",
        "Spread",
        "F",
        "Fit the frames around this one again from its points, until the fits agree with the old.",
    ),
    Command("live.range_in", "In", "I", "Begin a range at this frame."),
    Command("live.range_out", "Out", "O", "End a range at this frame."),
    Command(
        "live.accept",
        "Accept",
        "V",
        "Say that the range is right, or this frame: no new fit replaces it. Again: take it back.",
    ),
    Command(
        "live.reject",
        "Reject",
        "X",
        "Say that the points of the range, or of this frame, are wrong: no export has them. Again: "
        "take it back.",
    ),
    Command(
        "live.interpolate",
        "Interpolate",
        "B",
        "Compute the face between the ends of the range, and corrected frames in it.",
    ),
    Command(
        "live.smooth",
        "Smooth",
        "M",
        "Take the trembling out of the range, or of the whole track, without lag.",
    ),
    Command(
        "live.split", "Split here", "", "From this frame on the face is somebody else: a new face."
    ),
    Command("live.track_undo", "Undo", "Ctrl+Z", "Take back what was done to the track last."),
    Command("live.track_redo", "Redo", "Ctrl+Shift+Z", "Do it again."),
    *(
        Command(
            f"live.{way}_{kind}",
            f"{way.capitalize()} {kind}",
            f"{modifier}{key}",
            f"Go to the {way} {what}.",
        )
        for kind, key, what in (
            ("lost", "L", "frames without a face"),
            ("poor", "K", "poor fits"),
            ("annotated", "J", "annotated frame"),
            ("queued", "U", "frame in the review queue"),
        )
        for way, modifier in (("next", ""), ("previous", "Shift+"))
    ),
    *(
        Command(f"desk.{tab}", f"Tab {tab.capitalize()}", f"Ctrl+{number}", "Open this tab.")
        for number, tab in enumerate(("queue", "annotate", "train", "live"), start=1)
    ),
    Command(
        "desk.layers",
        "Layers",
        "Ctrl+5",
        "Show napari's list of layers and their controls, or fold them away.",
    ),
    Command("desk.messages", "Messages", "", "Read again what was said."),
    Command("desk.help", "Keys", "?", "Show all keys, and change them."),
)


class Commands:
    """The commands of one window and what they do now.

    Attributes
    ----------
    changed : Signal(str)
        A command can be done now, or no longer, or has another key.
    begun : Signal(str)
        A command is about to be done.
    """

    changed = Signal(str)
    begun = Signal(str)

    def __init__(self) -> None:
        self.table = {command.id: command for command in TABLE}
        self._keys = {command.id: command.key for command in TABLE}
        self._do: dict[str, Callable[..., object]] = {}
        self._why_not: dict[str, str] = {}
        self._what: dict[str, str] = {}
        self._instead: dict[str, Callable[..., object]] = {}

    def handle(self, name: str, do: Callable[..., object]) -> None:
        """Say what a command does. A held one is given True, then False."""
        self.table[name]  # a typing mistake should fail here
        self._do[name] = do
        self.changed.emit(name)

    def divert(self, instead: Mapping[str, Callable[..., object]]) -> None:
        """Let some commands do something else; without any, what they did before."""
        self._instead = dict(instead)

    def disable(self, name: str, why_not: str) -> None:
        """Say why a command cannot be done now; ``""`` if it can."""
        if self.why_not(name) != why_not:
            self._why_not[name] = why_not
            self.changed.emit(name)

    def specify(self, name: str, what: str) -> None:
        """Say what a command would do now, for its tool tip; ``""`` for what its help says."""
        if self._what.get(name, "") != what:
            self._what[name] = what
            self.changed.emit(name)

    def help(self, name: str) -> str:
        """Return what a command does, and to what it would do it now."""
        help_text, what = self.table[name].help, self._what.get(name, "")
        return f"{help_text} Now: {what}." if what else help_text

    def why_not(self, name: str) -> str:
        """Return why a command cannot be done now; ``""`` if it can."""
        return self._why_not.get(name, "")

    def key(self, name: str) -> str:
        """Key of a command in Qt's portable text."""
        return self._keys[name]

    def rebind(self, name: str, key: str) -> list[str]:
        """Give a command another key; returns the commands that lose it.

        A command of the tab Live and one of the face in work may share a key: the picture is
        either the one's or the other's.
        """
        losers = [n for n, k in self._keys.items() if key and k == key and self._rivals(n, name)]
        for loser in losers:
            self._keys[loser] = ""
            self.changed.emit(loser)
        self._keys[name] = key
        self.changed.emit(name)
        return losers

    def _rivals(self, one: str, other: str) -> bool:
        places = {self.table[one].place, self.table[other].place}
        return one != other and (len(places) == 1 or "" in places)

    def run(self, name: str, *, held: bool | None = None) -> bool:
        """Do a command unless it cannot be done now; returns whether it was done."""
        do = self._instead.get(name, self._do.get(name))
        if do is None or self.why_not(name):
            return False
        self.begun.emit(name)
        if held is None:
            do()
        else:
            do(held)
        return True
