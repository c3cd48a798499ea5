"""Questions before work is lost."""

from typing import Final

from PyQt6.QtCore import QCoreApplication, Qt
from PyQt6.QtWidgets import QMessageBox, QWidget

from app.session.controller import RecordingController
from app.session.statistics import SessionStatistics
from app.session.timecode import timecode

WORTH_S: Final = 10.0  # statistics of a longer time are not thrown away without a question
translate = QCoreApplication.translate


def agreed(parent: QWidget, text: str, *, yes: str, no: str) -> bool:
    """Ask, and wait for the answer; closing the question is the answer that changes nothing.

    Args:
        parent: Whose work it is.
        text: What would happen.
        yes: Words of the button that lets it happen.
        no: Words of the other, which Return and Escape press.
    """
    box = QMessageBox(QMessageBox.Icon.Question, parent.windowTitle(), text, parent=parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    going_on = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    staying = box.addButton(no, QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(staying)
    box.setEscapeButton(staying)
    box.exec()
    parent.activateWindow()  # systems may give the focus to the window that this one belongs to
    return box.clickedButton() is going_on


def may_end_recording(parent: QWidget, controller: RecordingController, doing: str) -> bool:
    """Ask whether a recording may end; True where none runs.

    Args:
        parent: Whose it is.
        controller: Of recordings.
        doing: What would end it, in words.
    """
    view = controller.view()
    if not view.recording or view.ending:
        return True
    text = translate(
        "Questions", "A recording is running. Stop it, keep what was recorded, and {doing}?"
    )
    yes, no = translate("Questions", "Stop and save"), translate("Questions", "Go on recording")
    return agreed(parent, text.format(doing=doing), yes=yes, no=no)


def may_begin_anew(parent: QWidget, statistics: SessionStatistics) -> bool:
    """Ask before statistics that took a while are lost: other networks know no faces."""
    seen_s = max((face.seen_s for face in statistics.faces()), default=0.0)
    if seen_s < WORTH_S:
        return True
    text = translate(
        "Questions",
        "This begins the analysis anew, with other faces and empty statistics. They hold {time} of "
        "a face; save them first with Save CSV if you need them.",
    )
    yes, no = translate("Questions", "Begin anew"), translate("Questions", "Leave it as it is")
    return agreed(parent, text.format(time=timecode(seen_s, passed=True)), yes=yes, no=no)
