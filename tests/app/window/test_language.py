"""The window in German: nothing is missing, nothing stale, no part of a sentence lost."""

import ast
import re
import string
from collections import Counter
from pathlib import Path
from types import BuiltinFunctionType
from typing import Final
from xml.etree import ElementTree

import pytest
from PyQt6.lupdate import lupdate
from PyQt6.QtCore import QCoreApplication, QLocale, Qt, QTranslator
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import (
    QComboBox,
    QDialogButtonBox,
    QFileDialog,
    QMenu,
    QTabBar,
    QTableView,
    QWidget,
)

from app.session.disk import shown_bytes
from app.session.edits import LabelEdit
from app.session.naming import COLOURS, NamedFace
from app.session.people import FaceEdit
from app.sources.choice import Choice
from app.window.language import ELSEWHERE, class_name, colour_name, filled, said
from app.window.review.window import ReviewWindow
from app.window.settings.dialog import SettingsDialog
from app.window.shortcuts import changeable
from app.window.transport import Transport
from engine.assets import asset_path
from engine.labels import EXPRESSIONS
from engine.wording import Words

ROOT = Path(__file__).parents[3]
GERMAN = asset_path("translations/fer_de.ts")


def read(path):
    """Give by (context, text) the translations of a catalogue, and which are not finished."""
    messages, unfinished = {}, []
    for context in ElementTree.parse(path).getroot().iter("context"):
        for message in context.iter("message"):
            key = context.findtext("name"), message.findtext("source")
            translation = message.find("translation")
            forms = [form.text or "" for form in translation.iter("numerusform")]
            messages[key] = forms or [translation.text or ""]
            if translation.get("type"):
                unfinished.append(key)
    return messages, unfinished


@pytest.fixture(scope="module")
def german():
    return read(GERMAN)[0]


@pytest.fixture(scope="module")
def wanted(tmp_path_factory):
    path = tmp_path_factory.mktemp("ts") / "de.ts"
    sources = [str(path) for path in sorted((ROOT / "app" / "window").rglob("*.py"))]
    lupdate(sources, [str(path)], verbose=False)
    return read(path)[0]


def test_every_text_has_a_german_one_and_none_is_stale(german, wanted):
    missing, stale = wanted.keys() - german.keys(), german.keys() - wanted.keys()
    assert not missing, f"run scripts/translate, then translate: {sorted(missing)}"
    assert not stale, f"run scripts/translate: {sorted(stale)}"
    _, unfinished = read(GERMAN)
    assert not unfinished, f"translate in {GERMAN.name}: {unfinished}"
    assert all(form.strip() for forms in german.values() for form in forms)
    assert len(german) > 500


def parts(text):
    """What a translation has to keep: parts with their formats, files' endings, keys of menus."""
    fields = [(name, form) for _, name, form, _ in string.Formatter().parse(text) if name]
    return Counter([*fields, *re.findall(r"%n|\*\.?\w*|…$|&(?=\w)|^ | $", text)])


def test_no_part_of_a_sentence_is_lost(german):
    wrong = {
        text: form
        for (_, text), forms in german.items()
        for form in forms
        if parts(form) != parts(text)
    }
    assert not wrong


def test_times_have_the_decimal_point_of_the_language(qtbot, speak):
    speak("de")
    transport = Transport()
    qtbot.addWidget(transport)
    transport.show_state(5.92, 60.15, playing=True)
    assert transport._time.text() == "0:05,92 / 1:00,15"


def test_german_is_german(german):
    """A text that is the same in both languages is a name, a unit or a pattern."""
    same = {text for (_, text), forms in german.items() if forms == [text]}
    words = {text for text in same if re.search(r"[a-z]{3}", re.sub(r"\{.*?\}", "", text))}
    names = {"Text", "Port", "Name", "&Name", "Video", "Videos", "neutral"}
    assert words - names == {" min", "{0:g} min"}


@pytest.mark.parametrize("language", ["de", "en"])
def test_what_is_compiled_is_what_is_written(speak, language):
    written, _ = read(asset_path(f"translations/fer_{language}.ts"))
    speak(language)
    translate = QCoreApplication.translate
    wrong = [
        (context, text)
        for (context, text), forms in written.items()
        for number, form in enumerate(forms, 1)
        if translate(context, text, None, number) != form.replace("%n", str(number))
    ]
    assert not wrong, "run scripts/translate"


def test_english_has_its_plurals(wanted):
    written, _ = read(asset_path("translations/fer_en.ts"))
    assert written.keys() == {(context, text) for context, text in wanted if "%n" in text}


def test_what_parts_without_qt_say_is_known(german):
    """Each pattern of `Words` is in `ELSEWHERE`, and no other."""
    patterns = set()
    for path in (ROOT / "app").rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        texts = {
            target.id: node.value.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Words":
                patterns |= set(_texts(node.args[0], tree, texts))
    assert patterns == set(ELSEWHERE)
    assert len(ELSEWHERE) == len(set(ELSEWHERE))
    assert {("elsewhere", pattern) for pattern in patterns} <= german.keys()


def _texts(node, tree, texts):
    """Give what a `Words` is made of: a text, or what a name was given in the same function."""
    if isinstance(node, ast.Constant):
        return [node.value]
    found = []
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and node in ast.walk(function):
            for each in ast.walk(function):
                if isinstance(each, ast.Assign):
                    found += _assigned(each, node.id)
    assert found, ast.dump(node)
    return found


def _assigned(assign, name):
    (target,), value = assign.targets, assign.value
    pairs = [(target, value)]
    if isinstance(target, ast.Tuple):
        pairs = zip(target.elts, value.elts, strict=True) if isinstance(value, ast.Tuple) else []
    return [
        text.value
        for one, text in pairs
        if isinstance(one, ast.Name) and one.id == name and isinstance(text, ast.Constant)
    ]


def test_it_speaks_german(qtbot, speak, make_window):
    speak("de")
    window = make_window()
    menus = [menu.title() for menu in window.menuBar().findChildren(QMenu) if menu.title()]
    assert {"&Datei", "S&itzung", "&Wiedergabe", "&Ansicht", "&Hilfe"} <= {
        action.text() for action in window.menuBar().actions()
    }, menus
    assert window.docks.docks["probabilities"].windowTitle() == "Ausdruck"
    assert window.docks.probabilities.headline.text() == "Kein Gesicht"
    dialog = SettingsDialog(window.settings, window)
    buttons = QDialogButtonBox.StandardButton
    assert dialog.buttons.button(buttons.Cancel).text().replace("&", "") == "Abbrechen"
    assert dialog.buttons.button(buttons.RestoreDefaults).text().replace("&", "") == (
        "Voreinstellungen"
    )
    assert dialog.pages[0].fields["smooth"].text() == "0,25 s"
    chooser = QFileDialog(window)
    chooser.setOption(QFileDialog.Option.DontUseNativeDialog)
    assert chooser.labelText(QFileDialog.DialogLabel.Reject).replace("&", "") == "Abbrechen"


def test_keys_are_named_in_german_and_stay_the_same(speak, make_window):
    from app.window.actions import key_of

    before = {name: one.declared.shortcuts for name, one in changeable().items()}
    speak("de")
    window = make_window()
    assert key_of(window.actions_.open_file) == "Strg+O"
    assert {name: one.declared.shortcuts for name, one in changeable().items()} == before


@pytest.mark.parametrize("language", ["en", "de"])
def test_no_two_entries_of_a_menu_have_one_letter(speak, make_window, language):
    speak(language)
    window = make_window()
    review = ReviewWindow(window)
    for bar in (window.menuBar(), review.menuBar()):
        for menu in (bar, *(action.menu() for action in bar.actions())):
            texts = [action.text().replace("&&", "") for action in menu.actions()]
            letters = Counter(
                text[text.index("&") + 1].lower()
                for text in texts
                if "&" in text and not re.match(r"(Camera|Kamera) \d", text)
            )
            twice = {letter for letter, count in letters.items() if count > 1}
            assert not twice, (menu.title() if isinstance(menu, QMenu) else "bar", twice, texts)


def test_plurals_numbers_and_names(speak):
    speak("de")
    translate = QCoreApplication.translate
    one, two = (translate("VideoView", "%n face(s)", None, n) for n in (1, 2))
    assert (one, two) == ("1 Gesicht", "2 Gesichter")
    assert class_name("happiness") == "Freude"
    assert class_name("boredom") == "boredom"
    assert said(shown_bytes(1_234_500_000_000)) == "1.234,5 GB"
    assert filled("{0:+.2f} {n}", -0.5, n="1.5") == "-0,50 1.5"
    assert said("no such sentence") == "no such sentence"
    edit = LabelEdit(face=2, start_s=1.5, end_s=2.0, label="fear")
    assert said(Words("done: {what}", what=str(edit))) == (
        "erledigt: Gesicht 2: Angst, 1,50 bis 2,00 s"
    )
    named = FaceEdit(face=1, named=NamedFace(name="", colour="orange"))
    assert said(str(named)) == "Gesicht 1: kein Name, Orange"
    assert str(named) == "face 1: no name, orange"
    assert all(class_name(name) != name for name in EXPRESSIONS if name != "neutral")
    assert all(colour_name(name) != name for name in COLOURS)


def test_english_plurals(speak):
    speak("en")
    one, two = (QCoreApplication.translate("VideoView", "%n face(s)", None, n) for n in (1, 2))
    assert (one, two) == ("1 face", "2 faces")


@pytest.mark.parametrize(
    ("system", "chosen", "word"),
    [
        ("de_AT", "system", "Freude"),
        ("en_GB", "system", "happiness"),
        ("fr_FR", "system", "happiness"),
        ("C", "system", "happiness"),
        ("de_DE", "en", "happiness"),
        ("fr_FR", "de", "Freude"),
    ],
)
def test_language_follows_the_system_or_the_choice(monkeypatch, speak, system, chosen, word):
    monkeypatch.setattr(QLocale, "system", lambda: QLocale(system))
    speak(chosen)
    assert class_name("happiness") == word
    one = QCoreApplication.translate("VideoView", "%n face(s)", None, 1)
    assert one == ("1 Gesicht" if word == "Freude" else "1 face")


def test_chosen_language_keeps_the_numbers_of_the_country(monkeypatch, speak):
    monkeypatch.setattr(QLocale, "system", lambda: QLocale("de_CH"))
    speak("de")
    assert QLocale().name() == "de_CH"
    assert filled("{0:.1f}", 0.5) == "0.5"  # as the Swiss write it


class Marking(QTranslator):
    """Marks whatever is translated."""

    def isEmpty(self):
        return False

    def translate(self, context, text, disambiguation=None, n=-1):
        return f"⟦{text}⟧"


@pytest.fixture
def marked(qapp):
    translator = Marking()
    qapp.installTranslator(translator)
    yield
    qapp.removeTranslator(translator)


def texts_of(top):
    """Give every text that a widget and what is in it show or say."""
    yield top.windowTitle()
    for widget in (top, *top.findChildren(QWidget)):
        yield from (widget.toolTip(), widget.accessibleName(), widget.accessibleDescription())
        for name in ("text", "placeholderText", "title", "suffix", "specialValueText", "prefix"):
            give = getattr(widget, name, None)
            if isinstance(give, BuiltinFunctionType) and isinstance(text := give(), str):
                yield text
        if isinstance(widget, QTabBar):
            yield from (widget.tabText(at) for at in range(widget.count()))
        if isinstance(widget, QComboBox):
            yield from (widget.itemText(at) for at in range(widget.count()))
        if isinstance(widget, QTableView):
            yield from _texts_of_table(widget.model())
    for action in top.findChildren(QAction):
        yield from (action.text(), action.toolTip())


def _texts_of_table(model):
    for column in range(model.columnCount()):
        for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            yield str(model.headerData(column, Qt.Orientation.Horizontal, role) or "")
            for row in range(model.rowCount()):
                yield str(model.index(row, column).data(role) or "")


def unmarked(text):
    """Give what of a text is not translated."""
    while (rest := re.sub(r"⟦[^⟦⟧]*(⟧|…$)", "", text)) != text:
        text = rest
    return text.strip(" :,;&·\N{EN DASH}→←●\n")


# What is shown and has no other language: names, values, units, what users, files or systems say.
SAME: Final = (
    r"(\d:\d\d:\d\d .)? ?fer-live|English|Deutsch|Français|log",
    r"stimulus on|stimulus off|question|note|experiment",  # texts that users change
    r"int8|fp16|fp32|auto|cpu|(cuda|tensorrt|openvino)( \(\))?|UDP|OSC|LSL|ECE|GMAC",
    r"(poster-rt|dan(-va)?)( · cpu|:[ ,;]*)?",
    r"fer-\w+|.*/recordings|/tmp/.*…\w+|.*\.mp4|127\.0\.0\.1(:\d+)?|\(?\*\..*",
    r"((Ctrl|Shift|Alt|Esc|Home|End|Space|Left|Right|Up|Down|Del|PgUp|PgDown|F\d+|[^a-z])[+, ]*)+",
    r"\d+x\d+( .*)?|[\d.]+ ?(s|x|ms|fps|%)",
    r"<.*|qt_.*",
)


def test_no_text_is_in_one_language_only(
    qtbot, marked, make_window, dialogs, folder, opened, fake_camera
):
    opened.append(fake_camera())
    window = make_window(osc=True, hear_udp=True, blur=True, part_minutes=1)
    window.open(Choice(kind="camera", name="0"))
    qtbot.waitUntil(lambda: window.live.analysis is not None and window.view.frame is not None)
    for dock in window.docks.docks.values():
        dock.show()
    window.controller.start()
    qtbot.waitUntil(lambda: window.controller.view().elapsed_s > 0.2)
    window.watch.refresh()
    window.recording.refresh()
    tops = {"window": window, **dialogs(window)}
    review = ReviewWindow()
    qtbot.addWidget(review)
    review.show()
    review.open(folder)
    qtbot.waitUntil(lambda: not review.busy)
    tops["review"] = review
    found = {
        f"{name}: {text!r}"
        for name, top in tops.items()
        for text in texts_of(top)
        if re.search(r"[A-Za-z]{2}", rest := unmarked(text))
        if not any(re.fullmatch(same, rest, re.DOTALL) for same in SAME)
    }
    window.controller.stop()
    qtbot.waitUntil(lambda: not window.controller.view().recording)
    review.close()
    assert not found, "\n".join(sorted(found))
