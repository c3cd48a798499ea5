"""The list of keys, and the report of a problem, which the user sends or does not."""

import platform
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Final

from PyQt6.QtCore import PYQT_VERSION_STR, Qt, qVersion
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import (
    QApplication,
    QBoxLayout,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from app.window.actions import made_in
from app.window.panels.panel import label
from app.window.texts import without_marks
from app.window.theme import GRID_PX
from engine.installed import versions_of

LIBRARIES: Final = ("fer-live", "PyQt6", "pyqtgraph", "onnxruntime", "av", "numpy")


def keys_of(actions: object) -> list[tuple[str, str]]:
    """List the keys of a record of actions, each with its words.

    Args:
        actions: A record as `make_actions` makes it.
    """
    native = QKeySequence.SequenceFormat.NativeText
    return [
        (", ".join(key.toString(native) for key in action.shortcuts()), _words(action))
        for action in made_in(actions)
        if action.shortcuts()
    ]


def _words(action: QAction) -> str:
    return without_marks(action.text()).removesuffix("…")


class ShortcutsDialog(QDialog):
    """Lists what can be done by key."""

    def __init__(self, actions: object, parent: QWidget) -> None:
        """Make the list.

        Args:
            actions: A record as `make_actions` makes it.
            parent: Owns the dialog.
        """
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        column = QVBoxLayout(self)
        column.setContentsMargins(*[2 * GRID_PX] * 4)
        column.setSpacing(GRID_PX)
        column.addWidget(label(self.tr("Keyboard shortcuts"), "title"))
        self.keys = keys_of(actions)
        inner = QWidget()
        beside = QHBoxLayout(inner)
        beside.setContentsMargins(0, 0, GRID_PX, 0)
        beside.setSpacing(4 * GRID_PX)
        others = (
            (self.tr("Up, Down"), self.tr("In the picture: the face before, the next")),
            (self.tr("Tab"), self.tr("To the next button, field or plot")),
            (
                self.tr("+, \N{MINUS SIGN}, Home"),
                self.tr("In the plot: less time, more, back to now"),
            ),
            (self.tr("Alt with a letter"), self.tr("A menu")),
        )
        half = (len(self.keys) + len(others) + 1) // 2
        rows = [*self.keys, *others]
        for part in (rows[:half], rows[half:]):
            beside.addLayout(_form(part))
        area = QScrollArea()
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        column.addWidget(area, 1)
        column.addWidget(label(self.tr("Keys can be changed in the settings."), "muted"))
        column.addWidget(_close(self))
        around = 8 * GRID_PX  # margins, and what scrolls
        if inner.sizeHint().width() + around > parent.width():
            beside.setDirection(QBoxLayout.Direction.TopToBottom)
        wide = inner.sizeHint().width() + around
        self.resize(min(max(760, wide), parent.width()), min(520, parent.height()))


def _form(rows: Iterable[tuple[str, str]]) -> QFormLayout:
    form = QFormLayout()
    form.setHorizontalSpacing(2 * GRID_PX)
    form.setVerticalSpacing(GRID_PX // 2)
    for keys, words in rows:
        said = QLabel(words)
        said.setTextFormat(Qt.TextFormat.PlainText)  # texts of markers are among them
        form.addRow(label(keys, "heading"), said)
    return form


def _close(dialog: QDialog) -> QDialogButtonBox:
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(dialog.reject)
    return buttons


def report_text(lines: Sequence[str], *, model: str = "", device: str = "") -> str:
    """Give what a report of a problem says: versions, the machine, the log; the home left out.

    Args:
        lines: Of the log, the newest last.
        model: What reads the faces; empty if none does.
        device: What it runs on.
    """
    installed = versions_of(LIBRARIES)
    found = [f"{name} {installed.get(name, '?')}" for name in LIBRARIES]
    about = [
        ", ".join(found),
        f"Qt {qVersion()}, PyQt {PYQT_VERSION_STR}, Python {platform.python_version()}",
        f"{platform.platform()}, {platform.machine()}",
        f"model {model or 'none'}, device {device or 'none'}",
    ]
    text = "\n".join([*about, "", *(lines or ["the log is empty"])])
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text


class ReportDialog(QDialog):
    """Shows what could be sent with a report, to read, shorten and copy; sends nothing itself."""

    def __init__(self, text: str, parent: QWidget) -> None:
        """Make it.

        Args:
            text: As `report_text` gives it.
            parent: Owns the dialog.
        """
        super().__init__(parent)
        self.setWindowTitle(self.tr("Report a problem"))
        words = QLabel(
            self.tr(
                "Nothing is sent. Copy this text into your report, with what you did and what "
                "happened. It may hold names of your files: read it first, and delete what is "
                "nobody's business."
            )
        )
        words.setWordWrap(True)
        self.text = QPlainTextEdit(text)
        self.text.setAccessibleName(self.tr("Text of the report"))
        self.copy_button = QPushButton(self.tr("Copy"))
        self.copy_button.clicked.connect(self._copy)
        buttons = _close(self)
        buttons.addButton(self.copy_button, QDialogButtonBox.ButtonRole.ActionRole)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[2 * GRID_PX] * 4)
        column.setSpacing(GRID_PX)
        column.addWidget(label(self.tr("Report a problem"), "title"))
        column.addWidget(words)
        column.addWidget(self.text, 1)
        column.addWidget(buttons)
        self.resize(min(640, parent.width()), min(480, parent.height()))

    def _copy(self) -> None:
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.text.toPlainText())


class DocumentationDialog(QDialog):
    """Shows the documentation: the pages of a checkout, else what the package says of itself."""

    def __init__(self, page: Path, parent: QWidget) -> None:
        """Make it.

        Args:
            page: The first page; where it is missing the package's description is shown.
            parent: Owns the dialog.
        """
        super().__init__(parent)
        self.setWindowTitle(self.tr("Documentation"))
        self.browser = QTextBrowser()
        self.browser.setAccessibleName(self.tr("Documentation"))
        self.browser.setOpenExternalLinks(True)
        if page.is_file():
            self.browser.setSearchPaths([str(page.parent)])
            self.browser.setMarkdown(page.read_text("utf-8"))
        else:
            self.browser.setMarkdown(str(metadata.metadata("fer-live").json.get("description", "")))
        column = QVBoxLayout(self)
        column.setContentsMargins(*[2 * GRID_PX] * 4)
        column.setSpacing(GRID_PX)
        column.addWidget(self.browser, 1)
        column.addWidget(_close(self))
        self.resize(min(840, parent.width()), min(640, parent.height()))
