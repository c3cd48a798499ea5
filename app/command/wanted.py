"""How pictures are to be written: what goes together, for the command and for Python alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.command.soft import OverlayKind, overlay_kind
from engine.config import problems
from engine.errors import ConfigError
from engine.faces.blur import CoverConfig, Kind
from engine.video.encoders import ENCODERS, Codec, Preset

PRESET: Final[Preset] = "veryfast"
COVERED: Final = 64  # faces at once where they are covered: one that is not followed is bare


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody asked for; None is what nobody said anything of.

    Attributes:
        out: Where to; None for rows only.
        compare: Networks are drawn side by side.
        overlay: How the overlay is written.
        blur: Faces are covered, with that.
        pad: Margin around a covered face, as a share of it.
        keep: Ids of faces that stay bare.
        codec: Of the film.
        preset: Of the encoder.
        crf: Of the encoder.
    """

    out: Path | None = None
    compare: bool = False
    overlay: OverlayKind | None = None
    blur: Kind | None = None
    pad: float | None = None
    keep: Sequence[int] | None = None
    codec: Codec | None = None
    preset: Preset | None = None
    crf: int | None = None

    def of_job(self) -> dict[str, Any]:
        """Give the fields of an `app.command.job.Job` that say so.

        Raises:
            ConfigError: Something does not go together, or is not allowed.
        """
        self._check_cover()
        encoder = ENCODERS[self.codec or "h264"]
        if self.crf is not None and not 0 <= self.crf <= encoder.crf_max:
            codec = self.codec or "h264"
            raise ConfigError(f"--crf: {codec} takes 0 to {encoder.crf_max}, got {self.crf}")
        used = {
            name for name in ("blur", "codec", "preset", "crf") if getattr(self, name) is not None
        }
        if self.compare:
            used.add("compare")
        return {
            "overlay_kind": overlay_kind(self.overlay, self.out, used),
            "cover": self._cover(),
            "keep": tuple(self.keep or ()),
            "codec": self.codec,
            "preset": self.preset or PRESET,
            "crf": self.crf,
        }

    def _cover(self) -> CoverConfig | None:
        if self.blur is None:
            return None
        margin = {} if self.pad is None else {"margin": self.pad}
        for said in problems(CoverConfig, margin).values():
            raise ConfigError(f"--pad: {said}")
        return CoverConfig(kind=self.blur, **margin)

    def _check_cover(self) -> None:
        """Refuse what cannot go with covered faces, or not without."""
        if self.compare and self.overlay == "none":
            raise ConfigError("--overlay none: --compare draws columns; leave one of them out")
        if self.blur is None:
            for name in ("keep", "pad"):
                if getattr(self, name) is not None:
                    raise ConfigError(f"--{name}: goes with --blur")
            return
        if self.out is None:
            raise ConfigError("--blur: covers faces in a film; give --out FILE for it")
        if self.compare:
            raise ConfigError("--blur: --compare shows faces beside the picture; leave one out")
