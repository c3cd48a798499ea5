"""`--overlay soft`: the film as it is, and the overlay as a subtitle beside its pictures."""

import math
from pathlib import Path
from typing import Final, Literal

from engine.drawing.overlay import OverlayConfig
from engine.drawing.soft import SoftOverlay, ass_fonts, ass_head
from engine.errors import ConfigError
from engine.standard import is_standard
from engine.types import Analysis
from engine.video.container import is_of_pictures, open_input
from engine.video.opening import SourceInfo
from engine.video.sink import DEFAULT_FPS, SinkConfig
from engine.video.soft_sink import ENDING, SoftSink
from engine.video.subtitle import ENDING as ASS
from engine.video.subtitle import SubtitleFile

OverlayKind = Literal["burnt", "soft", "none"]

# What only pixels can do: options, by their names in the parsed command line, and why. What is to
# cover something belongs here: a subtitle can be switched off.
BURNT_ONLY: Final = {
    "blur": "covers faces, and a subtitle can be switched off",
    "compare": "draws beside the picture",
    "codec": "says how pictures are encoded, and these are copied",
    "preset": "says how pictures are encoded, and these are copied",
    "crf": "says how pictures are encoded, and these are copied",
}


def overlay_kind(asked: OverlayKind | None, out: Path | None, used: set[str]) -> OverlayKind:
    """Choose how the overlay is written, and refuse what does not go together.

    Args:
        asked: By ``--overlay``.
        out: Where to.
        used: Names of the options that are.

    Raises:
        ConfigError: They do not go together.
    """
    lies_beside = out is not None and out.suffix.lower() == ASS
    if lies_beside and asked not in (None, "soft"):
        raise ConfigError(f"{out}: holds no pictures; leave --overlay {asked} out, or name a video")
    kind = asked or ("soft" if lies_beside else "burnt")
    if kind != "soft":
        return kind
    if out is None:
        raise ConfigError("--overlay soft: goes with --out FILE")
    if not is_standard(out) and out.suffix.lower() not in (ENDING, ASS):
        raise ConfigError(f"{out}: --overlay soft writes {ENDING}, or {ASS} beside the film")
    for option, why in BURNT_ONLY.items():
        if option in used:
            raise ConfigError(f"--{option}: {why}; leave --overlay soft and {ASS} out")
    return kind


class SoftOutput:
    """One film's overlay, and where it goes.

    Attributes:
        warnings: One line for each thing that was changed or left out, once it is closed.
    """

    def __init__(
        self, path: Path, info: SourceInfo, overlay: OverlayConfig, config: SinkConfig
    ) -> None:
        """Open the output.

        Raises:
            ConfigError: The source is no film that can be copied.
            SinkError: The target cannot be written, or cannot hold pictures or sound.
        """
        _check_source(path, info)
        self._overlay = SoftOverlay(info.width, info.height, overlay)
        self._info, self._last_s = info, math.nan
        head, fonts = ass_head(info.width, info.height), ass_fonts()
        self._out: SoftSink | SubtitleFile
        if path.suffix.lower() == ASS:
            zero_s = _players_zero_s(info)
            self._out = SubtitleFile(path, head, fonts, zero_s=zero_s, overwrite=config.overwrite)
        else:
            self._out = SoftSink(path, info, config, head=head, fonts=fonts)

    @property
    def warnings(self) -> list[str]:
        """One line for each thing that was changed or left out, once it is closed."""
        return self._out.warnings

    def write(self, analysis: Analysis) -> None:
        """Write one frame's lines, and what the film has up to it.

        Raises:
            SinkError: The disk is full or the file otherwise refuses.
        """
        self._last_s = analysis.frame.time_s
        if isinstance(self._out, SubtitleFile):
            self._out.write(self._overlay.draw(analysis))
        else:
            self._out.add(
                self._last_s,
                lambda anew: self._overlay.draw(analysis, anew=anew),
                self._overlay.finish,
            )

    def close(self) -> None:
        """Finish the file and put it in its place; without any frame, leave nothing behind.

        Raises:
            SinkError: The rest cannot be written; nothing is left behind.
        """
        if isinstance(self._out, SubtitleFile):
            if math.isnan(self._last_s):
                self._out.discard()
                return
            end_s = self._last_s + 1 / float(self._info.fps or DEFAULT_FPS)
            self._out.write(self._overlay.finish(end_s))
        self._out.close()

    def discard(self) -> None:
        """Give up: leave the target as it was."""
        self._out.discard()


def _check_source(path: Path, info: SourceInfo) -> None:
    """Refuse what is no film, or none that can be read twice."""
    if info.live:
        raise ConfigError(f"{info.name}: is live; --overlay soft needs a film; use --overlay burnt")
    if info.pictures or (info.path is not None and not _is_film(info.path)):
        raise ConfigError(
            f"{info.name}: is no film but pictures; --overlay soft needs a film in a file; "
            "use --overlay burnt"
        )
    if info.path is None and path.suffix.lower() != ASS:
        raise ConfigError(
            f"{info.name}: is read once only; --overlay soft copies a film from a file; "
            f"save it first, write {ASS}, or use --overlay burnt"
        )


def _is_film(path: Path) -> bool:
    """Whether FFmpeg reads it, and as more than pictures."""
    if not path.is_file():
        return False
    with open_input(path.name, f"file:{path}") as container:
        return not is_of_pictures(container)


def _players_zero_s(info: SourceInfo) -> float:
    """Give the frames' time at which a player's clock is 0: where the first stream begins."""
    if info.path is None:
        return 0.0
    with open_input(info.name, f"file:{info.path}") as container:
        return (container.start_time or 0) / 1e6 - info.origin_s
