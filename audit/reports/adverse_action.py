"""Adverse action: one person's principal reasons, in words ready to be put into a letter.

The reasons are those of the check ``explanation.reasons`` (``evenhand.audit.run.one_person`` brings
them): inputs that moved the decision against the person, compared with a typical applicant who was
decided
favourably. A sensitive feature is never named as one. At most four are given: more seldom help
(commentary on 12 CFR 1002.9(b)(2)).
"""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.audit.artifacts.artifact import Cell
from evenhand.audit.artifacts.person import Explanation, PersonReasons, StatedReason
from evenhand.audit.case.case import Case
from evenhand.audit.errors import InputError
from evenhand.audit.reports.letters.letter import (
    PLACES,
    as_coarse_as,
    column_in_words,
    default_letter,
    filled,
    is_code,
)
from evenhand.audit.reports.parts import explained
from evenhand.audit.reports.parts.document import (
    Block,
    Bullets,
    Gap,
    Letter,
    ReportDocument,
    Section,
    Text,
    page,
)
from evenhand.audit.reports.parts.dossier import Dossier
from evenhand.audit.reports.parts.words import Words, words
from evenhand.audit.words.roles import lawful_reasons
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import Verdict

MEDIA_TYPE = "text/html; charset=utf-8"
SUFFIX = ".html"
DESCRIPTION = "One person's principal reasons, ready for a letter (--row ID)."

MOST_REASONS = 4
_STANDINGS = {
    "below": ("aa_below", "aa_below_unsaid"),
    "above": ("aa_above", "aa_above_unsaid"),
    "different": ("aa_different", "aa_different_unsaid"),
    "given": ("aa_given", "aa_given_unsaid"),
    "missing": ("aa_missing", "aa_missing"),
}
# What a letter must also say and no audit can know (12 CFR 1002.9; 15 USC 1681m).
_PEOPLE = ("creditor", "decision", "agency", "report", "contact")


def render(
    case: Case,
    verdicts: Sequence[Verdict],
    *,
    lang: str,
    gate: Gate | None,
    dossier: Dossier,
) -> bytes:
    """The page. Raises InputError where no row was asked for, in public reports, for a decision
    that is not adverse, and where no reason may be named."""
    person, held = _person(case, dossier)
    say = words(lang)
    may_be_named = nameable(case, held)
    reasons = may_be_named[:MOST_REASONS]
    if not reasons:
        raise InputError(
            "no reason can be named for row {row}: no input that may be named moved the "
            "decision against the person",
            remedy="have a person review this decision before any letter is sent",
            row=person.row,
        )
    lines = [f"{i}. {_line(r, case, say)}" for i, r in enumerate(reasons, start=1)]
    letter = filled(dossier.letter or default_letter(lang), lines, _known(case, say), say)
    document = ReportDocument(
        kind=say("aa_kind"),
        title=say("aa_title", row=person.row, name=case.subject.name),
        lead=(say("aa_lead"), say("aa_how")),
        sections=(
            Section(say("aa_letter"), (Letter(letter),)),
            Section(say("aa_staff"), tuple(_staff(case, person, held, may_be_named, say))),
            Section(say("aa_open"), tuple(_gaps(case, say)), say("aa_open_asks")),
        ),
        notice=say("aa_notice"),
    )
    return page(document, case, dossier, say)


def _person(case: Case, dossier: Dossier) -> tuple[Explanation, PersonReasons]:
    if case.plan.published:
        raise InputError(
            "an adverse action notice is about one person and is never public",
            remedy="leave out --public, and hand it to that person alone",
        )
    if dossier.person is None:
        raise InputError(
            "an adverse action notice is about one person, and none was named",
            remedy="name the row of the data file: --row 12, or --row ID --id-column COLUMN",
        )
    person = dossier.person
    if not person.is_adverse:
        raise InputError(
            "row {row} was decided favourably: there is nothing to give reasons for",
            remedy="choose a row with an adverse decision",
            row=person.row,
        )
    if person.reasons is None:
        raise InputError(
            "the case keeps no reasons for row {row}",
            remedy="pass --model and --data as they were audited",
            row=person.row,
        )
    return person, person.reasons


def nameable(case: Case, reasons: PersonReasons) -> list[StatedReason]:
    """The reasons, strongest first; sensitive features, their copies and what stands in for them
    are never among them, unless the law lets them be (age, as the creditor declares): then they may
    not be left out."""
    lawful = lawful_reasons(case.subject.roles, case.plan.facts)
    sensitive = {*case.subject.sensitive_features, *reasons.sensitive} - set(lawful)
    return [
        reason
        for reason in reasons.listed
        if reason.column not in sensitive and (reason.proxy is None or reason.column in lawful)
    ]


def _line(reason: StatedReason, case: Case, say: Words) -> str:
    """A reason in the applicant's words; codes that nobody put into words are left out."""
    known = reason.has_value and reason.compared != "missing"
    value, reference = _cells(reason, case)
    column = _called(reason.column, case)
    if _has_code(reason, case):
        return say(
            "aa_missing_plain" if reason.compared == "missing" else "aa_plain", column=column
        )
    if isinstance(value, float) and isinstance(reference, float):
        reference = as_coarse_as(reference, value)
    return say(
        _STANDINGS[reason.compared][0 if known else 1],
        column=column,
        value=explained.cell(value, say),
        reference=explained.cell(reference, say),
    )


def _cells(reason: StatedReason, case: Case) -> tuple[Cell, Cell]:
    """The person's value and the typical one, in words where the maker declared some."""

    def worded(cell: Cell) -> Cell:
        is_whole = isinstance(cell, float) and cell.is_integer()
        code = int(cell) if is_whole and cell is not None else cell
        said = case.plan.declared.get(f"document.value.{reason.column}.{code}")
        return cell if said is None else str(said)

    return worded(reason.value), worded(reason.reference)


def _has_code(reason: StatedReason, case: Case) -> bool:
    return any(isinstance(cell, str) and is_code(cell) for cell in _cells(reason, case))


def _known(case: Case, say: Words) -> dict[str, str]:
    """What fills the places of a letter: what is declared, and the notice that the law asks for."""
    declared, facts = case.plan.declared, case.plan.facts
    places = {place: str(declared.get(f"document.aa.{place}") or "") for place in PLACES}
    if not places["notice"]:
        if facts.get("system.personal_data_of_cn") is True:
            places["notice"] = say("aa_notice_cn")
        elif facts.get("system.domain") == "credit":
            agency = places["agency"] or f"[{say.texts['aa_place.agency']}]"
            places["notice"] = say("aa_notice_ecoa", agency=agency)
    return places


def _called(column: str, case: Case) -> str:
    """A column's name for people, where the maker declared one."""
    declared = case.plan.declared.get(f"document.column.{column}")
    return str(declared or column_in_words(column))


def _staff(
    case: Case,
    person: Explanation,
    held: PersonReasons,
    may_be_named: Sequence[StatedReason],
    say: Words,
) -> list[Block]:
    """What whoever sends the letter has to know, and the person needn't."""
    lines: list[str] = []
    if person.values_from == "nowhere":
        lines.append(say("aa_no_values"))
    if not held.reference.is_favourable:
        lines.append(say("ex_reference_refused"))
    for reason in may_be_named[:MOST_REASONS]:
        if reason.rise <= 0:
            lines.append(say("aa_no_rise", column=reason.column))
        if _has_code(reason, case):
            lines.append(say("aa_codes", column=reason.column))
    for reason in held.listed:
        if reason.proxy and reason not in may_be_named:
            lines.append(say("aa_proxy", column=reason.column))
    left = len(may_be_named) - MOST_REASONS
    if left > 0:
        lines.append(say("aa_more", count=left, most=MOST_REASONS))
    sensitive = list(held.sensitive)
    if sensitive:
        lines.append(say("aa_sensitive", features=say.listed(sensitive)))
    lines.append(say("aa_names"))
    full = [x.strip().removeprefix("- ") for x in explained.lines(person, say) if x.strip()]
    return [Bullets(tuple(lines)), Text(say("aa_full")), Bullets(tuple(full))]


def _gaps(case: Case, say: Words) -> list[Block]:
    declared = case.plan.declared
    found: list[Block] = []
    for name in _PEOPLE:
        key = f"document.aa.{name}"
        if declared.get(key):
            found.append(Text(f"{say.texts[f'aa_people.{name}']}: {declared[key]}"))
        else:
            found.append(Gap(say.texts[f"aa_people.{name}"], say("doc_or_declare_only", name=key)))
    return found
