"""What the faces of a session are called, and in which colours they are drawn: the user's choice.

named = NAMELESS.with_face(2, NamedFace(name="Anna", colour="orange"))
named.title(2), named.title(3)            # "Anna", "face 3"
named.about()                             # as `session.json` holds it, under ``faces``
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AfterValidator, Field

from app.session.checks import one_line
from engine.config import WHOLE_MAX, checked

Colour = Literal[
    "sky blue", "orange", "green", "purple", "yellow", "vermillion", "blue", "black or white"
]
COLOURS: Final[tuple[Colour, ...]] = get_args(Colour)  # in the order of `palette.FACES`
LONGEST: Final = 60  # characters of a name


def _name(text: str) -> str:
    return one_line(text).strip()[:LONGEST].strip()


FaceId = Annotated[int, Field(ge=0, le=WHOLE_MAX)]


@checked(extra="ignore")
class NamedFace:
    """What the user chose for one face.

    Attributes:
        name: One line that every export can hold; empty for none.
        colour: One of the palette; None for that of the face's number.
    """

    name: Annotated[str, AfterValidator(_name)] = ""
    colour: Colour | None = None

    def hue(self, face: int) -> int:
        """Give the number of the face whose colour this one, of that id, has."""
        return face if self.colour is None else COLOURS.index(self.colour) + 1


NOBODY: Final = NamedFace()


@dataclass(frozen=True, slots=True)
class NamedFaces:
    """The faces of a session that were given a name or a colour.

    Attributes:
        faces: By id; the others have neither.
    """

    faces: Mapping[int, NamedFace] = field(default_factory=dict)

    def of(self, face: int) -> NamedFace:
        """Give what was chosen for a face."""
        return self.faces.get(face, NOBODY)

    def with_face(self, face: int, named: NamedFace) -> "NamedFaces":
        """Give the same with another choice for one face."""
        others = {other: each for other, each in self.faces.items() if other != face}
        return NamedFaces(others if named == NOBODY else others | {face: named})

    def merged(self, face: int, into: int) -> "NamedFaces":
        """Give the same where one face is another: what that one lacks, it takes over."""
        gone, kept = self.of(face), self.of(into)
        both = NamedFace(name=kept.name or gone.name, colour=kept.colour or gone.colour)
        return self.with_face(face, NOBODY).with_face(into, both)

    def shown(self, face: int) -> NamedFace:
        """Give what a face is called, and its colour: never one that was chosen for another face.

        Where the colour of its number was, it gets the one that the other face gave up for it.
        """
        named = self.of(face)
        if named.colour is not None:
            return named
        chosen = {each.colour: other for other, each in self.faces.items() if each.colour}
        own = (face - 1) % len(COLOURS)
        place, passed = own, set[int]()
        while COLOURS[place] in chosen and place not in passed:
            passed.add(place)
            place = (chosen[COLOURS[place]] - 1) % len(COLOURS)
        if COLOURS[place] in chosen:
            after = (*range(own, len(COLOURS)), *range(own))
            place = next((free for free in after if COLOURS[free] not in chosen), own)
        return named if place == own else replace(named, colour=COLOURS[place])

    def hue(self, face: int) -> int:
        """Give the number of the face whose colour this one has."""
        return self.shown(face).hue(face)

    @property
    def names(self) -> dict[int, str]:
        """The names, by id, as an overlay takes them."""
        return {face: each.name for face, each in self.faces.items() if each.name}

    @property
    def colours(self) -> dict[int, int]:
        """The places in the palette of the chosen colours, by id, as an overlay takes them.

        With those of the faces that had to give theirs up.
        """
        faces = {*self.faces, *range(1, len(COLOURS) + 1)}
        return {face: self.hue(face) - 1 for face in sorted(faces) if self.shown(face).colour}

    def short(self, face: int) -> str:
        """Give a face's name, or its number."""
        return self.of(face).name or str(face)

    def title(self, face: int) -> str:
        """Give a face's name, or ``face 3``."""
        return self.of(face).name or f"face {face}"

    def titles(self, faces: Iterable[int], taken: Iterable[str] = ()) -> dict[int, str]:
        """Give the titles of several faces, no two the same: a number follows where they would be.

        Args:
            faces: Their ids.
            taken: What none may be called.
        """
        titles = {face: self.title(face) for face in faces}
        counts = Counter((*titles.values(), *taken))
        if all(counts[title] == 1 for title in titles.values()):
            return titles
        named = {face: f"{self.of(face).name} ({face})" for face in titles if self.of(face).name}
        return titles | named

    def about(self) -> dict[str, Any]:
        """Give what is kept: for each id, what was chosen."""
        return {
            str(face): {name: said for name in ("name", "colour") if (said := getattr(each, name))}
            for face, each in sorted(self.faces.items())
        }


NAMELESS: Final = NamedFaces()
