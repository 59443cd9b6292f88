"""Blind rounds of a project: the same faces annotated by several people who see only their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .annotation import Annotation
from .errors import InputError, ProjectError
from .store import items, rounds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .store.database import Database
    from .store.rounds import BlindAnnotation, BlindRound

_LONGEST = 200
_LEAST_ANNOTATORS = 1


class BlindRounds:
    """The rounds of one project. Get it as `faceloop_datasets.Project.rounds`.

    What is annotated in a round never touches the faces' own annotations.
    """

    def __init__(self, database: Database, scheme: str, size: int) -> None:
        self._database = database
        self._scheme, self._size = scheme, size

    def add(
        self,
        name: str,
        annotators: Sequence[str],
        starts: Mapping[int, Annotation],
        *,
        start: str,
        chosen: str,
        author: str,
    ) -> BlindRound:
        """Make a round.

        Parameters
        ----------
        name : str
            What it is called.
        annotators : sequence of str
            Who is to annotate its faces.
        starts : mapping of int to Annotation
            The faces, by number, in the order in which they are annotated, and where everybody's
            points start. The same for all: whatever it is, it biases all alike.
        start, chosen : str
            What the points start from, and how the faces were chosen, for people.
        author : str
            Who makes it.

        Raises
        ------
        InputError
            If a name is empty, too long or given twice, or there is no face.
        ProjectError
            If there is a round of that name, or no such face.
        """
        _check_name(name, "round")
        for annotator in annotators:
            _check_name(annotator, "annotator")
        if len(set(annotators)) < max(len(annotators), _LEAST_ANNOTATORS):
            raise InputError("Expected the names of different annotators, at least one.")
        if not starts:
            raise InputError("A round needs faces, but none was chosen.")
        settings = {"annotators": list(annotators), "start": start, "chosen": chosen}
        with self._database.write() as connection:
            for item, where in starts.items():
                items.get_item(connection, item)
                self._check(where)
            number = rounds.add(connection, name, settings, list(starts), author)
            for item, where in starts.items():
                rounds.save(connection, number, item, rounds.START, where)
            return next(r for r in rounds.list_rounds(connection) if r.id == number)

    def all(self) -> list[BlindRound]:
        """All rounds, oldest first."""
        with self._database.read() as connection:
            return rounds.list_rounds(connection)

    def get(self, which: int | str) -> BlindRound:
        """Round by number or name; a text is a name first, and else a number if it is one.

        Raises
        ------
        ProjectError
            If there is none.
        """
        known = self.all()
        text = str(which)
        named = [one for one in known if one.name == which]
        # int() takes more than ASCII digits, and isdigit() more than int() does.
        numbered = [one for one in known if text.isascii() and text == str(one.id)]
        for one in (*named, *numbered):
            return one
        names = ", ".join(one.name for one in known) or "none yet"
        raise ProjectError(f"There is no round {which!r} in this project. Rounds: {names}.")

    def save(self, round_: BlindRound, item_id: int, author: str, annotation: Annotation) -> None:
        """Add what somebody annotated. What the same person saved before stays beside it.

        Raises
        ------
        InputError
            If the annotator has no name.
        ProjectError
            If the face is not in the round, or its points are not the project's.
        """
        _check_name(author, "annotator")
        self._check(annotation)
        if item_id not in round_.items:
            raise ProjectError(f"Item {item_id} is not among the faces of the round {round_.name}.")
        with self._database.write() as connection:
            items.get_item(connection, item_id)
            rounds.save(connection, round_.id, item_id, author, annotation)

    def annotations(self, round_: BlindRound, author: str | None = None) -> list[BlindAnnotation]:
        """Return what was annotated, by all or by one, oldest first; without the starts."""
        with self._database.read() as connection:
            found = rounds.of_round(connection, round_.id, self._scheme, author)
        return [one for one in found if one.author != rounds.START]

    def starts(self, round_: BlindRound) -> dict[int, Annotation]:
        """Where everybody's points started, by number of the face."""
        with self._database.read() as connection:
            found = rounds.of_round(connection, round_.id, self._scheme, rounds.START)
        return {one.item_id: one.annotation for one in found}

    def _check(self, annotation: Annotation) -> None:
        if annotation.scheme != self._scheme or len(annotation) != self._size:
            raise ProjectError(
                f"Expected an annotation of {self._scheme} with {self._size} points but got one of "
                f"{annotation.scheme} with {len(annotation)}. Convert it first."
            )


def _check_name(name: str, of: str) -> None:
    if not name.strip() or name != name.strip() or len(name) > _LONGEST or not name.isprintable():
        raise InputError(
            f"Found {name!r:.80} as name of {'an' if of[0] in 'aeiou' else 'a'} {of}, expected "
            f"1 to {_LONGEST} printable characters without spaces at the ends."
        )
