"""What the user asked to look at, and how it is opened."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal

from app.sources.looped import LoopedFile
from app.sources.player import Player
from app.sources.screen import Screen, region_of
from engine.errors import ConfigError
from engine.video.opening import Source, SourceConfig, local_name, open_source, shown_address
from engine.wording import Words

Kind = Literal["camera", "file", "stream", "screen"]
_CAMERA: Final = re.compile(r"(?:/dev/video)?[0-9]{1,9}")
_SCREEN: Final = re.compile(r"screen(?::.*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A source that was chosen.

    Attributes:
        kind: How it behaves: cameras are mirrored and come back, files can be moved in.
        name: As `engine.video.opening.open_source` takes it; ``screen`` or ``screen:X,Y,W,H``.
        size: Width and height asked of a camera, pixels; None is its own.
        fps: Rate asked of a camera; None is its own.
        start_s: Where a file begins, seconds.
        playing: False shows a file's frame there, and waits.
        speed: Of a file; 1 is its own.
        as_camera: Play a file in an endless loop that nobody can move in, as a camera would.
    """

    kind: Kind
    name: str
    size: tuple[int, int] | None = None
    fps: float | None = None
    start_s: float = 0.0
    playing: bool = True
    speed: float = 1.0
    as_camera: bool = False

    @property
    def title(self) -> str:
        """What a window calls it; never holds a password or a token."""
        if self.kind == "file":
            return Path(self.name).name
        if self.kind == "camera":
            return Words("Camera {number}", number=self.name.removeprefix("/dev/video"))
        if self.kind == "stream":
            return shown_address(self.name)
        return self.name

    @property
    def returns(self) -> bool:
        """True where it is waited for after it was lost."""
        return self.kind in ("camera", "stream") or self.as_camera

    def opener(self) -> Callable[[], Source]:
        """Give what opens it; called on the capture's thread."""
        if self.as_camera:
            return partial(LoopedFile, Path(self.name))
        if self.kind == "file":
            return partial(
                Player,
                partial(open_source, self.name),
                start_s=self.start_s,
                playing=self.playing,
                speed=self.speed,
            )
        if self.kind == "screen":
            return partial(Screen, region_of(self.name))
        config = SourceConfig(size=self.size, fps=self.fps)
        return partial(open_source, self.name, config)


def choice_of(name: str) -> Choice:
    """Tell from what a user typed which kind of source it is.

    Raises:
        ConfigError: That is nothing.
    """
    if not name:
        raise ConfigError("source: is empty; is a variable unset?")
    name = local_name(name)
    if _CAMERA.fullmatch(name):
        return Choice(kind="camera", name=name)
    if _SCREEN.fullmatch(name):
        return Choice(kind="screen", name=name)
    kind: Kind = "stream" if "://" in name else "file"
    return Choice(kind=kind, name=name)
