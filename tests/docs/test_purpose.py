"""What the program is for, in the same words wherever somebody may look for it."""

import json
from pathlib import Path

import pytest

import app.command.cli
import app.window.desktop
from engine.wording import PURPOSE

ROOT = Path(__file__).parents[2]


def words(text):
    return " ".join(text.split())


def readers():
    """Name the shipped networks that read expressions."""
    manifests = [json.loads(path.read_text("utf-8")) for path in (ROOT / "assets").glob("*.json")]
    names = {made["name"] for made in manifests if made.get("kind") == "expression"}
    return sorted({name.removesuffix("-int8").removesuffix("-fp16") for name in names})


@pytest.mark.parametrize("parser", [app.command.cli.parser, app.window.desktop.parser])
def test_the_help_says_what_it_is_for(parser):
    assert PURPOSE in words(parser().format_help())


def test_the_first_page_says_it_in_the_same_words(qtbot):
    from app.window.privacy import PrivacyDialog

    dialog = PrivacyDialog()
    qtbot.addWidget(dialog)
    assert PURPOSE in dict(dialog.sections())["What it is for"]


@pytest.mark.parametrize("page", ["README.md", "docs/app.md", "docs/datasheet.md"])
def test_the_pages_say_it_in_the_same_words(page):
    assert PURPOSE in words((ROOT / page).read_text("utf-8"))


def test_the_card_of_each_network_that_reads_expressions_says_it():
    assert "poster-rt" in readers()
    for name in readers():
        card = ROOT / "docs" / "models" / f"{name}.md"
        assert PURPOSE in words(card.read_text("utf-8")), card
