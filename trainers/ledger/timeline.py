"""The privacy ledger as it grew: line by line, how many steps counted and what they spent so far.

``ledger.read_ledger`` says what a ledger adds up to; this says in which order it came about. What
is spent is the composition of everything counted up to a line, by the accountant of the total.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evenhand.audit.files.chain import read_lines
from evenhand.trainers.ledger.record import KINDS, LedgerRecord
from evenhand.trainers.private.accounting import spent
from evenhand.trainers.private.bracket import Segment

# Each line that is kept is accounted for: a ledger of a hundred blocks would take a minute.
_MOST_AHEAD = 6
_MOST_LINES = 24


def timeline(file: Path, record: LedgerRecord) -> dict[str, Any]:
    """The ledger at ``file``, that was read as ``record``, as plain JSON.

    ``entries`` are lines in their order: ``seq`` (the line's number), ``at`` (ISO time), ``event``
    (opened, ahead, checkpoint, paused, closed), ``steps`` (counted so far) and ``epsilon`` (of
    these steps, at the ledger's delta). Of lines written ahead and of checkpoints some are left
    out; ``n_lines`` is how many lines the ledger has.
    """
    lines = read_lines(file, kinds=KINDS, may_be_torn=True)
    counted = _counted(lines, record)
    kept = _kept([str(line["kind"]) for line in lines])
    rows = max(opened.rows_per_unit for opened in record.runs)
    entries = []
    for i in kept:
        spending = spent(counted[i], record.delta, rows_per_unit=rows)
        entries.append(
            {
                "seq": int(lines[i]["seq"]),
                "at": str(lines[i]["at"]),
                "event": str(lines[i]["kind"]),
                "steps": sum(s.steps for s in counted[i]),
                "epsilon": spending.epsilon,
                "accountant": spending.accountant,
            }
        )
    return {"entries": entries, "n_lines": len(lines)}


def _counted(lines: Sequence[dict[str, Any]], record: LedgerRecord) -> list[tuple[Segment, ...]]:
    """After each line: the segments with the steps that count by then.

    Steps written ahead count before they are taken; a pause or an end counts those that were. A
    segment without lines written ahead is authorised whole by its opening line.
    """
    segments: list[tuple[Segment, ...]] = []
    steps: list[int] = []
    for line in lines:
        kind, body = line["kind"], line["body"]
        if kind == "opened":
            opened = record.runs[len(steps)]
            steps.append(0 if opened.writes_ahead else opened.planned_steps)
        elif kind == "ahead":
            steps[-1] = int(body["through"])
        elif kind in ("paused", "closed"):
            steps[-1] = int(body["executed_steps"])
        segments.append(
            tuple(
                Segment(run.noise_multiplier, run.sample_rate, n)
                for run, n in zip(record.runs, steps, strict=False)
            )
        )
    return segments


def _kept(kinds: Sequence[str]) -> list[int]:
    """Which lines are told: where segments open and end, and between them some of the others.

    >>> _kept(["opened", "ahead", "ahead", "closed"])
    [0, 1, 2, 3]
    """
    turns = [i for i, kind in enumerate(kinds) if kind not in ("ahead", "checkpoint")]
    others = [i for i, kind in enumerate(kinds) if kind in ("ahead", "checkpoint")]
    return sorted({*_spread(turns, _MOST_LINES), *_spread(others, _MOST_AHEAD)})


def _spread(places: Sequence[int], most: int) -> list[int]:
    """``most`` of the places, evenly, the first and the last among them.

    >>> _spread([0, 1, 2, 3, 4], 3)
    [0, 2, 4]
    """
    if len(places) <= most:
        return list(places)
    return [places[round(i * (len(places) - 1) / (most - 1))] for i in range(most)]
