"""Every word that the window asks a translation for is one that translators' tools find."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PyQt6.lupdate import lupdate
from PyQt6.QtCore import QCoreApplication, QTranslator

from app.session.naming import NAMELESS
from app.window.picture.naming import FaceSheet
from app.window.review.window import ReviewWindow
from app.window.settings.dialog import SettingsDialog

ROOT = Path(__file__).parents[3]


class Asked(QTranslator):
    """Translates nothing and remembers what it was asked for."""

    def __init__(self):
        super().__init__()
        self.texts = set()

    def isEmpty(self):
        return False

    def translate(self, context, text, disambiguation=None, n=-1):
        self.texts.add((context, text))  # an empty text would be taken as the translation


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Give (context, text) of all that `pylupdate6` finds in the window's sources."""
    path = tmp_path_factory.mktemp("ts") / "de.ts"
    sources = [str(path) for path in sorted((ROOT / "app" / "window").rglob("*.py"))]
    lupdate(sources, [str(path)], verbose=False)
    contexts = ElementTree.parse(path).getroot().iter("context")
    return {
        (context.findtext("name").rpartition(".")[2], message.findtext("source"))
        for context in contexts
        for message in context.iter("message")
    }


@pytest.fixture
def asked(qapp):
    translator = Asked()
    QCoreApplication.installTranslator(translator)
    yield translator.texts
    QCoreApplication.removeTranslator(translator)


def test_translators_find_every_text_of_the_windows(qtbot, asked, make_window, found, folder):
    window = make_window(osc=True, blur=True)
    dialog = SettingsDialog(window.settings)
    qtbot.addWidget(dialog)
    review = ReviewWindow()
    qtbot.addWidget(review)
    review.show()
    sheet = FaceSheet(1, NAMELESS, (2,), window)
    qtbot.addWidget(sheet)
    review.open(folder)
    qtbot.waitUntil(lambda: not review.busy)
    window.watch.refresh()
    review.close()
    others = re.compile(r"Q[A-Z]|(PlotItem|ViewBox|Form|GraphicsScene|ExportDialog)$")
    own = {(context, text) for context, text in asked if not others.match(context)}
    assert len(own) > 100
    missing = sorted(pair for pair in own - found if not re.fullmatch(r"F\d|\W*", pair[1]))
    assert not missing, "\n".join(map(str, missing))


def test_no_text_is_put_together_before_it_is_translated(found):
    """A text in braces without words around it, or one joined of parts, cannot be translated."""
    for path in (ROOT / "app" / "window").rglob("*.py"):
        text = path.read_text("utf-8")
        assert not re.search(r"\b(tr|translate)\(\s*f[\"']", text), path
        assert "partial(QCoreApplication.translate" not in text, path
