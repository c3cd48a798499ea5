"""What Qt needs of the system, named in one line where it is missing."""

import ctypes
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from engine.errors import ConfigError

if TYPE_CHECKING:
    from PyQt6.QtCore import QMessageLogContext, QtMsgType
    from PyQt6.QtWidgets import QApplication

App = TypeVar("App", bound="QApplication")

log = logging.getLogger(__name__)

# What Qt's window on X11 is linked with and its wheel does not bring: library, Debian's package.
LIBRARIES: Final = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}


def need_qt() -> None:
    """See whether Qt can be loaded.

    Raises:
        ModuleNotFoundError: PyQt6 or pyqtgraph is not installed.
        ConfigError: A library of the system is missing.
    """
    try:
        import PyQt6.QtWidgets  # noqa: F401 - loaded to see whether it can be, and first: without
        import pyqtgraph  # noqa: F401 - it pyqtgraph would ask for any of four packages
    except ModuleNotFoundError:
        raise
    except ImportError as error:
        library = str(error).partition(":")[0]
        lacking = [library] if library in LIBRARIES else []
        lacking += [name for name in missing_libraries() if name != library]
        raise ConfigError(f"Qt cannot be loaded: {error}{_remedy(lacking)}") from error


def make_application(program: str, make: Callable[[list[str]], App]) -> App:
    """Make the application; where no window can be opened, say why and leave with code 2.

    Qt ends the process there (`qFatal`), so nothing can be raised: the last place that can speak
    is the handler of its messages.

    Args:
        program: What lines begin with.
        make: `QApplication` or a class of its kind.
    """
    from PyQt6.QtCore import QtMsgType, qInstallMessageHandler

    said: list[str] = []

    def hear(kind: "QtMsgType", _: "QMessageLogContext", text: str | None) -> None:
        if kind is QtMsgType.QtFatalMsg:
            reason = why_no_window([*said, text or ""], missing_libraries(), os.environ)
            sys.stderr.write(f"{program}: {reason}\n")
            sys.stderr.flush()
            os._exit(ConfigError.exit_code)
        said.append(text or "")

    before = qInstallMessageHandler(hear)
    try:
        app = make([program])
    finally:
        qInstallMessageHandler(before)
    for text in said:
        log.warning("Qt: %s", text)
    return app


def missing_libraries() -> list[str]:
    """List what of `LIBRARIES` this system lacks; nothing where Qt does not use X11."""
    return [name for name in LIBRARIES if sys.platform == "linux" and not _loads(name)]


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def why_no_window(
    said: Sequence[str], lacking: Sequence[str], environment: Mapping[str, str]
) -> str:
    """Tell in one line why Qt could open no window, and what to do.

    Args:
        said: Qt's messages, in order.
        lacking: Libraries that the system lacks.
        environment: Of the process.
    """
    start = "no window can be opened: "
    chosen = environment.get("QT_QPA_PLATFORM")
    if any("Could not find the Qt platform plugin" in text for text in said):
        return f"{start}there is no Qt platform {chosen!r}; unset QT_QPA_PLATFORM"
    if lacking:
        return f"{start}{', '.join(lacking)} missing{_remedy(lacking)}"
    unreachable = [text for text in said if "could not connect to display" in text]
    if unreachable:
        display = environment.get("DISPLAY")
        screen = f"display {display} does not answer" if display else "DISPLAY is not set"
        return f"{start}{screen}; start it from a desktop, or: xvfb-run -a fer-app"
    return start + " ".join(" ".join(said).split())


def _remedy(lacking: Sequence[str]) -> str:
    packages = [LIBRARIES[name] for name in lacking]
    return f"; on Debian and Ubuntu: apt install {' '.join(packages)}" if packages else ""
