import pytest
from PyQt6.QtCore import QItemSelectionModel, Qt
from PyQt6.QtTest import QAbstractItemModelTester
from PyQt6.QtWidgets import QApplication, QFileDialog

from app.session.statistics_table import COLUMNS, as_text
from app.window.panels.statistics import StatisticsModel, StatisticsPanel


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def panel(qtbot, clock):
    made = StatisticsPanel(clock=clock)
    qtbot.addWidget(made)
    made.resize(760, 200)
    with qtbot.waitExposed(made):  # before, the header has no places, and a row cannot be selected
        made.show()
    return made


def text(panel, row, name):
    return panel.model.data(panel.model.index(row, COLUMNS.index(name)))


def test_rows_show_what_the_session_adds_up_to(panel, make_live):
    panel.refresh(make_live(frames=51, faces=(1, 2)))
    assert panel.model.rowCount() == 2
    assert text(panel, 0, "face") == "1"
    assert text(panel, 0, "seen_s") == "0:02.0"
    assert text(panel, 0, "happiness") == "100 %"
    assert text(panel, 1, "valence")[0] in "+\N{MINUS SIGN}"


def test_numbers_change_twice_a_second(panel, make_live, clock):
    panel.refresh(make_live(frames=26, faces=(1,)))
    longer = make_live(frames=51, faces=(1,))
    clock.now_s += 0.2
    panel.refresh(longer)
    assert text(panel, 0, "seen_s") == "0:01.0"
    clock.now_s += 0.4
    panel.refresh(longer)
    assert text(panel, 0, "seen_s") == "0:02.0"


def select(table, row):
    """Select a row; `selectRow` selects nothing until the header has been laid out."""
    how = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
    table.selectionModel().select(table.model().index(row, 0), how)


def test_the_model_keeps_qts_contract_and_the_selection(qtbot, panel, make_live):
    model = StatisticsModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning)
    rows = [(face, 1.0, *[0.0] * (len(COLUMNS) - 2)) for face in range(1, 6)]
    for some in (rows[:2], rows[:4], rows[:4], rows[1:], [], rows):
        model.show_rows(list(some))
        assert [row[0] for row in model.rows] == [row[0] for row in some]
    assert tester.model() is model
    panel.show_statistics(make_live(faces=(1,)).statistics)
    select(panel.table, 0)
    panel.show_statistics(make_live(faces=(1, 2)).statistics)
    assert [index.row() for index in panel.table.selectionModel().selectedRows()] == [0]


def test_enter_on_a_row_chooses_the_face(panel, make_live, qtbot):
    panel.show_statistics(make_live(faces=(4, 7)).statistics)
    panel.table.setFocus()
    panel.table.setCurrentIndex(panel.model.index(1, 0))
    with qtbot.waitSignal(panel.face_chosen) as chosen:
        qtbot.keyClick(panel.table, Qt.Key.Key_Return)
    assert chosen.args == [7]


def test_copy_takes_the_selected_rows_or_all(panel, make_live, qtbot):
    panel.show_statistics(make_live(faces=(1, 2)).statistics)
    qtbot.mouseClick(panel.copy, Qt.MouseButton.LeftButton)
    assert QApplication.clipboard().text() == as_text(panel.model.rows, "\t")
    select(panel.table, 1)
    panel.table.setFocus()
    panel.activateWindow()
    qtbot.waitUntil(panel.table.hasFocus)
    qtbot.keyClick(panel.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text() == as_text(panel.model.rows[1:], "\t")


def test_save_writes_where_the_user_says(panel, make_live, qtbot, tmp_path, monkeypatch):
    panel.show_statistics(make_live().statistics)
    path = tmp_path / "table"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    qtbot.mouseClick(panel.save, Qt.MouseButton.LeftButton)
    assert path.with_suffix(".csv").read_text() == as_text(panel.model.rows)


def test_a_cancelled_dialog_writes_nothing(panel, make_live, qtbot, tmp_path, monkeypatch):
    panel.show_statistics(make_live().statistics)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    qtbot.mouseClick(panel.save, Qt.MouseButton.LeftButton)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_is_told(panel, make_live, qtbot, tmp_path):
    panel.show_statistics(make_live().statistics)
    with qtbot.waitSignal(panel.failed) as failed:
        panel.save_as(tmp_path / "missing" / "table.csv")
    assert "does not exist" in failed.args[0]


def test_without_faces_there_is_nothing_to_copy(panel):
    assert not panel.copy.isEnabled()
    assert not panel.save.isEnabled()
    assert "once they were seen" in panel.hint.text()


def test_cells_are_told_to_screen_readers_with_their_column(panel, make_live):
    panel.show_statistics(make_live(faces=(1,)).statistics)
    index = panel.model.index(0, COLUMNS.index("happiness"))
    assert panel.model.data(index, Qt.ItemDataRole.AccessibleTextRole) == "happiness: 100 %"
