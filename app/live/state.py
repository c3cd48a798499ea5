"""What the panels show: the newest analysis, what came before it, and which face is meant."""

from datetime import datetime
from typing import Final

import numpy as np

from app.live.performance import Performance
from app.session.history import History
from app.session.naming import NAMELESS, NamedFaces
from app.session.statistics import SessionStatistics
from engine.labels import EXPRESSIONS
from engine.types import Analysis, Floats, Prediction

_LARGER: Final = 1.25  # another face takes over once its box is larger by this factor


class LiveState:
    """The state of a running session; belongs to the thread that shows it.

    Attributes:
        selected: Id of the face that the user chose; None follows the largest face.
        analysis: The newest; None before the first.
        history: Curves of every face.
        named: What the faces are called.
        statistics: Sums of every face.
        performance: Rate and latency.
        device: What the analysis runs on, for example ``cpu``; empty until known.
        model: Name of the model; empty until known.
        labels: Classes that may be shown; the eight until a face says otherwise.
        lost_at: Since when the source gives nothing; None while it does, or before the first.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self.device = ""
        self.model = ""
        self.performance = Performance()
        self.reset()

    def reset(self) -> None:
        """Forget the session, for a new source; device and model stay."""
        self.selected: int | None = None
        self.analysis: Analysis | None = None
        self.labels: tuple[str, ...] = EXPRESSIONS
        self.history = History()
        self.named: NamedFaces = NAMELESS
        self.statistics = SessionStatistics()
        self.performance.reset()
        self.lost_at: datetime | None = None
        self._now_s = 0.0
        self._largest: int | None = None

    def add(self, analysis: Analysis, latency_ms: float, dropped: int) -> None:
        """Take in the next analysis.

        Args:
            analysis: What the newest frame shows.
            latency_ms: From the capture of its frame to now.
            dropped: Frames of the source left out so far, all together.
        """
        self.analysis, self.lost_at = analysis, None
        self._now_s = analysis.frame.time_s
        if analysis.predictions:
            self.labels = analysis.predictions[0].labels
        self.history.add(analysis)
        self.statistics.add(analysis)
        self.performance.add(latency_ms, dropped)
        self._largest = self._follow_largest(analysis)

    def lose_signal(self, at: datetime) -> None:
        """Show no face any more: the source gives nothing now. What came before is kept.

        Args:
            at: The time of day; of several, the first counts.
        """
        if self.analysis is not None:
            self.analysis, self.lost_at = None, at

    def leave(self) -> None:
        """Show no face any more: the user has closed the source. What came before is kept."""
        self.analysis = self.lost_at = None

    def select(self, face_id: int | None) -> None:
        """Choose a face, which stays chosen while it is away; None follows the largest."""
        self.selected = face_id

    @property
    def now_s(self) -> float:
        """Time of the newest analysis, seconds of the source; 0 before the first."""
        return self._now_s

    @property
    def shown(self) -> int | None:
        """Id of the face that the panels are about: the selected one, else the largest."""
        return self.selected if self.selected is not None else self._largest

    @property
    def selected_prediction(self) -> Prediction | None:
        """What the face `shown` shows now; None while it is away or there is none."""
        if self.analysis is None:
            return None
        shown = self.shown
        return next((p for p in self.analysis.predictions if p.track_id == shown), None)

    @property
    def lost(self) -> bool:
        """True while the selected face is not in the picture."""
        return self.selected is not None and self.selected_prediction is None

    def _follow_largest(self, analysis: Analysis) -> int | None:
        """Name the largest face; the last one stays so until another is clearly larger."""
        areas = {track.id: _area(track.box) for track in analysis.tracks}
        if not areas:
            return None
        largest = max(areas, key=lambda face: areas[face])
        if self._largest in areas and areas[largest] < _LARGER * areas[self._largest]:
            return self._largest
        return largest


def _area(box: Floats) -> float:
    return float(np.prod(np.maximum(box[2:] - box[:2], 0)))
