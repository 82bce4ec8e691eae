"""What can be set beside the subject, each in a model: options of the command line derive from it,
and the keyword arguments of ``import evenhand`` have the same names (``options``)."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from evenhand.policies.gate import WhenInconclusive, WhenPending
from evenhand.policies.verdict import Severity


def report_formats() -> list[str]:
    """The formats of reports, by their files: a new one is in the help, which imports none."""
    folder = Path(__file__).parents[1] / "reports"
    names = [m.name for m in pkgutil.iter_modules([str(folder)]) if not m.ispkg]
    return sorted(n.replace("_", "-") for n in (*names, "evidence"))


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class OpeningSettings(_Settings):
    """What is allowed when a model is opened; ``make_rules`` checks it."""

    allow_pickle: bool = Field(
        default=False, description="open pickles: they run code, in the sandbox (L3) alone"
    )
    allow_weak_isolation: bool = Field(
        default=False, description="open files that C++ parsers read at level L1"
    )
    isolation: Literal["auto", "L1", "L2", "L3"] = Field(
        default="auto", description="auto (the highest there is), or at most L1, L2, L3"
    )
    time_limit: float | None = Field(
        default=None, description="seconds for opening the model, and for each of its answers"
    )
    memory_limit: float | None = Field(
        default=None, description="GiB that the model and its libraries may take (2)"
    )


class Gating(_Settings):
    """How verdicts become an exit code; ``evenhand.policies.gate.exit_code`` checks it."""

    fail_on: Severity = Field(default="high", description="least severity that blocks")
    strict: bool = Field(default=False, description="warnings fail too")
    inconclusive: WhenInconclusive = Field(
        default="report", description="report (exit 3), fail (exit 1) or warn (exit 0)"
    )
    attestations: WhenPending = Field(
        default="require", description="require (exit 4) or warn (exit 0)"
    )
    baseline: Path | None = Field(
        default=None, description="an earlier case: only what got worse since blocks"
    )
    as_of: date | None = Field(default=None, description="judge as on this day (default: today)")


class Running(_Settings):
    """How an audit runs."""

    resume: bool = Field(default=False, description="go on with the same audit, which was cut off")
    cache: bool = Field(
        default=True, description="take what is known from earlier runs; else measure it again"
    )


class Judging(_Settings):
    """What judges a case that exists."""

    policy: tuple[str, ...] = Field(
        default=(), description="pack ids or paths of packs (default: those it was planned for)"
    )
    compare_to: Path | None = Field(
        default=None, description="another case, for items that ask for no worse"
    )


class Stating(_Settings):
    """What somebody states of a sealed case; nothing is measured again for it."""

    facts: Mapping[str, Any] = Field(
        default_factory=dict, description="state a fact of this case, with --by: KEY=VALUE"
    )
    roles: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="state which column holds a trait, with --by: ROLE=COLUMN",
    )
    by: str | None = Field(default=None, description="who states it")


class PersonSettings(_Settings):
    """Whose decision is explained, and where what was audited lies now."""

    row: str | None = Field(
        default=None, description="row of the data file, from 1; or an id of --id-column"
    )
    id_column: str | None = Field(
        default=None, description="column that --row is a value of; needs the data file"
    )
    model: str | None = Field(
        default=None, description="where the audited model is now, if it was moved"
    )
    data: str | None = Field(
        default=None, description="where the audited data file is now, if it was moved"
    )


class Language(_Settings):
    """In which language it is said."""

    lang: Literal["en", "zh"] = Field(default="en", description="en or zh")


class Comparing(_Settings):
    """How two cases are held against each other."""

    level: float = Field(default=0.95, description="confidence level")
    id: str | None = Field(
        default=None,
        description="column that names each person, where two files of the same people were audited"
        " (default: the audits' own --id, else rows that are equal but for the predictions)",
    )
    data_a: str | None = Field(
        default=None, description="where the file that case A audited is now, if it was moved"
    )
    data_b: str | None = Field(default=None, description="the same of case B")
    format: str = Field(default="table", description="table, or markdown or html to hand over")
    out: Path | None = Field(default=None, description="file to write")


class Reporting(_Settings):
    """What is made of a case for others to read."""

    format: str = Field(
        default="html", description=f"which document: {', '.join(report_formats())}"
    )
    out: Path | None = Field(default=None, description="file to write")
    of: str = Field(default="html", description="the page that --format pdf prints")
    appendix: bool = Field(
        default=False, description="print in a PDF all that is folded on the page: every finding"
    )
    letter: Path | None = Field(
        default=None,
        description="the creditor's own text of an adverse-action letter, with {reasons} in it",
    )
    public: bool = Field(
        default=False, description="withhold groups under 10 people, and what gives them away"
    )
