"""The sheet before a recording: who is recorded, and what they were told; it can be skipped."""

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from app.session.participant import Participant
from app.window.panels.panel import label
from app.window.texts import without_marks
from app.window.theme import GRID_PX


class ParticipantSheet(QDialog):
    """Asks before Record; Return records with what was written, Escape does not record.

    Signals:
        begun: Record now, with this `Participant`.
    """

    begun = pyqtSignal(object)

    def __init__(self, before: Participant, parent: QWidget) -> None:
        """Make the sheet.

        Args:
            before: Of the recording before: session and condition are offered again.
            parent: Owns the sheet.
        """
        super().__init__(parent)
        self.setWindowTitle(self.tr("Before the recording"))
        self.participant, self.session = QLineEdit(), QLineEdit(before.session)
        self.condition, self.notes = QLineEdit(before.condition), QLineEdit()
        self.told = QCheckBox(self.tr("The people were &told that their expressions are read"))
        self.consent = QCheckBox(self.tr("They &agreed to be recorded"))
        form = QFormLayout()
        form.setHorizontalSpacing(2 * GRID_PX)
        form.setVerticalSpacing(GRID_PX)
        for text, field in (
            (self.tr("&Participant"), self.participant),
            (self.tr("&Session"), self.session),
            (self.tr("&Condition"), self.condition),
            (self.tr("&Notes"), self.notes),
        ):
            field.setAccessibleName(without_marks(text))
            form.addRow(text, field)
        self.participant.setPlaceholderText(self.tr("a code, no name"))
        words = QLabel(
            self.tr(
                "This is kept in the recording's session.json, and nowhere else. All may be empty."
            )
        )
        words.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[2 * GRID_PX] * 4)
        column.setSpacing(GRID_PX)
        column.addWidget(label(self.tr("Before the recording"), "title"))
        column.addWidget(words)
        column.addLayout(form)
        column.addWidget(self.told)
        column.addWidget(self.consent)
        column.addStretch(1)
        column.addWidget(self._buttons())
        self.resize(480, 320)

    def _buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox()
        role = QDialogButtonBox.ButtonRole
        self.record_button = buttons.addButton(self.tr("&Record"), role.AcceptRole)
        self.skip_button = buttons.addButton(self.tr("Record &without"), role.ActionRole)
        buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(lambda: self._begin(self.said()))
        buttons.rejected.connect(self.reject)
        if self.skip_button is not None:
            self.skip_button.clicked.connect(lambda: self._begin(Participant()))
        if self.record_button is not None:
            self.record_button.setDefault(True)
        return buttons

    def said(self) -> Participant:
        """Give what is written."""
        return Participant(
            participant=self.participant.text(),
            session=self.session.text(),
            condition=self.condition.text(),
            notes=self.notes.text(),
            told=self.told.isChecked(),
            consent=self.consent.isChecked(),
        )

    def _begin(self, who: Participant) -> None:
        self.accept()
        self.begun.emit(who)
