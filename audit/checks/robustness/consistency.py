"""Does the model answer the audit as it would answer anybody?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from evenhand.audit.asking.consistency import ELSEWHERE, FRESH, ORDER, Consistency, ask_again
from evenhand.audit.checks.record import Recorder
from evenhand.audit.finding import Finding
from evenhand.audit.reason import Reasons, because
from evenhand.audit.subject.sampling import sample
from evenhand.audit.subject.subject import Subject
from evenhand.audit.words.numbers import number

QUESTION = "Does the same row get the same answer, however, whenever and wherever it is asked?"
TASKS = frozenset({"binary", "multiclass", "regression", "generation"})
NEEDS = frozenset({"model"})
SOURCE = (
    "Higham and Mary 2019, theorem 2.4 (what rounding explains); Wilson 1927; the defeat device of "
    "40 CFR 1037.801, for what is looked for"
)
COST = "fast"
MEASURES = {
    "inconsistent_answer_rate": "share of rows that got another answer, beyond rounding, in "
    "another order, batch or process, when asked again, or at another time",
    "largest_answer_difference": "largest such difference between two answers to one row; 0 where "
    "all agree up to rounding",
}
_UNITS = {"regression": "target unit", "generation": "nat"}


def measure(
    subject: Subject, *, seed: int, levels: Sequence[float], rows: int = 1000
) -> Iterator[Finding]:
    """Yields the share of ``rows`` sampled rows with inconsistent answers, and the largest change.

    A row counts where any answer lies further from the one that was audited than the precision
    of the model's answers explains (``evenhand.audit.measure.rounding``), or where it is refused.
    """
    from evenhand.audit.measure.uncertainty.intervals import rate

    record = Recorder(__name__, seed)
    chosen = sample(subject, rows, record.stream("sample"))
    answers = ask_again(subject, chosen, record.stream("order"))
    n, k = len(answers.differs), int(answers.differs.sum())
    estimate = rate(k, n, levels, empty=because("no-rows"))
    how = _how(answers, n, subject.n)
    yield record.write(
        "inconsistent_answer_rate",
        replace(estimate, method=f"{estimate.method}; {how}"),
        note=_note(answers),
        random=True,
    )
    yield record.plain(
        "largest_answer_difference",
        answers.largest,
        n=n,
        unit=_UNITS.get(subject.task, "probability"),
        note=_note(answers),
        random=True,
    )


def _how(found: Consistency, n: int, of: int) -> str:
    ways = ", ".join(f"{w.name} ({w.asked})" for w in found.ways)
    precision = found.precision
    left = f"; not varied: {', '.join(found.left_out)}" if found.left_out else ""
    return (
        f"{n} of {of} rows asked again: {ways}{left}; rounding in {precision.name} explains "
        f"{number(precision.tolerance)}"
    )


def _note(found: Consistency) -> Reasons:
    """What differed and what that looks like; () for a model that is consistent."""
    note = because("decided-by-chance", n=found.drawn) if found.drawn else ()
    if found.differs.any():
        told = [w for w in found.ways if w.differing]
        ways = [because("way-differs", way=w.name, n=w.differing, asked=w.asked)[0] for w in told]
        note += because("answers-differ", ways=ways) + _looks_like(found)
        note += because("refused", what=found.refusals[0]) if found.refusals else ()
    return note


def _looks_like(found: Consistency) -> Reasons:
    """The most ordinary cause of what differed: most such models are no cheats."""
    moved = {w.name for w in found.ways if w.differing}
    if found.repeats_differ:
        return because("answers-random-layer")
    if moved == {ELSEWHERE}:
        return because("answers-clock")
    if moved <= {FRESH, ELSEWHERE}:
        return because("answers-state")
    if ORDER in moved and not moved & {FRESH, ELSEWHERE}:
        return because("answers-counted-calls")
    return because("answers-batch")
