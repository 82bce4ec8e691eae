"""What a home keeps of rows for longer than was declared (``keep_days`` of a subject).

The term begins when an audit ends; it stands in the plan, which is sealed. Copies for convenience
(kept answers, unfinished work, uploads that were audited) may go. Sealed cases never change: those
that hold something of rows are named, and whoever owns them removes the folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from evenhand.audit.case.case import artifact_files, read_case
from evenhand.audit.case.work import RUN_FILE, unfinished
from evenhand.audit.errors import EvenhandError
from evenhand.audit.register.register import home
from evenhand.audit.run.forgetting import (
    Held,
    as_document,
    kept_answer,
    known_cases,
    received,
)

# Keys under which artifacts hold something of single rows, by number or by position.
_OF_ROWS = frozenset(("rows", "people", "selected", "texts", "inputs", "row"))


def expired(on: date | None = None) -> list[Held]:
    """Every place that holds rows whose declared term was over by ``on`` (default: today, UTC)."""
    day = on or datetime.now(UTC).date()
    return [*_answers(day), *_works(day), *_cases_and_uploads(day), *_archives(day)]


def last_day(keep_days: int, ended: str | None) -> date | None:
    """The last day of a term that began at ``ended`` (ISO 8601); None where that is no time."""
    try:
        return datetime.fromisoformat(str(ended)).date() + timedelta(days=keep_days)
    except (ValueError, OverflowError):
        return None


def holds_rows(document: Any) -> bool:
    """Whether an artifact's JSON holds something of single rows."""
    if isinstance(document, Mapping):
        return any(document.get(key) for key in _OF_ROWS) or any(map(holds_rows, document.values()))
    return isinstance(document, list) and any(map(holds_rows, document))


def _is_over(keep_days: Any, ended: Any, day: date) -> bool:
    if not isinstance(keep_days, int):
        return False  # no term was declared
    until = last_day(keep_days, str(ended))
    return until is not None and until < day


def _answers(day: date) -> Iterator[Held]:
    for path in sorted((home() / "cache").glob("*/*.json")):
        said = kept_answer(path)
        if _is_over(said.get("keep_days"), said.get("kept_at"), day):
            yield Held("cache", path)


def _works(day: date) -> Iterator[Held]:
    folders = sorted({path.parent for path in known_cases()} | {home() / "cases"})
    for work in (w for folder in folders for w in unfinished(folder)):
        run = as_document((work / RUN_FILE).read_bytes())
        if _is_over((run.get("plan") or {}).get("keep_days"), run.get("started_at"), day):
            yield Held("unfinished", work)


def _archives(day: date) -> Iterator[Held]:
    """What others handed over, by the term that they declared."""
    for archive, place in received():
        case = read_case(place)
        is_over = _is_over(case.plan.keep_days, case.environment.finished_at, day)
        if is_over and (rows := _of_rows(place)):
            yield Held("archive", archive, rows)


def _of_rows(case: Path) -> tuple[str, ...]:
    """The artifacts of a case that hold something of single rows."""
    files = (n for n in artifact_files(case) if n.endswith(".json"))
    return tuple(n for n in files if holds_rows(as_document((case / n).read_bytes())))


def _cases_and_uploads(day: date) -> Iterator[Held]:
    uploads = (home() / "uploads").resolve()
    still: set[Path] = set()
    over: set[Path] = set()
    for place in known_cases():
        try:
            case = read_case(place)
        except (EvenhandError, OSError):
            continue  # an altered case is `verify`'s to tell
        is_over = _is_over(case.plan.keep_days, case.environment.finished_at, day)
        data = Path(case.plan.subject.data.path or "").resolve()
        if data.is_relative_to(uploads) and data.is_file():
            (over if is_over else still).add(data)
        if is_over and (rows := _of_rows(place)):
            yield Held("case", place, rows)
    yield from (Held("upload", path) for path in sorted(over - still))
