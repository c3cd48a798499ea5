"""`fer-app [--source FILE|CAMERA|URL]`: the desktop application."""

import argparse
import gc
import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final

from app.window.menu_entry import add_to_menu, command, data_home
from app.window.qt_needs import make_application, need_qt
from engine.command import DEVICES, Parser, libraries, run_command, say
from engine.errors import ConfigError
from engine.signals import INTERRUPTED, handle, leave_on_signals
from engine.wording import PURPOSE

if TYPE_CHECKING:  # heavy imports wait until the options are right
    from PyQt6.QtWidgets import QWidget

    from app.settings.settings import Settings
    from app.sources.choice import Choice

Hook = Callable[[type[BaseException], BaseException, TracebackType | None], None]

log = logging.getLogger(__name__)

PROGRAM: Final = "fer-app"
ABANDONED: Final = frozenset({"fer-capture", "fer-find", "fer-read", "fer-draw", "fer-show"})
TURN_S: Final = 0.001  # that a thread computes in Python while another waits
WRITE_S: Final = 5.0  # for files to be finished when the program leaves in a hurry


def main(argv: Sequence[str] | None = None) -> int:
    """Run the application; return the exit code."""
    return run_command(PROGRAM, _start, argv, extra="app", info="%(name)s: %(message)s")


def _start(argv: Sequence[str]) -> int:
    options = parser().parse_args(argv)
    if options.json and not options.camera_report:
        raise ConfigError("--json: goes with --camera-report")
    if options.camera_report:
        from app.sources.camera_report import camera_report

        report = camera_report()
        sys.stdout.write(f"{report.to_json() if options.json else report.to_text()}\n")
        return 0
    if not options.add_to_menu:
        return _run(options)
    entry = add_to_menu(data_home(), command())
    sys.stdout.write(f"{entry}\n")
    return 0


def parser() -> Parser:
    """Describe the command line."""
    parse = Parser(
        prog=PROGRAM,
        version=libraries("PyQt6", "pyqtgraph", "onnxruntime"),
        description="Facial expressions, live.",
        epilog=f"What it is for: {PURPOSE}",
    )
    add = parse.add_argument
    add("--source", metavar="SOURCE", help="file, camera (0), address, or screen[:X,Y,W,H]")
    add("--as-camera", action="store_true", help="play the file of --source in an endless loop")
    add("--settings", type=Path, metavar="FILE", help="settings file (the user's own)")
    add("--model", metavar="NAME|PATH", help="expression model, for this time")
    add("--device", choices=DEVICES, help="for this time")
    add("--theme", choices=("system", "light", "dark"), help="for this time")
    add("--add-to-menu", action="store_true", help="put it into the desktop's menu (Linux)")
    add("--camera-report", action="store_true", help="print which cameras there are, and end")
    add("--json", action="store_true", help="with --camera-report: as one JSON object")
    return parse


def _run(options: argparse.Namespace) -> int:
    need_qt()
    # Qt and the engine take most of a second: nothing of them before the options are right.
    from PyQt6.QtCore import QSettings, QTimer
    from PyQt6.QtGui import QIcon
    from PyQt6.QtWidgets import QApplication

    from app.settings.settings import load_settings, settings_path
    from app.window.language import use_language
    from app.window.main_window import MainWindow
    from app.window.shortcuts import check_keys
    from app.window.theme import apply_theme
    from engine.assets import asset_path

    path = options.settings or settings_path()
    stored = load_settings(path)
    check_keys(stored.keys, path)
    settings = _changed(stored, options)
    choice = _choice(options)
    leave_on_signals(PROGRAM)  # an exception cannot be raised through Qt
    app = make_application(PROGRAM, QApplication)
    app.setApplicationName("fer-live")
    app.setDesktopFileName(PROGRAM)
    app.setWindowIcon(QIcon(str(asset_path("fer-live.svg"))))
    use_language(app, settings.language)
    apply_theme(app, settings.theme, settings.text_size)
    geometry = QSettings("fer-live", "fer-app") if options.settings is None else None
    window = MainWindow(settings, path, stored=stored, geometry=geometry)
    sys.excepthook = _excepthook(window)
    signalled = close_on_signals(window)
    window.show()

    def begin() -> None:
        if choice is not None:
            window.open(choice)

    window.watch.look_back()
    begin() if settings.seen_privacy else window.first_run(begin)
    settle()
    # A window that was closed before the loop runs does not end it.
    QTimer.singleShot(0, lambda: app.quit() if signalled.is_set() else None)
    code = app.exec()
    if signalled.is_set():
        say(PROGRAM, "interrupted")
        code = INTERRUPTED
    code = leave_with(code)
    leave_on_signals(PROGRAM)
    destroy(window)
    return code


def close_on_signals(window: "QWidget") -> threading.Event:
    """Close a window as its user would when a signal comes; end at once with a second one.

    The window's timers call Python several times a second, so a signal is heard at once.

    Returns:
        Set by the signal.
    """
    signalled = threading.Event()

    def first(*_: object) -> None:
        leave_on_signals(PROGRAM)
        signalled.set()
        window.setProperty("unasked", True)
        window.close()

    handle(first)
    return signalled


def settle() -> None:
    """Let the window's thread wait less: for the garbage collector, and for other threads.

    A round over all modules and widgets took 27 ms, a frame and a half. And each time Qt calls into
    Python while another thread computes there, the window waits for that one's turn to end: 400 ms
    in one event while a recording of half an hour was opened, 90 with turns of a millisecond.
    """
    sys.setswitchinterval(TURN_S)
    gc.collect()
    gc.freeze()


def destroy(window: "QWidget") -> None:
    """Free a window and all its parts while Qt runs.

    At the interpreter's end PyQt frees what is left in any order: that crashed one run in six.
    """
    from PyQt6 import sip

    sip.delete(window)


def leave_with(code: int) -> int:
    """Give the exit code; where a camera still hangs in its driver, leave with it at once.

    A thread that comes back from C++ while the interpreter ends would abort the program.
    """
    hanging = [t.name for t in threading.enumerate() if t.name in ABANDONED]
    if not hanging:
        return code
    log.warning("left without waiting for: %s", ", ".join(hanging))
    for thread in threading.enumerate():
        if not thread.daemon and thread is not threading.current_thread():
            thread.join(WRITE_S)  # it is writing a file
    logging.shutdown()
    os._exit(code)


def _choice(options: argparse.Namespace) -> "Choice | None":
    """Read which source was named.

    Raises:
        ConfigError: Nothing was named, or what is no file is to be played as a camera.
    """
    from dataclasses import replace

    from app.sources.choice import choice_of

    choice = None if options.source is None else choice_of(options.source)
    if not options.as_camera:
        return choice
    if choice is None or choice.kind != "file":
        raise ConfigError("--as-camera: needs a video file; name it with --source FILE")
    return replace(choice, as_camera=True)


def _changed(settings: "Settings", options: argparse.Namespace) -> "Settings":
    from dataclasses import replace

    named = {key: getattr(options, key) for key in ("model", "device", "theme")}
    return replace(settings, **{key: value for key, value in named.items() if value})


def _excepthook(window: object) -> Hook:
    """Log what no slot caught, and show one dialog."""
    shown: list[BaseException] = []

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        logging.getLogger(__name__).critical("unexpected error", exc_info=(kind, error, trace))
        if not shown:
            from PyQt6.QtCore import QCoreApplication
            from PyQt6.QtWidgets import QMessageBox, QWidget

            shown.append(error)
            parent = window if isinstance(window, QWidget) else None
            words = QCoreApplication.translate("MainWindow", "Unexpected error: {why}")
            why = f"{kind.__name__}: {error}"
            QMessageBox.critical(parent, "fer-live", words.format(why=why))

    return hook


if __name__ == "__main__":
    raise SystemExit(main())
