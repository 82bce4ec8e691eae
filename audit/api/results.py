"""What the public API answers: a judged case, a document, a comparison, as objects."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.api.records import (
    FINDING_COLUMNS,
    PAIRED_COLUMNS,
    VERDICT_COLUMNS,
    Records,
    finding_row,
    paired_row,
    text_in,
    verdict_row,
)
from evenhand.audit.errors import InputError

if TYPE_CHECKING:
    from evenhand.audit.case.case import Case
    from evenhand.audit.comparing.compare import Comparison, Paired
    from evenhand.audit.comparing.drift import ExplanationDrift
    from evenhand.audit.finding import Finding
    from evenhand.policies.gate import Gate
    from evenhand.policies.pack import Pack
    from evenhand.policies.verdict import Verdict

SETTLED = ("pass", "attested", "not-applicable", "not-yet-applicable", "waived")


@dataclass(frozen=True, eq=False)
class Result:
    """A sealed case and what packs say about it: what audits and judging answer.

    ``case`` is the evidence, ``packs`` what judged it, ``judged`` the verdicts in the packs' order,
    ``gate`` how they became an exit code, ``as_of`` the day they hold for.
    """

    case: Case
    packs: tuple[Pack, ...]
    judged: tuple[Verdict, ...]
    gate: Gate
    as_of: date

    @cached_property
    def findings(self) -> Records[Finding]:
        """What was measured, one row a number (or the reason why there is none)."""
        return Records(self.case.findings, FINDING_COLUMNS, finding_row)

    @cached_property
    def verdicts(self) -> Records[Verdict]:
        """What the packs say, one row an item; empty where no pack was asked for."""
        return Records(self.judged, VERDICT_COLUMNS, verdict_row)

    @property
    def exit_code(self) -> int:
        """What the command would return: 0 where everything required passes, or nothing was judged;
        see ``evenhand --help``."""
        return self.gate.exit_code

    @property
    def passed(self) -> bool | None:
        """Whether everything that the packs require passes; None where no pack judged."""
        return None if not self.judged else self.exit_code == 0

    @property
    def open_items(self) -> tuple[Verdict, ...]:
        """The verdicts that are not settled: failed, warned of, undecided, waiting for people."""
        return tuple(v for v in self.judged if v.status not in SETTLED)

    def require(self) -> Result:
        """Itself, if everything required passes. Raises AssertionError that names what does not."""
        if self.exit_code:
            raise AssertionError(f"the pack is not met\n{self}")
        return self

    def save(self, path: str | Path) -> Path:
        """Copies the sealed case to a new folder; with its signatures to one file for ``.zip``.

        Raises InputError where something is there already. Returns where it was written.
        """
        place = Path(path)
        if place.exists():
            raise InputError("{place} exists already", remedy="choose another place", place=place)
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.suffix == ".zip":
            from evenhand.audit.files.disk import write_whole
            from evenhand.audit.run.flow import packs_for
            from evenhand.audit.run.handing_over import hand_over

            write_whole(place, hand_over(self.case, packs_for(self.case)).archive)
        else:
            shutil.copytree(self.case.path, place)
        return place

    def __str__(self) -> str:
        lines = [
            f"{v.pack}:{v.item} {v.status}: {text_in(v.title, 'en')}: {text_in(v.because, 'en')}"
            for v in self.open_items
        ]
        return "\n".join([*lines, f"exit code {self.exit_code}, case {self.case.path}"])

    def __repr__(self) -> str:
        said = {None: "not judged", True: "passed", False: "not passed"}[self.passed]
        return (
            f"<audit of {self.case.subject.name!r}: {said}, exit code {self.exit_code}, "
            f"{len(self.findings)} findings, {len(self.judged)} verdicts>"
        )

    def _repr_html_(self) -> str:
        """The decision, the numbers that made it, and what to do next."""
        from evenhand.audit.api.notebook import decision_html

        return decision_html(self.case, self.packs, self.judged, self.exit_code, self.as_of)


@dataclass(frozen=True)
class Document:
    """A report: its bytes, what kind they are of, and a usual name for a file of them."""

    format: str
    content: bytes
    media_type: str
    suffix: str

    @property
    def text(self) -> str:
        """The document as text. Raises InputError for one that is none (pdf)."""
        try:
            return self.content.decode("utf-8")
        except UnicodeDecodeError:
            raise InputError(
                "a report of format {format!r} is no text",
                remedy="use .content or .save",
                format=self.format,
            ) from None

    def save(self, path: str | Path) -> Path:
        """Writes it whole or not at all, over what is there. Returns where it was written."""
        from evenhand.audit.files.disk import write_whole

        place = Path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, self.content)
        return place

    def __repr__(self) -> str:
        return f"<{self.format} report, {len(self.content)} bytes>"

    def _repr_html_(self) -> str:
        """A page in a frame of its own, which runs no script; anything else by its text."""
        from evenhand.audit.api.notebook import document_html

        return document_html(self.content, self.media_type, repr(self))


@dataclass(frozen=True, eq=False)
class Compared:
    """Case A held against case B, person by person on the same rows."""

    comparison: Comparison
    explanations: ExplanationDrift

    @cached_property
    def results(self) -> Records[Paired]:
        """One row a measure and group: both values, the difference A minus B, McNemar's test."""
        return Records(self.comparison.results, PAIRED_COLUMNS, paired_row)

    @property
    def worse(self) -> Records[Paired]:
        """The groups that A serves worse than B, beyond chance."""
        return Records(self.comparison.worse, PAIRED_COLUMNS, paired_row)

    @property
    def passed(self) -> bool:
        """Whether no group was shown to be worse off under A. (Not shown is not: no worse.)"""
        return not self.comparison.worse

    @property
    def exit_code(self) -> int:
        """0: a comparison that was made. The command returns the same; packs judge differences."""
        return 0

    def to_json(self) -> dict[str, Any]:
        """Everything as plain JSON types, as ``evenhand compare --json`` has it."""
        return {**self.comparison.to_json(), "explanations": self.explanations.to_json()}

    def save(self, path: str | Path, *, lang: str = "en") -> Path:
        """Writes it as HTML, Markdown or JSON, by the suffix (.html, .md, .json)."""
        import json

        from evenhand.audit.files.disk import write_whole
        from evenhand.audit.reports.parts.comparison import render_comparison

        place = Path(path)
        known = {".html": "html", ".md": "markdown"}
        if place.suffix == ".json":
            text = json.dumps(self.to_json(), ensure_ascii=False, indent=2, allow_nan=False)
            content = text.encode()
        elif place.suffix in known:
            content = render_comparison(self.to_json(), known[place.suffix], lang=lang)
        else:
            raise InputError(
                "a comparison is not written as {suffix}",
                remedy="end the name with .html, .md or .json",
                suffix=place.suffix or "a file without a suffix",
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, content)
        return place

    def __repr__(self) -> str:
        return (
            f"<comparison on {self.comparison.n} rows: {len(self.worse)} of {len(self.results)} "
            "results worse under A>"
        )

    def _repr_html_(self) -> str:
        """Who is worse off under A; else how far to trust that nobody was shown to be."""
        from evenhand.audit.api.notebook import comparison_html

        return comparison_html(self.comparison, self.worse._repr_html_())
