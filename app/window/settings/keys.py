"""The page of the settings on which keys of actions are changed."""

from collections.abc import Mapping
from typing import Any, Final

from PyQt6.QtCore import QAbstractTableModel, QEvent, QModelIndex, Qt, pyqtSignal
from PyQt6.QtGui import QBrush, QColor, QFont, QKeyEvent, QKeySequence
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.settings.draft import Draft
from app.window.language import said
from app.window.menus import MainActions
from app.window.panels.panel import label
from app.window.shortcuts import Changeable, Keys, changeable, problems
from app.window.theme import GRID_PX, current_theme

FIELD: Final = "keys"  # of `Settings`
_NONE: Final = QModelIndex()
_Role = Qt.ItemDataRole


class KeysModel(QAbstractTableModel):
    """A row for each action: its words, its key, where it is."""

    def __init__(self, parent: QWidget) -> None:
        """List the actions with their own keys."""
        super().__init__(parent)
        self.rows = tuple(changeable().values())
        self._chosen: Keys = {}
        self._wrong: Mapping[str, str] = {}

    def show_keys(self, chosen: Keys) -> None:
        """Show these keys, and which of them are wrong."""
        self._chosen, self._wrong = chosen, problems(chosen)
        self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, 2))

    def rowCount(self, parent: QModelIndex = _NONE) -> int:
        """Count the actions."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = _NONE) -> int:
        """Count the columns."""
        return 0 if parent.isValid() else 3

    def key_of(self, one: Changeable) -> str:
        """Give an action's keys in words."""
        native = QKeySequence.SequenceFormat.NativeText
        return ", ".join(key.toString(native) for key in one.keys(self._chosen))

    def data(self, index: QModelIndex, role: int = _Role.DisplayRole) -> Any:  # noqa: ANN401 - a QVariant
        """Give what a cell shows; what was changed is bold, what is wrong has an error's colour."""
        one, column = self.rows[index.row()], index.column()
        wrong = said(self._wrong.get(one.name, ""))
        if role == _Role.DisplayRole:
            return (one.words, self.key_of(one), self._where(one))[column]
        if role == _Role.ToolTipRole:
            return wrong or None
        if role == _Role.FontRole and one.name in self._chosen:
            font = QFont()
            font.setBold(True)
            return font
        if role == _Role.ForegroundRole and wrong:
            return QBrush(QColor(current_theme().bad))
        return None

    def _where(self, one: Changeable) -> str:
        if len(one.windows) > 1:
            return self.tr("both windows")
        return self.tr("window") if one.windows == (MainActions,) else self.tr("review")

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = _Role.DisplayRole
    ) -> Any:  # noqa: ANN401 - a QVariant
        """Give the columns' names."""
        if role == _Role.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return (self.tr("Action"), self.tr("Key"), self.tr("Where"))[section]
        return None


class KeyEdit(QKeySequenceEdit):
    """Takes one key; Tab leaves it, as any field."""

    def event(self, event: QEvent | None) -> bool:
        """Let Tab move the focus: else nobody without a mouse would come out again."""
        tabs = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
        if isinstance(event, QKeyEvent) and event.key() in tabs:
            if event.type() == QEvent.Type.KeyPress:
                self.focusNextPrevChild(event.key() == Qt.Key.Key_Tab)
            event.accept()
            return True
        return super().event(event)


class KeysPage(QWidget):
    """The actions, and a field for the key of the one that is chosen.

    Attributes:
        edited: Emitted after a key was changed.
        title: Of the page.
        fields: The table, by the name of the settings' field.
    """

    edited = pyqtSignal()

    def __init__(self, draft: Draft) -> None:
        """Show the draft's keys."""
        super().__init__()
        self.title = self.tr("Keys")
        self._draft = draft
        self.keys = KeysModel(self)
        self.table = self._build_table()
        self.fields: dict[str, QWidget] = {FIELD: self.table}
        self.name = QLabel()
        self.key = KeyEdit()
        self.key.setMaximumSequenceLength(1)
        self.key.keySequenceChanged.connect(self._take)
        self.error = label("", "error")
        self.error.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 14, 14, 14)
        column.setSpacing(GRID_PX)
        column.addWidget(self.table, 1)
        column.addLayout(self._build_row())
        column.addWidget(self.error)
        self.show_values()
        self.table.selectRow(0)

    def _build_table(self) -> QTableView:
        table = QTableView()
        table.setModel(self.keys)
        table.setAccessibleName(self.tr("Actions and their keys"))
        table.setToolTip(self.tr("Enter leads to the field for the key"))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.activated.connect(lambda _: self.key.setFocus())
        if (rows := table.verticalHeader()) is not None:
            rows.hide()
            rows.setDefaultSectionSize(table.fontMetrics().height() + GRID_PX)
        if (columns := table.horizontalHeader()) is not None:
            columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            columns.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        if (chosen := table.selectionModel()) is not None:
            chosen.currentRowChanged.connect(lambda *_: self._show_chosen())
        return table

    def _build_row(self) -> QHBoxLayout:
        self.none_button = QPushButton(self.tr("&No key"))
        self.reset_button = QPushButton(self.tr("&Reset"))
        self.reset_all_button = QPushButton(self.tr("Reset &all"))
        self.none_button.clicked.connect(lambda _: self._change(""))
        self.reset_button.clicked.connect(lambda _: self._change(None))
        self.reset_all_button.clicked.connect(lambda _: self._use({}))
        row = QHBoxLayout()
        row.setSpacing(GRID_PX)
        row.addWidget(self.name, 1)
        row.addWidget(self.key)
        for button in (self.none_button, self.reset_button, self.reset_all_button):
            row.addWidget(button)
        return row

    @property
    def _chosen(self) -> Keys:
        return dict(self._draft.values[FIELD])

    @property
    def _action(self) -> Changeable:
        return self.keys.rows[max(0, self.table.currentIndex().row())]

    def choose(self, name: str) -> None:
        """Choose an action."""
        self.table.selectRow([one.name for one in self.keys.rows].index(name))

    def _take(self, sequence: QKeySequence) -> None:
        if not sequence.isEmpty():
            self._change(sequence.toString(QKeySequence.SequenceFormat.PortableText))

    def _change(self, key: str | None) -> None:
        """Give the chosen action another key; its own ones, if that is None or among them."""
        one = self._action
        others = {name: text for name, text in self._chosen.items() if name != one.name}
        portable = QKeySequence.SequenceFormat.PortableText
        own = [QKeySequence.fromString(key, portable)] if key else []
        same = key is None or one.keys({}) == own
        self._use(others if same else others | {one.name: key or ""})

    def _use(self, chosen: Keys) -> None:
        if chosen != self._chosen:
            self._draft.values[FIELD] = dict(chosen)
            self.show_values()
            self.edited.emit()

    def show_values(self) -> None:
        """Show the draft's values, which may have changed without this page."""
        self.keys.show_keys(self._chosen)
        self._show_chosen()

    def _show_chosen(self) -> None:
        one, chosen = self._action, self._chosen
        keys = one.keys(chosen)
        self.name.setText(one.words)
        self.key.setAccessibleName(self.tr("Key of: {action}").format(action=one.words))
        self.key.blockSignals(True)
        self.key.setKeySequence(keys[0] if keys else QKeySequence())
        self.key.blockSignals(False)
        self.none_button.setEnabled(bool(keys))
        self.reset_button.setEnabled(one.name in chosen)
        self.reset_all_button.setEnabled(bool(chosen))

    def show_problems(self, found: Mapping[str, str]) -> bool:
        """Write what is wrong below the table; say whether anything is.

        Args:
            found: By name of the settings' field.
        """
        message = found.get(FIELD, "")
        self.error.setText(message)
        self.error.setVisible(bool(message))
        self.key.setAccessibleDescription(message)
        return bool(message)

    def problems(self) -> dict[str, str]:
        """Say what is wrong with the keys, by name of the settings' field."""
        wrong = problems(self._chosen)
        lines = [f"{changeable()[name].words}: {said(why)}" for name, why in wrong.items()]
        return {FIELD: lines[0]} if lines else {}
