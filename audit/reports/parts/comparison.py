"""Two models on the same rows, as a document to hand over: Markdown, or one page of HTML.

Rendered from ``Comparison.to_json()`` alone, so that a stored comparison reads the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evenhand.audit.reports.parts import pages
from evenhand.audit.reports.parts.text import code, markdown
from evenhand.audit.reports.parts.words import Words, words
from evenhand.audit.words.numbers import number, of_measure, p_value, signed
from evenhand.audit.words.reasons import render_json

_TONES = {"worse": ("✗", "bad"), "better": ("✓", "good"), "changed": ("!", "warn")}
COLUMNS = (
    "cmp_col_group",
    "cmp_col_measure",
    "cmp_col_n",
    "cmp_col_a",
    "cmp_col_b",
    "cmp_col_difference",
    "cmp_col_p",
    "cmp_col_outcome",
)
FORMATS = ("markdown", "html")


def render_comparison(found: Mapping[str, Any], format: str, *, lang: str = "en") -> bytes:
    """The comparison as ``format``, one of FORMATS, in English or Chinese. UTF-8."""
    return (_html if format == "html" else _markdown)(found, words(lang))


def cells(result: Mapping[str, Any], say: Words) -> list[str]:
    """One result as the texts of COLUMNS; why there is no number stands in the last one."""
    group = ", ".join(f"{k}={v}" for k, v in result["group"].items()) or say("cmp_everybody")
    head = [group, say.measure(result["measure"]), f"{result['n']:,}"]
    if result["difference"] is None:
        return [*head, "–", "–", "–", "–", render_json(result, say.lang)]
    ends, p = result["interval"], result["p_adjusted"]
    change = signed(result["difference"])
    if ends is not None:
        change += f" ({signed(ends['low'])}, {signed(ends['high'])})"
    shown = p_value(p)
    outcome = say.term("outcome", result["outcome"])
    return [
        *head,
        of_measure(result["measure"], result["a"]),
        of_measure(result["measure"], result["b"]),
        change,
        shown,
        outcome,
    ]


def verdict_sentence(found: Mapping[str, Any], say: Words) -> str:
    """What may be said about groups that got worse: never more than was shown."""
    if not found["n_worse"]:
        return say("cmp_none_worse", level=number(found["level"]))
    return say("cmp_worse", count=found["n_worse"], level=number(found["level"]))


def facts(document: Mapping[str, Any], say: Words) -> list[tuple[str, str]]:
    """Which cases were compared, and how."""
    named = [(x.upper(), f"{document[x]['name']} ({document[x]['case']})") for x in ("a", "b")]
    by = {"reason": document.get("paired", ""), "reason_codes": document.get("paired_codes") or []}
    paired = [(say("cmp_paired"), render_json(by, say.lang))] if by["reason"] else []
    seals = [(f"{say('md_seal')} {x.upper()}", document[x]["digest"]) for x in ("a", "b")]
    return [
        *named,
        *seals,
        (say("cmp_rows"), f"{document['n']:,}"),
        *paired,
        (say("cmp_test"), document["test"]),
        (say("cmp_interval"), f"{document['interval']}, {number(document['level'])}"),
    ]


def _first_the_worse(results: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    order = {"worse": 0, "better": 1, "changed": 2}
    return sorted(results, key=lambda r: order.get(r["outcome"], 3))


def _markdown(found: Mapping[str, Any], say: Words) -> bytes:
    title = say("cmp_title", a=found["a"]["name"], b=found["b"]["name"])
    lines = [f"## {markdown(title)}", "", markdown(verdict_sentence(found, say)), ""]
    lines += [f"- {markdown(k)}: {code(v)}" for k, v in facts(found, say)]
    heads = [markdown(say(c)) for c in COLUMNS]
    lines += [
        "",
        f"| {' | '.join(heads)} |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for result in _first_the_worse(found["results"]):
        lines.append(f"| {' | '.join(map(markdown, cells(result, say)))} |")
    lines += ["", f"_{markdown(say('cmp_limits'))}_"]
    return ("\n".join(lines) + "\n").encode()


def _html(found: Mapping[str, Any], say: Words) -> bytes:
    rows = [
        (_TONES.get(r["outcome"], ("", "quiet")), cells(r, say))
        for r in _first_the_worse(found["results"])
    ]
    return pages.render(
        "comparison.html.j2",
        say,
        found=found,
        title=say("cmp_title", a=found["a"]["name"], b=found["b"]["name"]),
        sentence=verdict_sentence(found, say),
        facts=facts(found, say),
        columns=COLUMNS,
        rows=rows,
    )
