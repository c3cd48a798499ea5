"""Lab Streaming Layer: a stream of numbers and one of markers; see `docs/outputs/lsl.md`."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Final

from pydantic import Field

from app.session.folder import Marker
from engine.config import Text, checked
from engine.errors import ConfigError
from engine.labels import EXPRESSIONS
from engine.types import Analysis, Prediction

# Of one face; classes beyond the eight come behind these.
CHANNELS: Final = ("id", *EXPRESSIONS, "valence", "arousal", "reliability")
BUFFER_S: Final = 60  # kept for a receiver that does not keep up; the oldest go first
# Streams are announced on this machine only.
_THIS_MACHINE: Final = "[multicast]\nResolveScope = machine\n"


@checked("lsl")
class LslConfig:
    """How the streams look.

    Attributes:
        name: Of the stream; that of the markers has " markers" after it.
        faces: Faces that have channels; others are left out.
        network: Announce the streams on the local network too; the first choice counts for as
            long as the program runs.
        extra: Classes beyond the eight, which have channels too.
    """

    name: Text = "fer-live"
    faces: Annotated[int, Field(ge=1, le=32)] = 4
    network: bool = False
    extra: tuple[Text, ...] = ()


def load_lsl(*, network: bool) -> Any:  # noqa: ANN401 - an untyped library
    """Load the library.

    Args:
        network: Streams may be told of, and looked for, on the local network too; the first choice
            counts for as long as the program runs.

    Raises:
        ConfigError: The library is missing, or cannot keep to this machine.
    """
    try:
        import pylsl
    except (ImportError, RuntimeError) as error:
        raise ConfigError(
            f"lsl: needs pylsl and its liblsl: {error}; pip install 'fer-live[lsl]'"
        ) from error
    if not network:  # else the user's own lsl_api.cfg counts
        try:
            pylsl.set_config_content(_THIS_MACHINE)
        except NotImplementedError as error:
            raise ConfigError(
                "lsl: this liblsl cannot keep streams to this machine; "
                "install 1.17.7 or newer, or allow the network"
            ) from error
    return pylsl


class Places:
    """Gives each face a place that it keeps until it is gone."""

    def __init__(self, count: int) -> None:
        """Take how many places there are."""
        self._faces: list[int | None] = [None] * count

    def update(self, present: set[int]) -> list[int | None]:
        """Give the face of every place; newcomers take the first free ones, in order of id."""
        kept = [face if face in present else None for face in self._faces]
        for face in sorted(present - set(kept)):
            if None in kept:
                kept[kept.index(None)] = face
        self._faces = kept
        return kept


class LslOutput:
    """Pushes every frame and every marker; the library sends on threads of its own.

    Attributes:
        sent: Frames and markers pushed.
        dropped: Faces left out because all places were taken.
        error: Always empty: pushing does not fail.
    """

    name = "LSL"

    def __init__(self, config: LslConfig) -> None:
        """Load the library and offer the streams.

        Raises:
            ConfigError: The library is missing.
        """
        pylsl = load_lsl(network=config.network)
        self._pylsl, self._config = pylsl, config
        self._clock = pylsl.local_clock
        self._places = Places(config.faces)
        self._numbers: Any = pylsl.StreamOutlet(_numbers_info(pylsl, config), max_buffered=BUFFER_S)
        self._markers: Any = pylsl.StreamOutlet(_markers_info(pylsl, config), max_buffered=BUFFER_S)
        self.sent = self.dropped = 0
        self.error = ""

    def send(self, analysis: Analysis) -> None:
        """Push what one frame shows, stamped with when its analysis began."""
        predictions = {prediction.track_id: prediction for prediction in analysis.predictions}
        self._widen(analysis.predictions)
        places = self._places.update(set(predictions))
        self.dropped += len(predictions) - sum(face is not None for face in places)
        sample = [
            value
            for face in places
            for value in _values(None if face is None else predictions[face], self._config.extra)
        ]
        # "decode" is the wait for the camera's next picture, before there was one.
        spent_ms = sum(ms for stage, ms in analysis.times_ms.items() if stage != "decode")
        self._numbers.push_sample(sample, self._clock() - spent_ms / 1000)
        self.sent += 1

    def _widen(self, predictions: Sequence[Prediction]) -> None:
        """Offer the stream anew where another model's classes have no channel."""
        said = dict.fromkeys(label for each in predictions for label in each.vocabulary.extra)
        if said.keys() <= set(self._config.extra):
            return
        extra = tuple(dict.fromkeys((*self._config.extra, *said)))
        self._config, self._numbers = replace(self._config, extra=extra), None
        info = _numbers_info(self._pylsl, self._config)
        self._numbers = self._pylsl.StreamOutlet(info, max_buffered=BUFFER_S)

    def mark(self, marker: Marker) -> None:
        """Push a marker, stamped with now."""
        words = " ".join(filter(None, (marker.text or marker.key, marker.phase)))
        self._markers.push_sample([words], self._clock())
        self.sent += 1

    def close(self) -> None:
        """Withdraw the streams; further calls do nothing."""
        self._numbers = self._markers = None  # the library frees an outlet with its last name


def _values(prediction: Prediction | None, extra: Sequence[str]) -> list[float]:
    if prediction is None:
        return [math.nan] * (len(CHANNELS) + len(extra))
    shares = dict(zip(prediction.labels, prediction.probabilities.tolist(), strict=True))
    others = (prediction.valence, prediction.arousal, prediction.reliability)
    return [
        float(prediction.track_id),
        *(shares.get(label, math.nan) for label in EXPRESSIONS),
        *(math.nan if value is None else value for value in others),
        *(shares.get(label, math.nan) for label in extra),
    ]


def _numbers_info(pylsl: Any, config: LslConfig) -> Any:  # noqa: ANN401 - an untyped library
    names = (*CHANNELS, *config.extra)
    count = config.faces * len(names)
    info = pylsl.StreamInfo(
        config.name,
        "Expression",
        count,
        pylsl.IRREGULAR_RATE,
        pylsl.cf_float32,
        " ".join((config.name, "expression", *config.extra)),  # another form is another stream
    )
    channels = info.desc().append_child("channels")
    for place in range(1, config.faces + 1):
        for name in names:
            channel = channels.append_child("channel")
            channel.append_child_value("label", f"face{place}_{name}")
            unit = "id" if name == "id" else "normalized"
            channel.append_child_value("unit", unit)
    return info


def _markers_info(pylsl: Any, config: LslConfig) -> Any:  # noqa: ANN401 - an untyped library
    name = f"{config.name} markers"
    return pylsl.StreamInfo(name, "Markers", 1, pylsl.IRREGULAR_RATE, pylsl.cf_string, name)
