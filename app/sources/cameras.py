"""Which cameras are connected, by name."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.wording import Words

CLASS: Final = Path("/sys/class/video4linux")
GUESSED: Final = 4  # offered where the system does not list cameras


@dataclass(frozen=True, slots=True)
class CameraName:
    """A camera that can be opened.

    Attributes:
        number: What `engine.video.opening` calls it.
        name: What its maker calls it.
    """

    number: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} ({self.number})"


def cameras(folder: Path = CLASS, platform: str = sys.platform) -> tuple[CameraName, ...]:
    """List the cameras, quickly and without opening any.

    A camera has several device files on Linux; only the first of each gives pictures.

    Args:
        folder: Where Linux lists video devices.
        platform: As `sys.platform`; only Linux says which cameras there are.
    """
    if platform != "linux":
        return tuple(
            CameraName(number, Words("Camera {number}", number=number)) for number in range(GUESSED)
        )
    found = []
    for path in folder.glob("video*"):
        number = path.name.removeprefix("video")
        if number.isascii() and number.isdecimal() and _first(path):
            found.append(CameraName(int(number), maker_name(path)))
    return tuple(sorted(found, key=lambda camera: camera.number))


def _first(path: Path) -> bool:
    try:
        return (path / "index").read_text().strip() == "0"
    except OSError:
        return True


def maker_name(path: Path) -> str:
    """Give what the maker of a device of `CLASS` calls it, else its number."""
    try:
        name = (path / "name").read_text(errors="replace").strip()
    except OSError:
        name = ""
    # Drivers give "Integrated Camera: Integrated C"; the second half is cut off.
    number = path.name.removeprefix("video")
    return name.partition(":")[0].strip() or Words("Camera {number}", number=number)
