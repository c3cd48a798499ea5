"""Times as people read them."""

from math import floor
from typing import Final

MINUS: Final = "\N{MINUS SIGN}"


def timecode(seconds: float, *, digits: int = 0, hour_digits: int = 0, passed: bool = False) -> str:
    """Write a time: ``1:05``, ``1:02:03``, with two digits ``1:05.25``.

    Args:
        seconds: Since the start; below 0 gets a minus sign.
        digits: Behind the seconds.
        hour_digits: Of the hours, at least; 0 writes hours only where there are any.
        passed: Count whole units only, as a clock that runs does; else the nearest is written.
    """
    units = 10**digits
    exact = abs(seconds) * units
    # A product just below a whole number is that number: 0.29 x 100 is 28.999999999999996.
    whole = floor(exact + 1e-6) if passed else round(exact)
    rest, fraction = divmod(whole, units)
    minutes, second = divmod(rest, 60)
    hour, minute = divmod(minutes, 60)
    sign = MINUS if seconds < 0 and whole else ""
    head = f"{hour:0{hour_digits}d}:{minute:02d}" if hour or hour_digits else f"{minute}"
    tail = f".{fraction:0{digits}d}" if digits else ""
    return f"{sign}{head}:{second:02d}{tail}"
