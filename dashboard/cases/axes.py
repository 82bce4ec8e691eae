"""The axes along which findings are laid out, and their names."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, unquote

from evenhand.audit.finding import Finding
from evenhand.audit.words.text import visible
from evenhand.dashboard.i18n import Translator


def axis(finding: Finding) -> str:
    """What a chart would spread the finding over: features joined by ``&``, and ``#`` for columns.

    Empty for a finding about all rows or about a gap.
    """
    return "&".join(quote(k, safe="") for k in sorted(finding.group)) + "#" * bool(finding.column)


def axis_label(key: str, t: Translator) -> str:
    """An axis in words."""
    features = " × ".join(unquote(part) for part in key.rstrip("#").split("&") if part)
    parts = [features] if features else []
    if key.endswith("#"):
        parts.append(t("axis.columns"))
    return visible(", ".join(parts))


def axes(findings: Iterable[Finding]) -> list[str]:
    """Every axis that the findings can be spread over, those of one feature first."""
    keys = {axis(f) for f in findings} - {""}
    return sorted(keys, key=lambda key: (key.count("&"), key))
