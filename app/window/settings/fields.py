"""Pages of labelled fields that write into a draft and show what is wrong beside each field."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from PyQt6.QtCore import QSignalBlocker, pyqtSignal
from PyQt6.QtGui import QStandardItemModel
from PyQt6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.settings.draft import Draft
from app.settings.settings import range_of
from app.window.language import said
from app.window.panels.panel import label
from app.window.wrapped import Wrapped

_NUMBER_PX: Final = 130


class Page(QWidget):
    """One page; fields are added one by one, from the top.

    Attributes:
        edited: Emitted after a value of the draft changed.
        title: Of the page.
        fields: The widgets, by the names of `Settings`' fields.
    """

    edited = pyqtSignal()

    def __init__(self, title: str, draft: Draft) -> None:
        """Make an empty page.

        Args:
            title: Of the page.
            draft: Where values come from and go to.
        """
        super().__init__()
        self.title = title
        self.fields: dict[str, QWidget] = {}
        self._draft = draft
        self.errors: dict[str, QLabel] = {}
        self._show: dict[str, Callable[[Any], None]] = {}
        self._needs: dict[str, str] = {}
        self._form = QFormLayout(self)
        self._form.setContentsMargins(14, 14, 14, 14)
        self._form.setHorizontalSpacing(16)
        self._form.setVerticalSpacing(8)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)

    def integer(
        self,
        name: str,
        title: str,
        tip: str,
        *,
        unit: str = "",
        needs: str = "",
        grouped: bool = True,
    ) -> None:
        """Add a whole number.

        Args:
            name: Of the field in `Settings`.
            title: Before the field.
            tip: Says more.
            unit: Behind the number.
            needs: Name of the tick box without which the field means nothing.
            grouped: Write 1000 with a separator.
        """
        box = QSpinBox()
        least, most = range_of(name)
        box.setRange(int(least), int(most))
        box.setSuffix(unit)
        box.setGroupSeparatorShown(grouped)
        _keep_narrow(box)
        box.valueChanged.connect(lambda value: self._edit(name, value))
        self._add(name, title, tip, box, box.setValue, needs)

    def number(self, name: str, title: str, tip: str, *, step: float, unit: str = "") -> None:
        """Add a number with two digits behind the point.

        Args:
            name: Of the field in `Settings`.
            title: Before the field.
            tip: Says more.
            step: Of the arrows.
            unit: Behind the number.
        """
        box = QDoubleSpinBox()
        box.setRange(*range_of(name))
        box.setSingleStep(step)
        box.setSuffix(unit)
        _keep_narrow(box)
        box.valueChanged.connect(lambda value: self._edit(name, round(value, 2)))
        self._add(name, title, tip, box, box.setValue)

    def text(self, name: str, title: str, *, needs: str = "") -> None:
        """Add a line of text; see `integer` for the arguments."""
        line = QLineEdit()
        line.textChanged.connect(lambda value: self._edit(name, value))
        self._add(name, title, "", line, line.setText, needs)

    def tick(self, name: str, title: str) -> None:
        """Add a tick box; see `integer` for the arguments."""
        box = QCheckBox(title)
        box.toggled.connect(lambda value: self._edit(name, value))
        self.fields[name] = box
        self._show[name] = box.setChecked
        self._form.addRow(box)
        box.setChecked(self._draft.values[name])

    def choice(
        self,
        name: str,
        title: str,
        tip: str,
        words: Mapping[str, str],
        *,
        missing: Mapping[str, str] | None = None,
    ) -> None:
        """Add a list of values.

        Args:
            name: Of the field in `Settings`.
            title: Before the field.
            tip: Says more.
            words: What to write for each value.
            missing: Values that cannot be chosen, and why.
        """
        box, missing = QComboBox(), missing or {}
        for value, word in words.items():
            why = missing.get(value)
            box.addItem(f"{word} ({why})" if why else word, value)
            model = box.model()
            item = model.item(box.count() - 1) if isinstance(model, QStandardItemModel) else None
            if why and item is not None:
                item.setEnabled(False)
        box.currentIndexChanged.connect(lambda _: self._edit(name, box.currentData()))
        self._add(name, title, tip, box, lambda value: box.setCurrentIndex(box.findData(value)))

    def file(
        self,
        name: str,
        title: str,
        tip: str,
        *,
        ask: Callable[[], str],
        choices: Sequence[str] = (),
        convert: Callable[[str], object] = str,
    ) -> None:
        """Add a path with a button that asks for one.

        Args:
            name: Of the field in `Settings`.
            title: Before the field.
            tip: Says more.
            ask: Opens a file dialog; empty if it was cancelled.
            choices: Names offered beside paths.
            convert: Makes the field's value of the text.
        """
        box = QComboBox()
        box.setEditable(True)
        box.setMinimumContentsLength(18)
        box.addItems(choices)
        box.editTextChanged.connect(lambda text: self._edit(name, convert(text)))
        button = QPushButton(self.tr("Browse\N{HORIZONTAL ELLIPSIS}"))
        button.setAccessibleName(self.tr("Browse: {0}").format(title))
        button.clicked.connect(lambda: box.setEditText(ask() or box.currentText()))
        self._add(name, title, tip, box, lambda value: box.setEditText(str(value)), beside=button)

    def note(self, text: str) -> None:
        """Add a paragraph."""
        words = label(text, "muted")
        words.setWordWrap(True)
        self._form.addRow(words)

    def wide(self, widget: QWidget) -> None:
        """Add a widget of the width of the fields."""
        self._form.addRow("", widget)

    def across(self, widget: QWidget) -> None:
        """Add a widget of the width of the page."""
        self._form.addRow(widget)

    def _add(
        self,
        name: str,
        title: str,
        tip: str,
        field: QWidget,
        show: Callable[[Any], None],
        needs: str = "",
        *,
        beside: QWidget | None = None,
    ) -> None:
        self.fields[name], self._show[name] = field, show
        if needs:
            self._needs[name] = needs
        field.setAccessibleName(title)
        field.setToolTip(tip)
        error = Wrapped()
        error.setProperty("role", "error")
        error.hide()
        self.errors[name] = error
        row = QHBoxLayout()
        row.addWidget(field, 0 if isinstance(field, QSpinBox | QDoubleSpinBox) else 1)
        if beside is None:
            row.addStretch(0)
        else:
            row.addWidget(beside)
        column = QVBoxLayout()
        column.setSpacing(2)
        column.addLayout(row)
        column.addWidget(error)
        words = QLabel(title)
        words.setBuddy(field)
        words.setToolTip(tip)
        self._form.addRow(words, column)
        with QSignalBlocker(field):
            show(self._draft.values[name])

    def _edit(self, name: str, value: object) -> None:
        if self._draft.values[name] != value:
            self._draft.values[name] = value
            self.edited.emit()

    def show_values(self) -> None:
        """Show the draft's values, which changed without this page."""
        for name, show in self._show.items():
            with QSignalBlocker(self.fields[name]):
                show(self._draft.values[name])

    def show_problems(self, found: Mapping[str, str]) -> bool:
        """Write what is wrong beside the fields; say whether anything on this page is.

        Args:
            found: By name of the field.
        """
        for name, error in self.errors.items():
            message = said(found.get(name, ""))
            error.setText(message[:1].upper() + message[1:])
            error.setVisible(bool(message))
            self.fields[name].setAccessibleDescription(message)
        for name, needs in self._needs.items():
            self.fields[name].setEnabled(bool(self._draft.values[needs]))
        return any(name in found for name in self.fields)


def _keep_narrow(box: QAbstractSpinBox) -> None:
    """Make a field for a number as wide as numbers need, in every size of text."""
    box.setMinimumWidth(_NUMBER_PX)
    box.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
