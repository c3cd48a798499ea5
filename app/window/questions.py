"""Questions before work is lost."""

from PyQt6.QtWidgets import QMessageBox, QWidget


def agreed(parent: QWidget, text: str, *, yes: str, no: str) -> bool:
    """Ask, and wait for the answer; closing the question is the answer that changes nothing.

    Args:
        parent: Whose work it is.
        text: What would happen.
        yes: Words of the button that lets it happen.
        no: Words of the other, which Return and Escape press.
    """
    box = QMessageBox(QMessageBox.Icon.Question, parent.windowTitle(), text, parent=parent)
    going_on = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    staying = box.addButton(no, QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(staying)
    box.setEscapeButton(staying)
    box.exec()
    return box.clickedButton() is going_on
