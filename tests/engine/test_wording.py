"""Counted things, and what somebody gave, cut where it is long."""

import ast
import re
from pathlib import Path

from engine.wording import Words, capped, counted, shortened, shown

ROOT = Path(__file__).parents[2]
# A number before a noun of several, in a text with a place for the number.
SEVERAL = re.compile(
    r"\0,? (?:more |damaged )?(?:frames|pictures|packets|rows|faces|warnings|groups) "
    r"(?!a second|at most)"
)
ALWAYS_SEVERAL = (
    "up to \0 faces were detected",
    "none of its \0 pictures",
    "\0: its maps are not one",
)


def test_words_know_their_parts():
    inner = Words("saved: {name}", name="a.mp4")
    words = Words("{why}; {saved}", why="stopped after 0.5 s", saved=inner)
    assert words == "stopped after 0.5 s; saved: a.mp4"
    assert (words.pattern, words.parts["saved"].parts) == ("{why}; {saved}", {"name": "a.mp4"})
    assert Words("{count:,.1f} GB", count=1234.5) == "1,234.5 GB"


def test_one_thing_is_not_several():
    assert [counted(number, "picture") for number in (0, 1, 2)] == [
        "0 pictures",
        "1 picture",
        "2 pictures",
    ]
    assert counted(1, "face is", "faces are") == "1 face is"
    assert counted(9999, "face") == "9999 faces"
    assert counted(12345, "face is", "faces are") == "12,345 faces are"


def test_long_names_keep_their_beginning():
    assert shortened("a" * 300) == "a" * 300
    assert shortened(Path("a" * 301)) == f"{'a' * 300}…"


def test_long_values_are_cut():
    assert shown("a b") == "'a b'"
    assert len(shown("x" * 5000)) == 81
    assert shown(10**5000) == "int of too many digits"


def test_many_warnings_are_counted():
    assert capped(["a", "b"], 2) == ("a", "b")
    assert capped(["a", "b", "c"], 2) == ("a", "b", "and 1 more warning like these")
    assert capped(["a"] * 100_000)[-1] == "and 99,980 more warnings like these"


def texts(path):
    """Give the texts with places in a module, a mark in each place."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = (p.value if isinstance(p, ast.Constant) else "\0" for p in node.values)
            yield "".join(map(str, parts))


def test_no_message_counts_with_a_noun_of_several_alone():
    """``1 frames``: where a number may be one, `counted` finds the noun."""
    rooms = [ROOT / "app" / name for name in ("command", "session")]
    rooms += [ROOT / name for name in ("engine", "fer_live")]
    found = [
        f"{path.relative_to(ROOT)}: {text}"
        for room in rooms
        for path in room.rglob("*.py")
        for text in texts(path)
        if SEVERAL.search(f"{text} ") and not text.startswith(ALWAYS_SEVERAL)
    ]
    assert found == []
