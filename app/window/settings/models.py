"""The list of networks with what their manifests say of them; a tick chooses one or several."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, QSize, Qt, pyqtSignal
from PyQt6.QtWidgets import QAbstractItemView, QHeaderView, QSizePolicy, QTableView

from app.window.language import filled
from engine.reading.catalogue import Entry

_Role = Qt.ItemDataRole
_Flag = Qt.ItemFlag
_ROWS: Final = 5  # shown without scrolling
_LEFT: Final = (0, 5, 6)  # columns of words


class ModelTable(QAbstractTableModel):
    """Entries as Qt's views want them.

    Attributes:
        ticked: Emitted with the name whose tick somebody changed.
    """

    ticked = pyqtSignal(str)

    def __init__(self) -> None:
        """Make an empty table."""
        super().__init__()
        self.entries: list[Entry] = []
        self._chosen: tuple[str, ...] = ()
        self._titles = (
            self.tr("Network"),
            self.tr("Accuracy"),
            self.tr("ECE"),
            self.tr("M parameters"),
            self.tr("GMAC"),
            self.tr("Classes"),
            self.tr("Gives"),
        )

    def show_entries(self, entries: Sequence[Entry], chosen: Sequence[str]) -> None:
        """Take what there is and which of it is chosen."""
        if list(entries) != self.entries:
            self.beginResetModel()
            self.entries = list(entries)
            self.endResetModel()
        self._chosen = tuple(chosen)
        if self.entries:
            last = self.index(len(self.entries) - 1, 0)
            self.dataChanged.emit(self.index(0, 0), last, [_Role.CheckStateRole])

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's default
        """Count networks."""
        return 0 if parent.isValid() else len(self.entries)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's default
        """Count columns."""
        return 0 if parent.isValid() else len(self._titles)

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Say that the first column has boxes to tick."""
        plain = _Flag.ItemIsEnabled | _Flag.ItemIsSelectable
        return plain | _Flag.ItemIsUserCheckable if index.column() == 0 else plain

    def data(self, index: QModelIndex, role: int = _Role.DisplayRole) -> object:
        """Give a cell's text, tick, alignment or tip."""
        entry, column = self.entries[index.row()], index.column()
        if role == _Role.DisplayRole:
            return self._cell(entry, column)
        if role == _Role.AccessibleTextRole:
            return f"{self._titles[column]}: {self._cell(entry, column)}"
        if role == _Role.CheckStateRole and column == 0:
            there = entry.model in self._chosen
            return Qt.CheckState.Checked if there else Qt.CheckState.Unchecked
        if role == _Role.ToolTipRole:
            return self._tip(entry)
        if role == _Role.TextAlignmentRole:
            left = Qt.AlignmentFlag.AlignLeft
            side = left if column in _LEFT else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def setData(self, index: QModelIndex, _value: object, role: int = _Role.EditRole) -> bool:
        """Say that somebody changed a tick; whoever listens says what is chosen then."""
        if role != _Role.CheckStateRole:
            return False
        self.ticked.emit(self.entries[index.row()].model)
        return True

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = _Role.DisplayRole
    ) -> object:
        """Give a column's title."""
        if orientation is Qt.Orientation.Horizontal and role == _Role.DisplayRole:
            return self._titles[section]
        return None

    def _cell(self, entry: Entry, column: int) -> str:
        none = "\N{EN DASH}"
        parameters = entry.parameters
        return (
            Path(entry.model).stem if entry.model == str(entry.file) else entry.model,
            none if entry.accuracy is None else filled("{0:.1f} %", 100 * entry.accuracy),
            none if entry.ece is None else filled("{0:.3f}", entry.ece),
            none if parameters is None else filled("{0:.2f}", parameters / 1e6),
            none if entry.gmac is None else filled("{0:.2f}", entry.gmac),
            entry.classes or none,
            self._gives(entry),
        )[column]

    def _gives(self, entry: Entry) -> str:
        known = {
            "expression": self.tr("expression"),
            "valence-arousal": self.tr("valence-arousal"),
            "valence-arousal (derived)": self.tr("valence-arousal (derived)"),
        }
        return ", ".join(known.get(what, what) for what in entry.said.split(", "))

    def _tip(self, entry: Entry) -> str:
        judged = entry.judged_on
        words = self.tr("accuracy and ECE in {0} on {1} faces").format(entry.precision, judged)
        said = f"{entry.model}: {self._gives(entry)}"
        return f"{said}; {words}" if judged else said


class ModelList(QTableView):
    """The table; as high as a few rows."""

    def __init__(self) -> None:
        """Make an empty list."""
        super().__init__()
        self.table = ModelTable()
        self.setModel(self.table)
        self.setAccessibleName(self.tr("Networks to choose from"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.table.modelReset.connect(self.updateGeometry)
        if (across := self.horizontalScrollBar()) is not None:
            across.rangeChanged.connect(lambda *_: self.updateGeometry())
        if (side := self.verticalHeader()) is not None:
            side.hide()
        if (head := self.horizontalHeader()) is not None:
            head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            head.setStretchLastSection(True)
            head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)

    def sizeHint(self) -> QSize:
        """Ask for room for the head and the rows, a few of them if there are many."""
        head, side = self.horizontalHeader(), self.verticalHeader()
        row = side.defaultSectionSize() if side is not None else 2 * self.fontMetrics().height()
        rows = min(max(self.table.rowCount(), 1), _ROWS)
        height = (head.sizeHint().height() if head is not None else row) + rows * row
        if (across := self.horizontalScrollBar()) is not None and across.maximum():
            height += across.sizeHint().height()
        return QSize(super().sizeHint().width(), height + 2 * self.frameWidth())
