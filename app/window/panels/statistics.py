"""A table of what the session adds up to, a row for each face."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PyQt6.QtCore import QAbstractTableModel, QEvent, QModelIndex, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QGuiApplication, QKeySequence, QShortcut
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.live.state import LiveState
from app.session.naming import NAMELESS, NamedFaces
from app.session.statistics import SessionStatistics
from app.session.statistics_table import COLUMNS, Row, as_text, extra_of, row_of, save_table
from app.window.language import class_name, clock, filled
from app.window.panels.panel import MARGIN, Panel, label
from app.window.theme import current_theme
from engine.errors import FerError

log = logging.getLogger(__name__)

_SIGNED: Final = ("valence", "arousal")
_NUMBERS: Final = ("face", "seen_s", *_SIGNED)  # the other columns are classes
_MOST_EM: Final = 12  # of a column, heights of the text: names may be long
_Role = Qt.ItemDataRole


class StatisticsModel(QAbstractTableModel):
    """The rows as Qt's views want them."""

    def __init__(self) -> None:
        """Make an empty table."""
        super().__init__()
        self.rows: list[Row] = []
        self.extra: tuple[str, ...] = ()
        self.named = NAMELESS

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return (*COLUMNS, *self.extra)

    def show_rows(
        self, rows: list[Row], extra: tuple[str, ...] = (), named: NamedFaces = NAMELESS
    ) -> None:
        """Take new numbers; rows stay where they are unless faces were left out.

        Args:
            rows: In order of id.
            extra: Classes beyond the eight.
            named: What the faces are called.
        """
        self.named = named
        old, new = [row[0] for row in self.rows], [row[0] for row in rows]
        if new[: len(old)] != old or extra != self.extra:
            self.beginResetModel()
            self.rows, self.extra = rows, extra
            self.endResetModel()
            return
        self.rows[:] = rows[: len(old)]
        if old:
            last = self.index(len(old) - 1, len(self.columns) - 1)
            self.dataChanged.emit(self.index(0, 0), last)
        if len(new) > len(old):
            self.beginInsertRows(QModelIndex(), len(old), len(new) - 1)
            self.rows += rows[len(old) :]
            self.endInsertRows()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's default
        """Count faces."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's default
        """Count columns."""
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: QModelIndex, role: int = _Role.DisplayRole) -> object:
        """Give a cell's text, colour chip, alignment or words for a screen reader."""
        name, value = self.columns[index.column()], self.rows[index.row()][index.column()]
        lasted = self.rows[index.row()][COLUMNS.index("seen_s")] != 0
        if name not in _NUMBERS and value is not None and not lasted:
            shown = "\N{EN DASH}"  # one picture lasts no time, of which nothing is a share
        else:
            shown = self._cell(name, value)
        if role == _Role.DisplayRole:
            return shown
        if role == _Role.AccessibleTextRole:
            return f"{self._title(name)}: {shown}"
        if role == _Role.DecorationRole and name == "face" and value is not None:
            return QColor(current_theme().face(self.named.hue(int(value))))
        if role == _Role.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if name == "face" else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = _Role.DisplayRole
    ) -> object:
        """Give a column's title."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == _Role.DisplayRole:
            return self._title(self.columns[section])
        if role == _Role.ToolTipRole:
            return self._tip(self.columns[section])
        return None

    def _cell(self, name: str, value: float | None) -> str:
        if value is None:
            return ""
        if name == "face":
            return self.named.short(int(value))
        if name == "seen_s":
            return clock(value, digits=1)
        if name in _SIGNED:
            return filled("{0:+.2f}", value).replace("-", "\N{MINUS SIGN}")
        return f"{100 * value:.0f} %"

    def _title(self, name: str) -> str:
        if name not in _NUMBERS:
            return class_name(name)
        return {
            "face": self.tr("face"),
            "seen_s": self.tr("seen"),
            "valence": self.tr("valence"),
            "arousal": self.tr("arousal"),
        }[name]

    def _tip(self, name: str) -> str:
        if name not in _NUMBERS:
            return self.tr("Share of the time seen in which this class was the most probable")
        return {
            "face": self.tr("Number of the face, as in the video, or its name"),
            "seen_s": self.tr("Time the face was seen"),
            "valence": self.tr("Mean from \N{MINUS SIGN}1, unpleasant, to +1, pleasant"),
            "arousal": self.tr("Mean from \N{MINUS SIGN}1, calm, to +1, excited"),
        }[name]


class StatisticsPanel(Panel):
    """The table with its buttons.

    Attributes:
        face_chosen: Emitted with a face's id when its row is activated.
        failed: Emitted with a message when the table could not be saved.
    """

    every_s = 0.5  # numbers that change faster cannot be read
    face_chosen = pyqtSignal(int)
    failed = pyqtSignal(str)

    def __init__(
        self, parent: QWidget | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Make the panel.

        Args:
            parent: Owns the widget.
            clock: Gives seconds.
        """
        super().__init__(parent, clock=clock)
        self.setAccessibleName(self.tr("Session statistics"))
        self.model = StatisticsModel()
        self.table = self._make_table()
        self.hint = label(self.tr("Faces are listed here once they were seen."), "muted")
        self.hint.setWordWrap(True)
        self.copy = QPushButton(self.tr("Copy"))
        self.copy.setToolTip(self.tr("Copy the table for a spreadsheet (Ctrl+C)"))
        self.save = QPushButton(self.tr("Save CSV\N{HORIZONTAL ELLIPSIS}"))
        self.copy.clicked.connect(self.copy_table)
        self.save.clicked.connect(self.ask_and_save)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.copy)
        row.addWidget(self.save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        layout.setSpacing(8)
        layout.addWidget(self.hint)
        layout.addWidget(self.table, 1)
        layout.addLayout(row)
        self._say_what_is_there(0)

    def _make_table(self) -> QTableView:
        table = QTableView()
        table.setModel(self.model)
        table.setAccessibleName(self.tr("Statistics of each face"))
        table.setToolTip(self.tr("Enter on a row selects the face"))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setTabKeyNavigation(False)  # Tab leaves the table
        table.setAlternatingRowColors(True)
        table.setMinimumSize(220, 80)
        table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.activated.connect(lambda index: self._activated(index))
        if (rows := table.verticalHeader()) is not None:
            rows.hide()
        if (columns := table.horizontalHeader()) is not None:
            columns.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self._size_cells(table)
        copying = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), table)
        copying.setContext(Qt.ShortcutContext.WidgetShortcut)
        copying.activated.connect(self.copy_table)
        return table

    def changeEvent(self, event: QEvent | None) -> None:
        """Notice another size of type."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.FontChange and hasattr(self, "table"):
            self._size_cells(self.table)

    def _size_cells(self, table: QTableView) -> None:
        """Give cells room for words in the size of today."""
        line = self.fontMetrics().height()  # the table hears of another size later
        if (rows := table.verticalHeader()) is not None:
            rows.setDefaultSectionSize(line + 8)
        if (columns := table.horizontalHeader()) is not None:
            columns.setMaximumSectionSize(_MOST_EM * line)

    def show_state(self, live: LiveState) -> None:
        """Show the session's numbers."""
        self.show_statistics(live.statistics, live.named)

    def show_statistics(self, statistics: SessionStatistics, named: NamedFaces = NAMELESS) -> None:
        """Show the numbers now."""
        faces = statistics.faces()
        extra = extra_of(faces)
        self.model.show_rows([row_of(face, extra) for face in faces], extra, named)
        self._say_what_is_there(statistics.forgotten)

    def _say_what_is_there(self, forgotten: int) -> None:
        count = len(self.model.rows)
        self.copy.setEnabled(count > 0)
        self.save.setEnabled(count > 0)
        self.hint.setVisible(forgotten > 0 or not count)
        if not count:
            self.hint.setText(self.tr("Faces are listed here once they were seen."))
        elif forgotten:
            words = self.tr("{0} faces; {1} that were seen for the shortest time are left out.")
            self.hint.setText(words.format(count, forgotten))

    def _activated(self, index: QModelIndex) -> None:
        self.face_chosen.emit(int(self.model.rows[index.row()][0]))

    def copy_table(self) -> None:
        """Copy the selected rows, or all, as columns with tabs."""
        chosen = self.table.selectionModel()
        indexes = sorted(index.row() for index in chosen.selectedRows()) if chosen else []
        rows = [self.model.rows[row] for row in indexes] or self.model.rows
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(as_text(rows, "\t", self.model.extra, self.model.named))

    def ask_and_save(self) -> None:
        """Ask for a file and write all rows to it."""
        title = self.tr("Save statistics")
        name, _ = QFileDialog.getSaveFileName(self, title, "statistics.csv", "CSV (*.csv)")
        if name:
            self.save_as(Path(name))

    def save_as(self, path: Path) -> None:
        """Write all rows to a file; a failure is told by `failed`."""
        try:
            file = path if path.suffix else path.with_suffix(".csv")
            save_table(file, self.model.rows, self.model.extra, self.model.named)
        except FerError as error:
            log.warning("%s", error)
            self.failed.emit(str(error))
