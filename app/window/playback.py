"""Between the transport bar and the file that plays."""

from dataclasses import replace
from typing import Final

from PyQt6.QtCore import QObject, QTimer

from app.sources.choice import Choice
from app.sources.player import Player
from app.window.runner import Runner
from app.window.transport import Transport

PLACE_MS: Final = 100  # how often the bar shows where the file is


class Playback(QObject):
    """Hands on what the user wants of a file; does nothing where no file plays."""

    def __init__(self, runner: Runner, transport: Transport) -> None:
        """Connect a bar with whatever the runner runs."""
        super().__init__(transport)
        self._runner, self._transport = runner, transport
        transport.hide()
        transport.play_pause.connect(self.play_pause)
        transport.stepped.connect(self.step)
        transport.sought.connect(self.seek)
        transport.speed_chosen.connect(self.set_speed)
        timer = QTimer(self)
        timer.setInterval(PLACE_MS)
        timer.timeout.connect(self.show_place)
        timer.start()

    @property
    def player(self) -> Player | None:
        """The file that plays; None if the source is something else."""
        worker = self._runner.worker
        source = None if worker is None else worker.source
        return source if isinstance(source, Player) else None

    def show(self) -> None:
        """Show the bar where a file plays."""
        self._transport.setVisible(self.player is not None)

    def hide(self) -> None:
        """Hide the bar."""
        self._transport.hide()

    def share(self) -> float | None:
        """Say how much of the file has passed, 0 to 1; None where no file plays."""
        player = self.player
        if player is None or not player.duration_s:
            return None
        return min(1.0, (player.position_s + player.frame_s) / player.duration_s)

    def stands(self) -> bool:
        """Say whether a file plays that is paused, or at its end."""
        player = self.player
        return player is not None and not player.playing

    def as_it_is(self) -> Choice | None:
        """Give what runs, a file with its place, speed and pause; None if nothing runs."""
        choice, player = self._runner.choice, self.player
        if choice is None or player is None:
            return choice
        return replace(
            choice, start_s=player.position_s, playing=player.playing, speed=player.speed
        )

    def play_pause(self) -> None:
        """Hold the picture, or go on; from the beginning where it had ended."""
        player = self.player
        if player is not None:
            (player.pause if player.playing else player.play)()
            self.show_place()

    def step(self, frames: int) -> None:
        """Show the frame so many later."""
        if (player := self.player) is not None:
            player.step(frames)

    def skip(self, seconds: float) -> None:
        """Move by a time."""
        if (player := self.player) is not None:
            player.seek(player.heading_s + seconds)

    def seek(self, time_s: float) -> None:
        """Move to a time, seconds of the file."""
        if (player := self.player) is not None:
            player.seek(time_s)

    def set_speed(self, speed: float) -> None:
        """Play faster or slower."""
        if (player := self.player) is not None:
            player.set_speed(speed)

    def show_place(self) -> None:
        """Show where the file is."""
        if (player := self.player) is not None:
            self._transport.show_state(
                player.heading_s,
                player.info.duration_s or 0.0,
                playing=player.playing,
                speed=player.speed,
                frame=player.frame_number,
                counted=player.frame_counted,
                frame_s=player.frame_s,
            )
