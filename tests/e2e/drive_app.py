"""Run the real `fer-app` and use it as a person would: record, stop, review, export.

    python tests/e2e/drive_app.py FOLDER --theme dark -- --source demo.mp4 --as-camera ...

Not a test: `test_use_the_window.py` starts it in a process of its own, on a screen of its own. What
it saw goes to FOLDER/seen.json, its screenshots beside it. The steps run in the program's own event
loop, from a timer.
"""

import json
import sys
import time
from pathlib import Path

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QFileDialog

from app.window.desktop import main
from app.window.main_window import MainWindow
from app.window.review.window import ReviewWindow

LIMIT_S = 50
LEFT = Qt.MouseButton.LeftButton


class Driver:
    """Walks through `steps`; a step is yielded conditions to wait for."""

    def __init__(self, folder):
        self.folder, self.seen = folder, {}
        self.begun = time.monotonic()
        self.walk = self.steps()
        self.waits_for = None
        self.timer = QTimer()
        self.timer.timeout.connect(self.go_on)
        self.timer.start(30)

    @property
    def window(self):
        return next((w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow)), None)

    @property
    def review(self):
        return next(
            (w for w in QApplication.topLevelWidgets() if isinstance(w, ReviewWindow)), None
        )

    def go_on(self):
        if time.monotonic() - self.begun > LIMIT_S:
            self.seen["gave_up"] = True
            self.finish(1)
            return
        if self.waits_for is not None and not self.waits_for():
            return
        try:
            self.waits_for = next(self.walk)
        except StopIteration:
            self.finish(0)
        except Exception as error:  # noqa: BLE001 - told in seen.json
            self.seen["error"] = f"{type(error).__name__}: {error}"
            self.finish(1)

    def finish(self, code):
        self.timer.stop()
        (self.folder / "seen.json").write_text(json.dumps(self.seen))
        if code:
            QApplication.exit(code)
        elif self.window is not None:
            self.window.close()

    def shot(self, name):
        screen = QApplication.primaryScreen()
        assert screen.grabWindow(0).save(str(self.folder / f"{name}.png"))

    def wait(self, seconds):
        until = time.monotonic() + seconds
        return lambda: time.monotonic() > until

    def steps(self):
        yield lambda: self.window is not None and self.window.view.frame is not None
        self.seen["first_picture_s"] = time.monotonic() - self.begun
        window = self.window
        yield lambda: window.live.analysis is not None and window.live.analysis.tracks
        yield self.wait(2)
        self.shot("live")
        self.seen["faces"] = len(window.live.analysis.tracks)
        self.seen["device"] = window.live.device
        window.docks.docks["recording"].raise_()
        yield lambda: window.recording.record_button.isVisible()
        QTest.mouseClick(window.recording.record_button, LEFT)
        yield lambda: window.controller.view().recording
        yield self.wait(0.7)
        QTest.mouseClick(window.recording.key_buttons["F5"], LEFT)
        yield lambda: window.controller.view().markers == 1
        yield self.wait(1.5)
        self.shot("recording")
        QTest.mouseClick(window.recording.record_button, LEFT)
        yield lambda: not window.controller.view().recording
        folder = window.controller.view().folder
        self.seen["recorded"] = sorted(path.name for path in folder.iterdir())
        window.review(folder)
        yield lambda: self.review is not None and self.review.controller.review is not None
        yield self.wait(1.5)
        self.seen["tracks"] = len(self.review.controller.tracks())
        self.shot("review")
        for ending in (".csv", ".eaf", ".vtt"):
            target = self.folder / f"export{ending}"
            QFileDialog.getSaveFileName = staticmethod(lambda *_, to=target, **__: (str(to), ""))
            self.review.files.ask_export(ending)
            yield target.exists
        self.review.close()
        yield self.wait(0.3)
        self.closing = time.monotonic()


def run(arguments):
    folder, rest = Path(arguments[0]), arguments[1:]
    drivers = []
    execute = QApplication.exec

    def exec_driven(*_):
        drivers.append(Driver(folder))
        code = execute()
        if hasattr(drivers[0], "closing"):
            drivers[0].seen["close_s"] = time.monotonic() - drivers[0].closing
            (folder / "seen.json").write_text(json.dumps(drivers[0].seen))
        return code

    QApplication.exec = exec_driven
    return main(rest)


if __name__ == "__main__":
    raise SystemExit(run(sys.argv[1:]))
