"""Texts of users and files in Qt's widgets, which read more into them than is there.

Buttons and menus take ``&`` for the mark of a key, tips and labels take ``<b>`` for HTML.
"""

import html
import re
from typing import Final

MENU_LETTERS: Final = 40  # of a text that may have any length


def literal(text: str) -> str:
    """Give a text for a button, an action or a tab, which shows it as it is."""
    return text.replace("&", "&&")


def without_marks(text: str) -> str:
    """Give the text of a button or an action as it is shown."""
    return re.sub(r"&(.)", r"\1", text)


def tip(text: str) -> str:
    """Give a text for a tool tip, which shows it as it is."""
    looks_rich = "<" in text or "&lt;" in text  # as `Qt::mightBeRichText`
    return f"<span>{html.escape(text, quote=False)}</span>" if looks_rich else text


def without_options(message: str) -> str:
    """Give what the engine says without advice that names an option, which no window has.

    Its messages say what is wrong, then, behind a semicolon, what to do.
    """
    clauses = message.split("; ")
    kept = [clause for clause in clauses if not re.search(r"(^|\s)--[a-z]", clause)]
    return "; ".join(kept) or message


def shortened(text: str, letters: int = MENU_LETTERS) -> str:
    """Give a text of at most so many letters."""
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"
