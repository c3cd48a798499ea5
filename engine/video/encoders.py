"""Which encoders there are, what they take, and how they are told what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from av.codec.codec import Codec as Library

from engine.errors import ConfigError
from engine.video.planes import Form

Codec = Literal["h264", "hevc", "av1"]
Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"]

_PLAIN: Final = "yuv420p"  # what every encoder takes and every player shows
_DEEP: Final = "yuv420p10le"


@dataclass(frozen=True, slots=True)
class Encoder:
    """One encoder of FFmpeg's.

    Attributes:
        name: FFmpeg's.
        crf: Constant rate factor at which the picture looks like the source.
        crf_max: The most it takes.
        presets: Its own words for ours; ours where it has none.
        low_delay: What makes it give a frame out as soon as one came in.
        tag: What QuickTime's containers call the codec; empty for FFmpeg's choice.
    """

    name: str
    crf: int
    crf_max: int
    presets: Mapping[str, str] = field(default_factory=dict)
    low_delay: Mapping[str, str] = field(default_factory=dict)
    tag: str = ""

    def format_for(self, form: Form) -> str:
        """Name the pixel format that is encoded: the source's own, or the nearest there is."""
        taken = {each.name for each in Library(self.name, "w").video_formats or ()}
        nearest = _DEEP if form.layout.bits > 8 else _PLAIN
        return next(name for name in (form.name, nearest, _PLAIN) if name in taken)


ENCODERS: Final[Mapping[Codec, Encoder]] = {
    "h264": Encoder("libx264", 20, 51, low_delay={"tune": "zerolatency"}),
    "hevc": Encoder("libx265", 23, 51, low_delay={"tune": "zerolatency"}, tag="hvc1"),
    "av1": Encoder(
        "libsvtav1",
        28,
        63,
        presets={
            "ultrafast": "12",
            "superfast": "11",
            "veryfast": "10",
            "faster": "9",
            "fast": "8",
            "medium": "7",
            "slow": "5",
        },
    ),
}


def codec_for(form: Form | None, wanted: Codec | None) -> Codec:
    """Choose a codec: H.264 plays everywhere, but hardly anywhere with more than 8 bits.

    Args:
        form: Of the pictures; None for BGR.
        wanted: By the user; None leaves it to the form.
    """
    if wanted is not None:
        return wanted
    return "hevc" if form is not None and form.layout.bits > 8 else "h264"


def check_crf(codec: Codec | None, crf: int | None) -> None:
    """Refuse a factor that the codec has not.

    Raises:
        ConfigError: It is too high.
    """
    most = ENCODERS[codec or "h264"].crf_max
    if crf is not None and crf > most:
        raise ConfigError(f"sink.crf: {codec or 'h264'} takes at most {most}, got {crf}")


def options_of(codec: Codec, preset: Preset, crf: int | None, form: Form | None) -> dict[str, str]:
    """Say an encoder's options.

    Args:
        codec: Which.
        preset: Our word for its trade of time for size.
        crf: Constant rate factor; None is its own default here.
        form: Of the pictures; of HDR the encoder is told the display that it was made on.
    """
    encoder = ENCODERS[codec]
    options = {
        "crf": str(encoder.crf if crf is None else crf),
        "preset": encoder.presets.get(preset, preset),
    }
    mastering, light = ("", "") if form is None else (form.mastering, form.light)
    if codec == "hevc":
        told = ["log-level=error"]
        told += [f"master-display={mastering}"] if mastering else []
        told += [f"max-cll={light}"] if light else []
        options["x265-params"] = ":".join(told)
    elif codec == "h264" and (mastering or light):
        told = [f"mastering-display={mastering}"] if mastering else []
        told += [f"cll={light}"] if light else []
        options["x264-params"] = ":".join(told)
    return options
