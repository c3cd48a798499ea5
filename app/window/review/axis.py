"""The axis of time."""

from typing import Any

import pyqtgraph as pg

from app.window.language import clock


class TimeAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph has no types
    """Seconds as minutes and seconds."""

    def tickStrings(self, values: Any, scale: float, spacing: float) -> list[str]:  # noqa: ANN401
        """Write the ticks."""
        digits = 0 if spacing >= 1 else 1 if spacing >= 0.1 else 2
        return [clock(value, digits=digits) for value in values]
