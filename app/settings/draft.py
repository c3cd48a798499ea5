"""Settings while they are being edited: may be wrong for a moment, and says what is."""

import ipaddress
import re
from collections.abc import Collection
from typing import Any, Final

from app.session.disk import free_bytes
from app.settings.models import model_problem
from app.settings.settings import Settings, problems, values_of
from engine.errors import SinkError
from engine.wording import Words

_KEPT: Final = ("seen_privacy", "markers", "recent", "recent_folder")  # not what a form restores


_LABEL: Final = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?")  # of a name, letters of any language


class Draft:
    """The values of a form.

    Attributes:
        values: By the names of `Settings`' fields; a form writes into it.
    """

    def __init__(self, settings: Settings, devices: Collection[str]) -> None:
        """Start from settings.

        Args:
            settings: The values at first.
            devices: Those that this machine has, see `app.settings.speed.available_devices`.
        """
        self._start, self._devices = settings, devices
        self.values: dict[str, Any] = values_of(settings)

    def problems(self) -> dict[str, str]:
        """Say by name of the field what is wrong with it."""
        found = problems(self.values)
        model, device = self.values["model"], self.values["device"]
        if "model" not in found and (message := model_problem(model)):
            found["model"] = message
        if "device" not in found and device not in self._devices:
            words = "not available here; choose {devices}"
            found["device"] = Words(words, devices=", ".join(self._devices))
        for name in ("osc", "udp", "hear_udp"):
            host = self.values[f"{name}_host"]
            if self.values[name] and f"{name}_host" not in found and (why := host_problem(host)):
                found[f"{name}_host"] = why
        if self._same_target():
            found.setdefault("udp_port", _taken("OSC"))
        found |= self._heard_itself()
        root = self.values["recording_folder"]
        if "recording_folder" not in found and root != self._start.recording_folder:
            try:
                free_bytes(root)
            except SinkError as error:
                found["recording_folder"] = str(error).removeprefix(f"{root}: ")
        return found

    def _heard_itself(self) -> dict[str, str]:
        """Say where the program would hear what it sends."""
        values, found = self.values, {}
        if values["hear_udp"]:
            for name in ("osc", "udp"):
                if values[name] and values[f"{name}_port"] == values["hear_udp_port"]:
                    found["hear_udp_port"] = _taken(name.upper())
        own = f"{values['lsl_name']} markers"
        if values["hear_lsl"] and values["lsl"] and values["hear_lsl_stream"] == own:
            words = "is the stream of this program's own markers; name another"
            found["hear_lsl_stream"] = Words(words)
        return found

    def _same_target(self) -> bool:
        values = self.values
        both = values["osc"] and values["udp"]
        ends = [(values[f"{name}_host"], values[f"{name}_port"]) for name in ("osc", "udp")]
        return bool(both and ends[0] == ends[1])

    def settings(self) -> Settings:
        """Give the settings.

        Raises:
            ConfigError: Something is wrong with them, see `problems`.
        """
        return Settings(**self.values)

    @property
    def changed(self) -> bool:
        """True if a value differs from what was last applied."""
        return self.values != values_of(self._start)

    def apply(self) -> Settings:
        """Give the settings and take them as the new start.

        Raises:
            ConfigError: Something is wrong with them.
        """
        self._start = self.settings()
        return self._start

    def take(self, settings: Settings) -> None:
        """Start anew from settings."""
        self._start, self.values = settings, values_of(settings)

    def restore_defaults(self) -> None:
        """Set everything to its default, but not what the user has already read."""
        kept = {name: self.values[name] for name in _KEPT}
        self.values = values_of(Settings()) | kept


def _taken(output: str) -> str:
    return Words("is the port of the {output} output too; choose another", output=output)


def host_problem(host: str) -> str:
    """Say why no machine can have this name or address; empty if one may.

    Args:
        host: As in `Settings.osc_host`; it is not looked up, which takes seconds.
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:
        labels = host.removesuffix(".").split(".")
        if all(_LABEL.fullmatch(label) for label in labels) and not labels[-1].isdigit():
            return ""
        return Words("no machine has such a name or address; write 127.0.0.1 or lab-pc.local")
    return ""
