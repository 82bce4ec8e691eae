"""Results in a notebook: the decision first, what decided it, what to do next; never a dump.

All text from cases and packs is escaped: a stranger may have written it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from html import escape
from typing import TYPE_CHECKING

from evenhand.audit.api.records import cell, text_in
from evenhand.audit.words.numbers import estimate, number
from evenhand.audit.words.text import lines as visible_lines

if TYPE_CHECKING:
    from evenhand.audit.case.case import Case
    from evenhand.audit.comparing.compare import Comparison
    from evenhand.policies.pack import Pack
    from evenhand.policies.verdict import Verdict

_SAID = {
    0: "Everything required passes",
    1: "Not passed: something required fails",
    2: "Not passed: no item of the packs applies to this case",
    3: "Undecided: the rows are too few to settle something required",
    4: "Waiting: a person has to answer for something required",
}
_ORDER = ("fail", "error", "inconclusive", "needs-attestation", "warn")
_SHOWN = 12  # items; the rest is counted
_CHARACTERS = 20_000  # of a text


def decision_html(
    case: Case,
    packs: Sequence[Pack],
    verdicts: Sequence[Verdict],
    exit_code: int,
    as_of: date,
) -> str:
    """The decision on a case as a fragment of HTML."""
    from evenhand.policies.gate import counts

    name = _text(case.subject.name)
    if not verdicts:
        head = f"{name}: measured, not judged"
        body = _paragraph(
            f"{len(case.findings)} findings. No policy pack judged them.",
            'Next: evenhand.judge(result, "baseline")',
        )
        return _framed(head, body, case)
    head = f"{name}: {_SAID.get(exit_code, f'exit code {exit_code}')}"
    is_open = [v for v in verdicts if v.status in _ORDER]
    rows = sorted(is_open, key=lambda v: _ORDER.index(v.status))
    lines = "".join(_item(v) for v in rows[:_SHOWN])
    heads = "".join(f"<th>{h}</th>" for h in ("verdict", "item", "number", "why", "next"))
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>" if rows else ""
    more = [f"and {len(rows) - _SHOWN} more: result.verdicts"] if rows[_SHOWN:] else []
    judged_by = f"{', '.join(f'{p.id} {p.version}' for p in packs)} as of {as_of.isoformat()}"
    counted = ", ".join(f"{n} {status}" for status, n in counts(verdicts).items() if n)
    return _framed(head, table + _paragraph(*more, f"{judged_by}: {counted}"), case)


def _item(verdict: Verdict) -> str:
    """One item that is open: its verdict, the number against its threshold, why, what to do."""
    shown = "–"
    if verdict.value is not None:
        interval = verdict.interval
        shown = estimate(verdict.value, (interval.low, interval.high) if interval else None)
        if verdict.threshold is not None:
            shown += f", asked: {verdict.comparator} {number(verdict.threshold)}"
    title = f"{verdict.item} {text_in(verdict.title, 'en')}"
    following = text_in(verdict.fix, "en")
    if verdict.rows_needed:
        following = f"{verdict.rows_needed} more rows would settle it. {following}".strip()
    cells = (verdict.status, title, shown, text_in(verdict.because, "en"), following)
    return f"<tr>{''.join(f'<td>{cell(c)}</td>' for c in cells)}</tr>"


def comparison_html(pair: Comparison, worse: str) -> str:
    """Who is worse off under A as a fragment of HTML; ``worse``: the table of them."""
    a, b = (_text(c.subject.name) for c in (pair.a, pair.b))
    head = f"<p><strong>{a} against {b}</strong>, {pair.n} rows, level {pair.level:g}</p>"
    if not pair.worse:
        return head + _paragraph(
            "No group was shown to be worse off under the first (McNemar, Holm). "
            "In small groups much can go unseen: read the intervals in .results."
        )
    return f"{head}<p>Worse under the first (McNemar, Holm):</p>{worse}"


def document_html(content: bytes, media_type: str, told: str) -> str:
    """A page in a frame that runs no script; a text as it stands; else ``told``."""
    if media_type.startswith("text/html"):
        page = escape(content.decode("utf-8"), quote=True)
        return f'<iframe sandbox srcdoc="{page}" style="width:100%;height:40em"></iframe>'
    if media_type.startswith(("text/", "application/json", "application/xml")):
        return f"<pre>{_text(content.decode('utf-8')[:_CHARACTERS])}</pre>"
    return _paragraph(f"{told}: .save(path)")


def _framed(head: str, body: str, case: Case) -> str:
    place = _text(str(case.path))
    return f"<p><strong>{head}</strong></p>{body}<p>Case: <code>{place}</code></p>"


def _paragraph(*lines: str) -> str:
    return f"<p>{'<br>'.join(_text(line) for line in lines)}</p>"


def _text(text: object) -> str:
    return escape(visible_lines(text))
