"""The window's language: Qt's catalogues, the locale's numbers, and texts that come from elsewhere.

Texts of the window are marked by `tr`, `translate` and `QT_TRANSLATE_NOOP`; `scripts/translate`
collects them. What comes in English from parts that know no Qt is said by `said`.
"""

import string
from collections.abc import Mapping
from typing import Any, Final

from PyQt6.QtCore import (
    QT_TRANSLATE_NOOP,
    QCoreApplication,
    QLibraryInfo,
    QLocale,
    QTranslator,
)

from app.session.timecode import timecode
from app.settings.settings import LanguageName
from engine.assets import asset_path
from engine.wording import Words

LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "de": "Deutsch"}  # by themselves
# Literal texts, so that translators' tools find them; those outside the window are in a test too.
_CLASSES: Final = {
    "neutral": QT_TRANSLATE_NOOP("classes", "neutral"),
    "happiness": QT_TRANSLATE_NOOP("classes", "happiness"),
    "surprise": QT_TRANSLATE_NOOP("classes", "surprise"),
    "sadness": QT_TRANSLATE_NOOP("classes", "sadness"),
    "anger": QT_TRANSLATE_NOOP("classes", "anger"),
    "disgust": QT_TRANSLATE_NOOP("classes", "disgust"),
    "fear": QT_TRANSLATE_NOOP("classes", "fear"),
    "contempt": QT_TRANSLATE_NOOP("classes", "contempt"),
}
_COLOURS: Final = {
    "sky blue": QT_TRANSLATE_NOOP("colours", "sky blue"),
    "orange": QT_TRANSLATE_NOOP("colours", "orange"),
    "green": QT_TRANSLATE_NOOP("colours", "green"),
    "purple": QT_TRANSLATE_NOOP("colours", "purple"),
    "yellow": QT_TRANSLATE_NOOP("colours", "yellow"),
    "vermillion": QT_TRANSLATE_NOOP("colours", "vermillion"),
    "blue": QT_TRANSLATE_NOOP("colours", "blue"),
    "black or white": QT_TRANSLATE_NOOP("colours", "black or white"),
}
ELSEWHERE: Final = (
    QT_TRANSLATE_NOOP("elsewhere", "{count:,.1f} GB"),
    QT_TRANSLATE_NOOP("elsewhere", "{count:,.0f} MB"),
    QT_TRANSLATE_NOOP("elsewhere", "{start_s:.2f} to {end_s:.2f} s"),
    QT_TRANSLATE_NOOP("elsewhere", "{why}; {saved}"),
    QT_TRANSLATE_NOOP("elsewhere", "Camera {number}"),
    QT_TRANSLATE_NOOP("elsewhere", "delete face {face}"),
    QT_TRANSLATE_NOOP("elsewhere", "delete face {face}, {span}"),
    QT_TRANSLATE_NOOP("elsewhere", "delete the marker {text} at {time_s:.2f} s"),
    QT_TRANSLATE_NOOP("elsewhere", "face {face}: {name}, {colour}"),
    QT_TRANSLATE_NOOP("elsewhere", "faces {other} and {face} are two people"),
    QT_TRANSLATE_NOOP("elsewhere", "its own colour"),
    QT_TRANSLATE_NOOP("elsewhere", "label face {face} {label}, {span}"),
    QT_TRANSLATE_NOOP("elsewhere", "marker {text} at {time_s:.2f} s"),
    QT_TRANSLATE_NOOP("elsewhere", "marker {text}, {span}"),
    QT_TRANSLATE_NOOP("elsewhere", "merge face {face} into {into}"),
    QT_TRANSLATE_NOOP("elsewhere", "no name"),
    QT_TRANSLATE_NOOP("elsewhere", "nothing was recorded: {why}"),
    QT_TRANSLATE_NOOP("elsewhere", "saved: {name}"),
    QT_TRANSLATE_NOOP(
        "elsewhere", "saved: {name}; all of it is blurred: what came after it was not seen"
    ),
    QT_TRANSLATE_NOOP(
        "elsewhere", "split face {face} at {time_s:.2f} s: face {other} from there on"
    ),
    QT_TRANSLATE_NOOP("elsewhere", "stopped after {limit:g} s, as asked"),
    QT_TRANSLATE_NOOP("elsewhere", "stopped at the end of the file"),
    QT_TRANSLATE_NOOP("elsewhere", "stopped before the first frame"),
    QT_TRANSLATE_NOOP(
        "elsewhere", "the snapshot waits for the next second, to see which faces are in it"
    ),
    QT_TRANSLATE_NOOP("elsewhere", "there is no microphone: the video is recorded without sound"),
    QT_TRANSLATE_NOOP("elsewhere", "choose a face and a span first"),
    QT_TRANSLATE_NOOP("elsewhere", "choose a face first"),
    QT_TRANSLATE_NOOP("elsewhere", "choose a face that is seen before and after the cursor"),
    QT_TRANSLATE_NOOP("elsewhere", "there is no marker"),
    QT_TRANSLATE_NOOP("elsewhere", "there is no marker before the cursor"),
    QT_TRANSLATE_NOOP("elsewhere", "no marker within half a second of the cursor"),
    QT_TRANSLATE_NOOP("elsewhere", "done: {what}"),
    QT_TRANSLATE_NOOP("elsewhere", "undone: {what}"),
    QT_TRANSLATE_NOOP("elsewhere", "done again: {what}"),
    QT_TRANSLATE_NOOP("elsewhere", "must be a key like F9, Space or Ctrl+Shift+R, got {key}"),
    QT_TRANSLATE_NOOP("elsewhere", "must be one key, not several in a row, got {key}"),
    QT_TRANSLATE_NOOP("elsewhere", "{key} {why}; choose another"),
    QT_TRANSLATE_NOOP("elsewhere", "moves through fields and faces"),
    QT_TRANSLATE_NOOP("elsewhere", "opens a menu"),
    QT_TRANSLATE_NOOP("elsewhere", "{key} is the key of {other} too; change one"),
    QT_TRANSLATE_NOOP("elsewhere", "not available here; choose {devices}"),
    QT_TRANSLATE_NOOP("elsewhere", "is the port of the {output} output too; choose another"),
    QT_TRANSLATE_NOOP("elsewhere", "is the stream of this program's own markers; name another"),
    QT_TRANSLATE_NOOP(
        "elsewhere", "no machine has such a name or address; write 127.0.0.1 or lab-pc.local"
    ),
)


def use_language(app: QCoreApplication, language: LanguageName) -> tuple[QTranslator, ...]:
    """Let windows that are made from now on speak a language.

    Args:
        app: Keeps what is loaded.
        language: ``system`` is the first of the system's languages that there is, else English.

    Returns:
        What translates: texts of this program, then Qt's own.
    """
    system = QLocale.system()
    wanted = system if language == "system" else QLocale(language)
    own, folder = QTranslator(app), str(asset_path("translations"))
    if not own.load(wanted, "fer", "_", folder):
        own.load(QLocale("en"), "fer", "_", folder)
    if language != "system":  # with the numbers of the country, if that is its language
        QLocale.setDefault(system if system.language() == wanted.language() else wanted)
    qt, place = QTranslator(app), QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    qt.load(QLocale(own.language()), "qtbase", "_", place)
    for each in (qt, own):  # the last one is asked first
        app.installTranslator(each)
    return own, qt


def class_name(name: str) -> str:
    """Give a class's name in the user's language; one beyond the eight stays as it is.

    Args:
        name: Of the class.
    """
    return QCoreApplication.translate("classes", _CLASSES[name]) if name in _CLASSES else name


def colour_name(name: str) -> str:
    """Give the name of a face's colour in the user's language.

    Args:
        name: One of `app.session.naming.COLOURS`.
    """
    return QCoreApplication.translate("colours", _COLOURS[name])


def percent(share: float) -> str:
    """Give a share, 0 to 1, as it is written everywhere in the windows."""
    return f"{round(100 * share)} %"


def said(text: str) -> str:
    """Say in the user's language what a part without Qt said in English.

    Args:
        text: Translated where it is `Words`; another stays as it is.
    """
    if not isinstance(text, Words):
        return text
    parts = {name: _part(name, part) for name, part in text.parts.items()}
    return filled(QCoreApplication.translate("elsewhere", text.pattern), **parts)


def _part(name: str, part: object) -> object:
    if name == "label":
        return class_name(str(part))
    if name == "colour" and part in _COLOURS:
        return colour_name(str(part))
    return said(part) if isinstance(part, str) else part


def clock(seconds: float, *, digits: int = 0, passed: bool = False) -> str:
    """Write a time as `timecode` does, with the language's decimal point."""
    return timecode(seconds, digits=digits, passed=passed).replace(".", QLocale().decimalPoint())


def filled(words: str, *parts: object, **named: object) -> str:
    """Put parts into a sentence, as `str.format` does, with the point of the locale in numbers."""
    return _Filler().vformat(words, parts, named)


class _Filler(string.Formatter):
    def format_field(self, value: Any, format_spec: str) -> Any:  # noqa: ANN401 - as its base has it
        made = super().format_field(value, format_spec)
        if not isinstance(value, float):
            return made
        locale = QLocale()
        return made.translate({ord("."): locale.decimalPoint(), ord(","): locale.groupSeparator()})
