"""Extras that the documents and messages tell users to install."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXTS = [
    *ROOT.glob("*.md"),
    *(path for folder in ("docs", "examples") for path in (ROOT / folder).rglob("*.md")),
    *(
        path
        for name in ("app", "engine", "export", "training")
        for path in (ROOT / name).rglob("*.py")
    ),
]


@pytest.fixture(scope="module")
def extras():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return set(project["optional-dependencies"])


def test_every_extra_that_is_named_exists(extras):
    named = {
        (extra, path.name)
        for path in TEXTS
        for words in re.findall(
            r"(?:fer-live|\s\"?'?\.|`\.)\[([a-z, ]+)\]", path.read_text("utf-8")
        )
        for extra in words.replace(" ", "").split(",")
    }
    assert {"export", "tensorrt"} <= {extra for extra, _ in named}
    assert {extra for extra, _ in named} - extras == set(), named


def test_readme_lists_the_extras(extras):
    table = (
        (ROOT / "README.md").read_text("utf-8").partition("| extra | for |")[2].partition("\n\n")[0]
    )
    listed = {
        name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert listed == extras
