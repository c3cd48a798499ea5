"""What the bar and the empty picture say of live outputs, and of markers that are heard."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt6.QtCore import QCoreApplication

from app.live.inputs import InputStatus, LiveInputs
from app.live.outputs import LiveOutputs, LiveStatus
from app.window.banner import Banner
from app.window.session.bar import Chip

translate = QCoreApplication.translate


class OutputsWatch:
    """Looks at both whenever the bar is drawn; what fails is said once in words too."""

    def __init__(
        self,
        outputs: LiveOutputs,
        inputs: LiveInputs,
        notice: Banner,
        folder: Callable[[], Path],
    ) -> None:
        """Take what is looked at, and where it is said.

        Args:
            outputs: What is sent.
            inputs: What is heard.
            notice: Where failures are said.
            folder: Gives where recordings go.
        """
        self._outputs, self._inputs = outputs, inputs
        self._notice, self._folder = notice, folder
        self.say_line: Callable[[str], object] = str
        self._errors: tuple[str, ...] = ()

    def chips(self) -> list[Chip]:
        """Give a chip for each that is on."""
        states, heard = self._outputs.status(), self._inputs.status()
        errors = [state.error for state in states] + [state.error for state in heard]
        failed = tuple(filter(None, errors))
        if failed != self._errors:
            self._errors = failed
            if failed:
                self._notice.say("\n".join(failed), tone="bad")
        self.say_line(_line(states, heard, self._folder()))
        return [*map(output_chip, states), *map(input_chip, heard)]


def _line(states: Sequence[LiveStatus], heard: Sequence[InputStatus], folder: Path) -> str:
    """Say where recordings go, what is sent, and what is heard."""
    goes = translate(
        "OutputsWatch", "Recordings go to {folder}; nothing is stored unless you record."
    )
    sent = translate("OutputsWatch", "Nothing is sent: nothing leaves this program.")
    if states:
        targets = ", ".join(f"{state.name} ({state.target})" for state in states)
        sent = translate("OutputsWatch", "Numbers are sent to {targets}.").format(targets=targets)
    lines = [goes.format(folder=folder), sent]
    if heard:
        sources = ", ".join(f"{state.name} ({state.target})" for state in heard)
        words = translate("OutputsWatch", "Markers are heard by {sources}.")
        lines.append(words.format(sources=sources))
    return "\n".join(lines)


def input_chip(state: InputStatus) -> Chip:
    """Say how a listener for markers is doing."""
    name = f"{state.name} \N{LEFTWARDS ARROW}"  # an output may have the same
    target = f"{name} {state.target}"
    if state.error:
        fails = translate("OutputsWatch", "{name} fails").format(name=name)
        return Chip(name, fails, f"{name}!", state.error, "warn")
    if state.opening:
        tip = translate("OutputsWatch", "It is being opened")
        return Chip(name, f"{target} …", f"{name} …", tip, "good")
    where, short = translate("OutputsWatch", "hears this machine alone"), name
    if state.open_to_others:
        where = translate("OutputsWatch", "hears other machines")
        target, short = f"{target} ({where})", f"{state.name} \N{SOUTH WEST ARROW}"
    counts = translate("OutputsWatch", "{came} came, {refused} refused")
    tip = f"{target}: {where}; {counts.format(came=state.came, refused=state.refused)}"
    if not state.refused:
        return Chip(name, target, short, tip, "good")
    refused = translate("OutputsWatch", "{n} refused").format(n=state.refused)
    return Chip(name, f"{target}, {refused}", f"{short}!", f"{tip}: {state.why}", "warn")


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
