"""What tests of the window share: no screen is needed, and no window may be left behind."""

import os
from collections.abc import Iterator

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(autouse=True)
def no_window_outlives_its_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test that leaves a top-level widget open: one that `qtbot` was not told of."""
    if not {"qtbot", "qapp"} & set(request.fixturenames):
        yield
        return
    from PyQt6.QtWidgets import QApplication

    before = set(QApplication.topLevelWidgets())
    yield
    left = [w for w in QApplication.topLevelWidgets() if w not in before and w.isVisible()]
    names = ", ".join(type(widget).__name__ for widget in left)
    for widget in left:
        widget.close()
    assert not left, f"top-level widgets left open: {names}"
