"""GitHub: workflow annotations, one line each, worst first; the summary is the Markdown report.

A step's log reads workflow commands, its summary is a file of Markdown: two streams. ``evenhand
report --format github`` prints the annotations and appends the Markdown report to the file that
GITHUB_STEP_SUMMARY names.
"""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.audit.case.case import Case
from evenhand.audit.reports.parts import outline
from evenhand.audit.reports.parts.dossier import Dossier
from evenhand.audit.reports.parts.places import place_of
from evenhand.audit.reports.parts.words import Words, words
from evenhand.audit.words.text import short, visible
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import SEVERITIES, Verdict

MEDIA_TYPE = "text/plain; charset=utf-8"
SUFFIX = ".txt"
DESCRIPTION = "GitHub Actions: annotations on stdout, and the step summary in Markdown."

# The host shows ten annotations of a kind for each step, and a summary of up to one mebibyte.
MOST_OF_A_KIND = 10
MOST_BYTES = 1 << 20


def render(
    case: Case,
    verdicts: Sequence[Verdict],
    *,
    lang: str,
    gate: Gate | None,
    dossier: Dossier,
) -> bytes:
    """The annotations. What a kind has beyond ten is counted in one of its lines.

    What makes the gate fail is an error, all else a warning.
    """
    say = words(lang)
    by_kind: dict[str, list[str]] = {"error": [], "warning": []}
    for verdict in outline.pressing(verdicts, outline.FAILING | outline.OPEN):
        kind = "error" if _blocks(verdict, gate) else "warning"
        by_kind[kind].append(_annotation(kind, case, verdict, dossier, say))
    lines = []
    for kind, found in by_kind.items():
        if len(found) > MOST_OF_A_KIND:
            more = say("gh_more", count=len(found) - MOST_OF_A_KIND + 1)
            found = [*found[: MOST_OF_A_KIND - 1], f"::{kind} title=evenhand::{message(more)}"]
        lines += found
    if not lines:
        lines = [f"::notice title=evenhand::{message(_quiet(verdicts, say))}"]
    lines.append(f"::notice title=evenhand::{message(say('gh_source', digest=case.digest))}")
    return ("\n".join(lines) + "\n").encode()


def within_limit(summary: bytes, lang: str) -> bytes:
    """The step summary, cut at a line where it would be too large for the host."""
    if len(summary) <= MOST_BYTES:
        return summary
    note = f"\n\n{words(lang)('gh_cut')}\n".encode()
    kept = summary[: MOST_BYTES - len(note)]
    return kept[: kept.rfind(b"\n")] + note


def _quiet(verdicts: Sequence[Verdict], say: Words) -> str:
    return f"{say('nothing_fails')} {say('nothing_open')}" if verdicts else say("no_packs")


def _blocks(verdict: Verdict, gate: Gate | None) -> bool:
    """Whether a required item fails (or crashed) and is severe enough for the gate as it is set."""
    least = Gate.fail_on if gate is None else gate.fail_on
    grave = SEVERITIES[: [str(s) for s in SEVERITIES].index(least) + 1]
    fails = verdict.status in outline.FAILING and verdict.obligation == "must"
    return fails and verdict.severity in grave


def _annotation(kind: str, case: Case, verdict: Verdict, dossier: Dossier, say: Words) -> str:
    place = place_of(case, verdict, dossier)
    title = short(f"{verdict.pack} {verdict.item}: {say.pick(verdict.title)}", 200)
    properties = [f"title={_property(title)}"]
    if place is not None and place.is_in_repository:
        properties = [f"file={_property(place.file)}", f"line={place.line}", *properties]
    word = say.term("status", verdict.status)
    told = f"{word} ({say.term('severity', verdict.severity)}): {say.pick(verdict.because)}"
    return f"::{kind} {','.join(properties)}::{message(short(told, 1000))}"


def message(text: str) -> str:
    """Text as the message of a workflow command: one line, no command within it.

    >>> message("50 % off\\n::error::x")
    '50 %25 off ⟨U+003A⟩:error::x'
    """
    return visible(text).replace("%", "%25")


def _property(text: str) -> str:
    escaped = message(text).replace(":", "%3A")
    return escaped.replace(",", "%2C")
