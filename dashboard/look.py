"""How a status looks: a sign, an icon and a colour, always beside its word.

The colours are Okabe and Ito's that keep a contrast of 3:1 on white and on Streamlit's dark page.
"""

from __future__ import annotations

from dataclasses import dataclass

from evenhand.audit.finding import Status
from evenhand.dashboard.i18n import Translator
from evenhand.policies.verdict import VerdictStatus

BLUE, VERMILION, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#808495"
INK, INK_DARK = "#31333f", "#fafafa"  # words in a chart, on a light and on a dark page
# Of a chart's groups: colour, dashes and shape change together, none of them carries it alone.
SERIES = (BLUE, VERMILION, GREEN, PURPLE, GREY)
SERIES_DASHES: tuple[list[int], ...] = ([1, 0], [8, 3], [3, 3], [10, 3, 2, 3])
SERIES_SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")


@dataclass(frozen=True)
class Look:
    """``sign`` for tables, ``icon`` (a Material symbol) and ``colour`` (Streamlit's) for pages."""

    sign: str
    icon: str
    colour: str


VERDICT: dict[VerdictStatus, Look] = {
    "pass": Look("✓", "check_circle", "green"),
    "fail": Look("✗", "cancel", "red"),
    "warn": Look("△", "warning", "red"),
    "inconclusive": Look("?", "help", "violet"),
    "needs-attestation": Look("✎", "edit_note", "blue"),
    "attested": Look("☑", "how_to_reg", "green"),
    "not-applicable": Look("–", "remove_circle_outline", "gray"),
    "not-yet-applicable": Look("◷", "schedule", "gray"),
    "waived": Look("◇", "gavel", "violet"),
    "error": Look("‼", "report", "red"),
}
FINDING: dict[Status, Look] = {
    "measured": Look("●", "straighten", "blue"),
    "undefined": Look("∅", "help", "violet"),
    "not_applicable": Look("–", "remove_circle_outline", "gray"),
    "skipped": Look("»", "skip_next", "gray"),
    "error": Look("‼", "report", "red"),
}


def verdict_word(status: VerdictStatus, t: Translator) -> str:
    """Sign and word, for a table cell."""
    return f"{VERDICT[status].sign} {t(f'verdict.{status}')}"


def verdict_markdown(status: VerdictStatus, t: Translator) -> str:
    """Coloured icon and bold word, for a page."""
    look = VERDICT[status]
    return f":{look.colour}[:material/{look.icon}:] **{t(f'verdict.{status}')}**"


def finding_word(status: Status, t: Translator) -> str:
    """Sign and word, for a table cell."""
    return f"{FINDING[status].sign} {t(f'finding.{status}')}"


def finding_markdown(status: Status, t: Translator) -> str:
    """Coloured icon and bold word, for a page."""
    look = FINDING[status]
    return f":{look.colour}[:material/{look.icon}:] **{t(f'finding.{status}')}**"
