"""Who is recorded, under which condition, and what people were told: said once for a recording."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from app.session.checks import one_line

LONGEST: Final = 2000  # characters of a field


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """What `session.json` says of the people in a recording; all of it may be left out.

    Attributes:
        participant: Who, in whatever way the study names people: a code, no name.
        session: Which visit or run.
        condition: Of the study.
        notes: Anything else.
        told: The people were told that their expressions are read.
        consent: They agreed to be recorded.
    """

    participant: str = ""
    session: str = ""
    condition: str = ""
    notes: str = ""
    told: bool = False
    consent: bool = False

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, str):
                object.__setattr__(self, each.name, one_line(value)[:LONGEST].strip())

    def about(self) -> dict[str, Any]:
        """Give what is kept: the fields that say something."""
        return {name: value for name, value in asdict(self).items() if value}
