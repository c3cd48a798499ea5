"""The first-run page: what happens to pictures and numbers, and what the numbers mean."""

from typing import Final

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.window.panels.panel import label

_WIDTH_PX: Final = 600
_HEIGHT_PX: Final = 540


class PrivacyDialog(QDialog):
    """The page; shown once before the first source is opened, and from the Help menu.

    `exec()` or `accepted` says that it was read: keep that in `Settings.seen_privacy`.
    """

    def __init__(self, parent: QWidget | None = None, *, first_run: bool = False) -> None:
        """Make the page.

        Args:
            parent: Owns the dialog.
            first_run: The program waits for it: the button says so, and closing it is leaving.
        """
        super().__init__(parent)
        self.setWindowTitle(self.tr("Privacy and meaning"))
        text = QWidget()
        self._text = QVBoxLayout(text)
        self._text.setContentsMargins(0, 0, 16, 0)
        self._text.setSpacing(8)
        for heading, paragraphs in self.sections():
            self._add(heading, paragraphs)
        self._text.addStretch(1)
        self.area = QScrollArea()
        self.area.setWidget(text)
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # so that keys scroll it
        self.area.setAccessibleName(self.tr("What this program does and does not"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(self._title())
        layout.addWidget(self.area, 1)
        layout.addWidget(self._buttons(first_run=first_run))
        self.resize(_WIDTH_PX, _HEIGHT_PX)

    def _title(self) -> QLabel:
        return label(self.tr("Before you begin"), "title")

    def _buttons(self, *, first_run: bool) -> QDialogButtonBox:
        buttons = QDialogButtonBox()
        words = self.tr("I have read this") if first_run else self.tr("Close")
        self.button = buttons.addButton(words, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        if first_run:
            leave = buttons.addButton(self.tr("Quit"), QDialogButtonBox.ButtonRole.RejectRole)
            if leave is not None:
                leave.setAutoDefault(False)
            buttons.rejected.connect(self.reject)
        return buttons

    def _add(self, heading: str, paragraphs: tuple[str, ...]) -> None:
        words = label(heading, "heading")
        words.setContentsMargins(0, 8, 0, 0)
        self._text.addWidget(words)
        for paragraph in paragraphs:
            text = QLabel(paragraph)
            text.setWordWrap(True)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._text.addWidget(text)

    def sections(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Give the page's headings, each with its paragraphs."""
        return (
            (
                self.tr("Nothing leaves this machine"),
                (
                    self.tr(
                        "Pictures are analysed here and then forgotten. No picture and no number "
                        "is stored unless you press Record, save a snapshot or save a table; "
                        "nothing is sent unless you turn an output on in the settings, and "
                        "outputs send numbers, never pictures; nothing is listened to unless you "
                        "turn markers from other programs on, which are texts."
                    ),
                    self.tr(
                        "Recordings are yours to protect: whoever can read the folder can see "
                        "the faces. The settings can blur faces in recorded videos; voices, which "
                        "are recorded only where Sound is ticked, are not changed. Ask the "
                        "people in front of the camera before you record them."
                    ),
                ),
            ),
            (
                self.tr("What the numbers mean"),
                (
                    self.tr(
                        "They describe what a face shows in a picture: how likely an observer "
                        "would name one of eight expressions, and where the expression lies "
                        "between unpleasant and pleasant (valence) and between calm and excited "
                        "(arousal)."
                    ),
                    self.tr(
                        "Labels with low reliability are called uncertain. Light, angle, glasses "
                        "and what covers a face change how often the program errs. Whether age "
                        "and skin tone do has not been measured: the faces it was judged on have "
                        "no such labels."
                    ),
                ),
            ),
            (
                self.tr("What they do not mean"),
                (
                    self.tr(
                        "They do not say what a person feels, thinks, intends or is like. People "
                        "smile without joy and are sad without showing it. This is no medical "
                        "device and no lie detector."
                    ),
                ),
            ),
            (
                self.tr("Tell the people in the picture"),
                (
                    self.tr(
                        "Whoever uses such a system in the European Union has to tell the people "
                        "in front of the camera that it runs (AI Act, Article 50(3), in force "
                        "since 2 August 2026). Help, Notice for people in the picture, has words "
                        "for that in three languages, to show or to print; a recording can keep "
                        "that they were told."
                    ),
                ),
            ),
            (
                self.tr("What it is for"),
                (
                    self.tr(
                        "Research and personal use, with people who know and agree: not work, "
                        "school, hiring or policing."
                    ),
                    self.tr(
                        "From 2 December 2027 some uses of emotion recognition carry the duties "
                        "of high-risk systems (Annex III); that the program is open source is no "
                        "exemption (Article 2(12)). This page is no legal advice: let a lawyer "
                        "look at what you plan. The law's text is on eur-lex.europa.eu under "
                        "2024/1689."
                    ),
                ),
            ),
            (
                self.tr("Not for judging people at work or school"),
                (
                    self.tr(
                        "Do not use it to judge, hire, grade or watch employees, applicants, "
                        "pupils or students. In the European Union, Article 5(1)(f) of the AI Act "
                        "(Regulation (EU) 2024/1689) prohibits systems that infer emotions at the "
                        "workplace and in education, except for medical or safety reasons."
                    ),
                ),
            ),
        )
