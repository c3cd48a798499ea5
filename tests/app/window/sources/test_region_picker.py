import pytest
from PyQt6.QtCore import QPoint, QRect, Qt

from app.sources.screen import region_of
from app.window.sources.region_picker import RegionPicker, as_source

KEY = Qt.Key


@pytest.fixture
def picker(qtbot, qapp):
    made = RegionPicker(qapp.primaryScreen())
    qtbot.addWidget(made, before_close_func=lambda _: None)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    made.show()
    return made


def test_a_region_is_named_in_device_pixels_of_the_desktop():
    name = as_source(QRect(10, 20, 300, 200), QRect(1000, 0, 800, 600), 2.0)
    assert region_of(name) == (2020, 40, 600, 400)


def test_the_pointer_draws_a_region_in_any_direction(qtbot, picker):
    left = Qt.MouseButton.LeftButton
    with qtbot.waitSignal(picker.picked) as picked:
        qtbot.mousePress(picker, left, pos=QPoint(300, 250))
        qtbot.mouseMove(picker, QPoint(100, 50))
        qtbot.mouseRelease(picker, left, pos=QPoint(100, 50))
    x, y, width, height = region_of(picked.args[0])
    assert (x, y) == pytest.approx((100, 50), abs=2)
    assert (width, height) == pytest.approx((200, 200), abs=2)
    assert not picker.isVisible()


def test_a_click_takes_what_was_there(qtbot, picker):
    before = picker.region
    with qtbot.waitSignal(picker.picked) as picked:
        qtbot.mouseClick(picker, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    assert region_of(picked.args[0])[2:] == (before.width(), before.height())


def test_the_keyboard_moves_sizes_and_takes(qtbot, picker):
    before = picker.region
    qtbot.keyClick(picker, KEY.Key_Right)
    qtbot.keyClick(picker, KEY.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert picker.region == before.translated(10, 0).adjusted(0, 0, 0, 10)
    assert "pixels at" in picker.accessibleDescription()
    with qtbot.waitSignal(picker.picked):
        qtbot.keyClick(picker, KEY.Key_Return)


def test_escape_gives_up(qtbot, picker):
    with qtbot.assertNotEmitted(picker.picked):
        qtbot.keyClick(picker, KEY.Key_Escape)
    assert not picker.isVisible()


def test_a_region_stays_on_the_screen(qtbot, picker):
    for _ in range(200):
        qtbot.keyClick(picker, KEY.Key_Left)
    assert picker.region.left() >= 0
