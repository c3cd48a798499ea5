"""What the bar and the empty picture say of the live outputs."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt6.QtCore import QCoreApplication

from app.live.outputs import LiveOutputs, LiveStatus
from app.window.banner import Banner
from app.window.session.bar import Chip

translate = QCoreApplication.translate


class OutputsWatch:
    """Looks at the outputs whenever the bar is drawn; what fails is said once in words too."""

    def __init__(self, outputs: LiveOutputs, notice: Banner, folder: Callable[[], Path]) -> None:
        """Take what is looked at, and where it is said.

        Args:
            outputs: What is looked at.
            notice: Where failures are said.
            folder: Gives where recordings go.
        """
        self._outputs, self._notice, self._folder = outputs, notice, folder
        self.say_line: Callable[[str], object] = str
        self._errors: tuple[str, ...] = ()

    def chips(self) -> list[Chip]:
        """Give a chip for each that is on."""
        states = self._outputs.status()
        failed = tuple(state.error for state in states if state.error)
        if failed != self._errors:
            self._errors = failed
            if failed:
                self._notice.say("\n".join(failed), tone="bad")
        self.say_line(_line(states, self._folder()))
        return [output_chip(state) for state in states]


def _line(states: Sequence[LiveStatus], folder: Path) -> str:
    """Say where recordings go, and what is sent."""
    goes = translate(
        "OutputsWatch", "Recordings go to {folder}; nothing is stored unless you record."
    )
    sent = translate("OutputsWatch", "Nothing is sent: nothing leaves this program.")
    if states:
        targets = ", ".join(f"{state.name} ({state.target})" for state in states)
        sent = translate("OutputsWatch", "Numbers are sent to {targets}.").format(targets=targets)
    return f"{goes.format(folder=folder)}\n{sent}"


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
