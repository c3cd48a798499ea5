"""What the system offers as cameras, for whoever has to find out why one does not work."""

import errno
import json
import platform
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import cv2

from app.sources.cameras import CLASS, cameras, maker_name
from app.sources.v4l2 import Ask, Format, Stated, opened, stated
from engine.errors import SourceError, one_line
from engine.installed import versions_of
from engine.video.camera import Camera
from engine.video.source import SourceConfig

DEVICES: Final = Path("/dev")
PACKAGES: Final = (
    *("fer-live", "opencv-python-headless", "av", "numpy", "PyQt6", "onnxruntime"),
    "onnxruntime-gpu",
)
NO_PICTURES: Final = "gives no pictures: a camera's second device, or a codec"
NONE: Final = "no camera: the system offers none"
UNLISTED: Final = (
    "no camera that can be opened; this system does not list cameras, so 0 to 3 were tried: "
    "see whether its privacy settings allow this program the camera"
)
_REASONS: Final = {
    errno.EACCES: "no permission: this user may not open it; on most systems the group 'video' may",
    errno.EPERM: "no permission: the system, a container or a sandbox forbids it",
    errno.EBUSY: "busy: another program has it",
    errno.ENOENT: "no device file: in a container, give it the device",
    errno.ENODEV: "gone: it was unplugged, or its driver has given it up",
    errno.ENXIO: "gone: it was unplugged, or its driver has given it up",
    errno.ENOTTY: "no video device: it does not answer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A camera, or another video device.

    Attributes:
        number: What `--source` calls it.
        path: Its file on Linux, else empty.
        name: What its maker calls it.
        driver: Of the kernel; empty where it is unknown.
        state: One line: what it gives, or what is in the way.
        formats: What it states.
    """

    number: int
    path: str
    name: str
    driver: str
    state: str
    formats: tuple[Format, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraReport:
    """Everything that is said; no name of a user or computer, no serial number, no picture.

    Attributes:
        system: Name, version and processor of the operating system.
        versions: Of Python and of libraries that are installed.
        backends: What OpenCV can open cameras with.
        devices: In order of number.
        none: What to say where there is no device; else empty.
    """

    system: str
    versions: dict[str, str]
    backends: tuple[str, ...]
    devices: tuple[Device, ...]
    none: str

    def to_text(self) -> str:
        """Give it as lines to read."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        lines = [self.system, versions, f"OpenCV opens cameras with: {', '.join(self.backends)}"]
        for device in self.devices:
            lines += ["", *_lines(device)]
        return "\n".join([*lines, *(["", self.none] if self.none else [])])

    def to_json(self) -> str:
        """Give it as one JSON object."""
        return json.dumps(asdict(self))


def camera_report(
    *,
    devices: Path = DEVICES,
    folder: Path = CLASS,
    system: str = sys.platform,
    reach: Callable[[Path], AbstractContextManager[Ask]] = opened,
    look: Callable[[int], str] | None = None,
) -> CameraReport:
    """Find every camera and ask it; each that gives pictures is opened for one, which is forgotten.

    Args:
        devices: Where the device files lie on Linux.
        folder: Where Linux lists video devices.
        system: As `sys.platform`.
        reach: Opens a device file to ask it.
        look: Opens a camera and words what it gives; raises `SourceError`.
    """
    look = look or picture_of
    lists = system == "linux"
    found = _listed(devices, folder, reach, look) if lists else _tried(system, look)
    none = NONE if lists else UNLISTED
    return CameraReport(
        system=f"{platform.system()} {platform.release()}, {platform.machine()}",
        versions={"Python": platform.python_version(), **versions_of(PACKAGES)},
        backends=tuple(
            cv2.videoio_registry.getBackendName(backend)
            for backend in cv2.videoio_registry.getCameraBackends()
        ),
        devices=found,
        none="" if found else none,
    )


def picture_of(number: int) -> str:
    """Open a camera as the window does, take one picture, and word its size and rate.

    Raises:
        SourceError: It cannot be opened, or gives no picture.
    """
    with Camera(number, SourceConfig()) as camera:
        info = camera.info
    rate = "a rate it does not state" if info.fps is None else f"{float(info.fps):.4g} a second"
    return f"gives pictures: {info.width}x{info.height}, {rate}"


def _listed(
    devices: Path,
    folder: Path,
    reach: Callable[[Path], AbstractContextManager[Ask]],
    look: Callable[[int], str],
) -> tuple[Device, ...]:
    names = {path.name for place in (devices, folder) for path in place.glob("video*")}
    numbers = (name.removeprefix("video") for name in names)
    ordered = sorted(int(n) for n in numbers if n.isascii() and n.isdecimal())
    return tuple(_asked(number, devices, folder, reach, look) for number in ordered)


def _asked(
    number: int,
    devices: Path,
    folder: Path,
    reach: Callable[[Path], AbstractContextManager[Ask]],
    look: Callable[[int], str],
) -> Device:
    path, listed = devices / f"video{number}", folder / f"video{number}"
    name = one_line(maker_name(listed))
    try:
        with reach(path) as ask:
            said = stated(ask)
    except OSError as error:
        said = Stated(driver="", name="", captures=False, formats=())
        state = _REASONS.get(error.errno or 0, f"cannot be asked: {error.strerror}")
    else:
        state = _looked(number, look) if said.captures else NO_PICTURES
    return Device(
        number=number,
        path=str(path),
        name=said.name.partition(":")[0].strip() or name,
        driver=said.driver,
        state=state,
        formats=said.formats,
    )


def _looked(number: int, look: Callable[[int], str]) -> str:
    try:
        return look(number)
    except SourceError as error:
        return str(error)


def _tried(system: str, look: Callable[[int], str]) -> tuple[Device, ...]:
    found = []
    for camera in cameras(platform=system):
        try:
            state = look(camera.number)
        except SourceError:  # most of the numbers that are tried have no camera
            continue
        found.append(
            Device(
                number=camera.number, path="", name=camera.name, driver="", state=state, formats=()
            )
        )
    return tuple(found)


def _lines(device: Device) -> list[str]:
    lines = [f"camera {device.number}: {device.name}"]
    facts = (device.path, f"driver {device.driver}" if device.driver else "")
    lines += [f"  {', '.join(fact for fact in facts if fact)}"] if any(facts) else []
    lines.append(f"  {device.state}")
    for kind in device.formats:
        lines.append(f"  {kind.code} ({kind.name})")
        for size in kind.sizes:
            rates = f": {', '.join(size.rates)} a second" if size.rates else ""
            lines.append(f"    {size.words}{rates}")
    return lines
