"""The datasheet's numbers are those of the packs, and whoever reads a card finds it."""

import re
from collections import Counter
from pathlib import Path

import pytest

from training.data.ferplus import FOLDERS
from training.data.files import open_files
from training.data.published import HISTOGRAMS, TOTALS

DOCS = Path(__file__).parents[2] / "docs"
LINE = r"\| (?P<cells>.*) \|"


def table(head):
    """Give the rows of the datasheet's table that begins with `head`, each as its cells."""
    text = (DOCS / "datasheet.md").read_text("utf-8")
    lines = text.partition(f"| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [re.fullmatch(LINE, line)["cells"].split(" | ") for line in lines]


def number(cell):
    return int(cell.replace(",", ""))


def pictures(pack, split):
    (cells,) = (row for row in table("pack | split | pictures") if row[:2] == [pack, split])
    return number(cells[2])


@pytest.mark.parametrize("split", FOLDERS)
def test_the_expressions_are_the_published_ones(split):
    (cells,) = (row for row in table("split | neutral | happiness") if row[0] == split)
    *classes, whole = map(number, cells[1:])
    assert tuple(classes) == HISTOGRAMS["ferplus"][FOLDERS[split]]
    assert whole == sum(classes) == TOTALS["ferplus"][FOLDERS[split]]


@pytest.mark.parametrize("split", FOLDERS)
def test_ferplus_has_as_many_pictures(packs, split):
    files = open_files(packs("ferplus.zip"), "ferplus")
    assert len(files.lines(f"{FOLDERS[split]}/label.csv")) == pictures("`ferplus`", split)


def test_faces_wild_has_as_many_pictures_and_names(packs):
    files = open_files(packs("faces_wild.zip"), "faces_wild")
    names = [line.partition(",")[0] for line in files.lines("legend.csv")][1:]
    people = [re.fullmatch(r"(.*)_\d{4}\.jpg", name) for name in names]
    known = [found[1] for found in people if found]
    assert len(names) == pictures("`faces_wild`", "none")
    assert (len(known), len(names) - len(known)) == (11_937, 367)
    (what,) = (row[3] for row in table("pack | split | pictures") if row[0] == "`faces_wild`")
    assert re.findall(r"[\d,]*\d", what) == ["11,937", f"{len(set(known)):,}", "367"]


def test_scenes_have_as_many_pictures(packs):
    head, *lines = open_files(packs("scenes.zip"), "scenes").lines("scenes.csv")
    where = [head.split(",").index(column) for column in ("source", "split")]
    found = Counter(tuple(line.split(",")[column] for column in where) for line in lines)
    assert len(found) == 3
    for (source, split), count in found.items():
        assert count == pictures(f"`scenes`, `{source}`", split)


@pytest.mark.parametrize("card", sorted((DOCS / "models").glob("*.md")), ids=lambda path: path.stem)
def test_each_card_links_it(card):
    assert "(../datasheet.md)" in card.read_text("utf-8")


def test_readme_links_it():
    assert "(docs/datasheet.md)" in (DOCS.parent / "README.md").read_text("utf-8")
