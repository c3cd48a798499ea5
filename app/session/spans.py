"""Stretches of one label, and what of them can be read."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch in which a face shows one label.

    Attributes:
        start_s: Time of its first frame.
        end_s: When the next span begins, or the last frame ends.
        label: What it shows; empty where no network knew expressions.
        corrected: True if a person set its label.
    """

    start_s: float
    end_s: float
    label: str
    corrected: bool


def whoever(spans: list[Span]) -> list[Span]:
    """Join spans of one label that follow each other, those of a person and of a network."""
    joined: list[Span] = []
    for span in spans:
        before = joined[-1] if joined else None
        if before is None or (before.label, before.end_s) != (span.label, span.start_s):
            joined.append(span)
        else:
            by_hand = before.corrected or span.corrected
            joined[-1] = replace(before, end_s=span.end_s, corrected=by_hand)
    return joined


def readable(spans: list[Span], least_s: float) -> list[Span]:
    """Give the spans that last, and put short ones in a row under what they show mostly.

    A row of short spans is cut where it has lasted; each piece takes the label that fills more than
    half of it. A piece without one, or too short itself, is left out: a gap. What is short between
    two silences is kept. Who said what is no matter: nobody reads that in a subtitle.
    """
    spans = whoever(spans)
    starts = [i for i, span in enumerate(spans) if not i or spans[i - 1].end_s != span.start_s]
    found: list[Span] = []
    for start, end in zip(starts, [*starts[1:], len(spans)], strict=True):
        run = spans[start:end]
        whole_s = round(run[-1].end_s - run[0].start_s, 6)
        found += [
            piece for row in _rows(run, least_s) for piece in _mostly(row, min(least_s, whole_s))
        ]
    return found


def _rows(run: list[Span], least_s: float) -> list[list[Span]]:
    """Cut spans that follow each other: those that last by themselves, short ones in rows."""
    rows: list[list[Span]] = []
    row: list[Span] = []
    for span in run:
        if _lasts(span) >= least_s:
            rows += [row, [span]]
            row = []
        else:
            row.append(span)
            if round(span.end_s - row[0].start_s, 6) >= least_s:
                rows.append(row)
                row = []
    return [row for row in (*rows, row) if row]


def _lasts(span: Span) -> float:
    return round(span.end_s - span.start_s, 6)  # differences of times have crumbs


def _mostly(row: list[Span], least_s: float) -> list[Span]:
    whole = Span(row[0].start_s, row[-1].end_s, "", corrected=False)
    shares: dict[str, float] = {}
    for span in row:
        shares[span.label] = shares.get(span.label, 0.0) + _lasts(span)
    label = max(shares, key=lambda name: shares[name])
    if _lasts(whole) < least_s or shares[label] <= 0.5 * _lasts(whole):
        return []
    by_hand = any(span.corrected for span in row if span.label == label)
    return [Span(whole.start_s, whole.end_s, label, by_hand)]
