"""What the bar and the empty picture say of the live outputs."""

from collections.abc import Sequence

from PyQt6.QtCore import QCoreApplication

from app.live.outputs import LiveOutputs, LiveStatus
from app.window.picture.view import VideoView
from app.window.session.bar import Chip
from app.window.session.notice import Notice

translate = QCoreApplication.translate


class OutputsWatch:
    """Looks at the outputs whenever the bar is drawn; what fails is said once in words too."""

    def __init__(self, outputs: LiveOutputs, notice: Notice, picture: VideoView) -> None:
        """Take what is looked at, and where it is said."""
        self._outputs, self._notice, self._picture = outputs, notice, picture
        self._errors: tuple[str, ...] = ()

    def chips(self) -> list[Chip]:
        """Give a chip for each that is on."""
        states = self._outputs.status()
        failed = tuple(state.error for state in states if state.error)
        if failed != self._errors:
            self._errors = failed
            if failed:
                self._notice.say("\n".join(failed))
        self._picture.set_hint(_hint(states))
        return [output_chip(state) for state in states]


def _hint(states: Sequence[LiveStatus]) -> str:
    first = translate("OutputsWatch", "Choose a camera in the Source menu, or drop a file here.")
    last = translate(
        "OutputsWatch", "Nothing is stored and nothing leaves this program unless you record."
    )
    if states:
        targets = ", ".join(f"{state.name} ({state.target})" for state in states)
        last = translate(
            "OutputsWatch", "Numbers are sent to {targets}. Nothing is stored unless you record."
        )
        last = last.format(targets=targets)
    return f"{first}\n{last}"


def output_chip(state: LiveStatus) -> Chip:
    """Say how a live output is doing."""
    name, target = state.name, f"{state.name} \N{RIGHTWARDS ARROW} {state.target}"
    counts = translate("OutputsWatch", "{sent} sent, {dropped} not").format(
        sent=state.sent, dropped=state.dropped
    )
    if state.error:
        return Chip(
            name,
            translate("OutputsWatch", "{name} fails").format(name=name),
            f"{name}!",
            state.error,
            "warn",
        )
    if state.opening:
        return Chip(
            name,
            f"{target} …",
            f"{name} …",
            translate("OutputsWatch", "It is being opened"),
            "good",
        )
    if state.leaves:
        leaves = translate("OutputsWatch", "leaves this machine")
        short = f"{name} \N{NORTH EAST ARROW}"
        return Chip(name, f"{target} ({leaves})", short, f"{target}: {leaves}; {counts}", "good")
    return Chip(
        name,
        target,
        name,
        f"{target}: {translate('OutputsWatch', 'stays on this machine')}; {counts}",
        "good",
    )
