"""What is wrong with a pack beyond its form: complaints for its author, each with a remedy."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from evenhand.audit.errors import nearest
from evenhand.policies.demands import declared_reference
from evenhand.policies.schema import Condition, Item, Pack

STALE_AFTER_DAYS = 180


@dataclass(frozen=True)
class Complaint:
    """One thing to mend. ``item`` is empty for the pack as a whole, ``line`` None if unknown."""

    level: Literal["error", "warning"]
    item: str
    message: str
    remedy: str
    line: int | None = None

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line is not None else ""
        item = f"{self.item}: " if self.item else ""
        return f"{where}{self.level}: {item}{self.message}\n  -> {self.remedy}"


def lint(
    pack: Pack,
    *,
    measures: Mapping[str, str] | None,
    facts: Collection[str] | None = None,
    items: Collection[str] | None = None,
    as_of: date | None = None,
) -> list[Complaint]:
    """Every complaint about ``pack``, in the order of the file.

    ``measures`` maps the known ``family.measure`` names to their checks' ids; ``facts`` names the
    known facts; ``items`` are the ``pack:item`` of the other packs at hand, to which items may
    crosswalk; ``as_of`` is the day for telling what is stale. What is None is not checked.
    """
    complaints = [*_about_pack(pack, as_of)]
    known = None if facts is None else {*facts, *pack.parameters}
    complaints += _unknown_facts(pack, pack.applies_when, known, "", ("applies_when",))
    complaints += _twins(pack)
    for index, item in enumerate(pack.items):
        at = _At(pack, item, index)
        complaints += at.languages()
        complaints += at.sources()
        complaints += at.thresholds()
        complaints += at.waivers()
        complaints += at.remedies()
        complaints += at.selects(measures)
        complaints += at.crosswalks(items)
        location = ("items", index, "applies_when")
        complaints += _unknown_facts(pack, item.applies_when, known, item.id, location)
    return complaints


def _about_pack(pack: Pack, as_of: date | None) -> Iterator[Complaint]:
    status = pack.legal_status
    line = pack.line("legal_status")
    for lang in pack.languages:
        if lang not in pack.title:
            yield Complaint(
                "error",
                "",
                f"the title lacks {lang}",
                f"add {lang}: to title",
                pack.line("title"),
            )
    if status.state == "superseded" and not status.superseded_by:
        yield Complaint(
            "error",
            "",
            "the pack is superseded and names no successor",
            "add superseded_by to legal_status",
            line,
        )
    if status.state == "adopted-not-yet-applicable" and status.applies_from is None:
        yield Complaint(
            "error",
            "",
            "adopted but not yet applicable, with no date",
            "add applies_from to legal_status",
            line,
        )
    for key, source in pack.sources.items():
        if source.checked is None:
            yield Complaint(
                "error",
                "",
                f"nobody says when the source {key!r} was last looked at",
                "add checked: YYYY-MM-DD to it",
                pack.line("sources", key),
            )
    for key, source in pack.sources.items():
        if source.checked and as_of and (as_of - source.checked).days > STALE_AFTER_DAYS:
            yield Complaint(
                "warning",
                "",
                f"the source {key!r} was last looked at on {source.checked}, over "
                f"{STALE_AFTER_DAYS} days ago",
                "check it again, then set checked",
                pack.line("sources", key),
            )
    yield from outdated(pack, as_of)


def outdated(pack: Pack, as_of: date | None) -> Iterator[Complaint]:
    """What whoever judges by a pack should know first: it has a successor, or nobody looked at its
    source for over STALE_AFTER_DAYS days."""
    status = pack.legal_status
    if status.superseded_by:
        yield Complaint(
            "warning",
            "",
            f"superseded by {status.superseded_by}",
            f"use {status.superseded_by} for new audits",
            pack.line("legal_status"),
        )
    if as_of is not None and (as_of - status.checked_on).days > STALE_AFTER_DAYS:
        yield Complaint(
            "warning",
            "",
            f"its legal status was last checked on {status.checked_on}, over {STALE_AFTER_DAYS} "
            "days ago",
            "check the source again, then set checked_on",
            pack.line("legal_status", "checked_on"),
        )


def _twins(pack: Pack) -> Iterator[Complaint]:
    """Two items that read the same evidence with the same demand for the same clause are one."""
    seen: dict[str, str] = {}
    for index, item in enumerate(pack.items):
        asked = item.model_dump(
            mode="json",
            include={"clause", "evidence", "check", "applies_when"}
            if item.kind == "automated"
            else {"clause", "evidence", "check", "attest", "applies_when"},
        )
        first = seen.setdefault(repr(asked), item.id)
        if first != item.id:
            yield Complaint(
                "error",
                item.id,
                f"asks what {first} asks: same clause, evidence and demand",
                "drop one of the two, or name the clause and the number that set it apart",
                pack.line("items", index),
            )


def _unknown_facts(
    pack: Pack,
    condition: Condition | None,
    known: Collection[str] | None,
    item: str,
    location: tuple[str | int, ...],
) -> Iterator[Complaint]:
    if condition is None or known is None:
        return
    for fact in sorted(condition.facts() - set(known)):
        yield Complaint(
            "error",
            item,
            f"applies_when asks for the unknown fact {fact}",
            f"{nearest(fact, known)} or add it to the pack's parameters",
            pack.line(*location),
        )


@dataclass(frozen=True)
class _At:
    pack: Pack
    item: Item
    index: int

    def _complaint(
        self, level: Literal["error", "warning"], message: str, remedy: str, *where: str
    ) -> Complaint:
        line = self.pack.line("items", self.index, *where)
        return Complaint(level, self.item.id, message, remedy, line)

    def languages(self) -> Iterator[Complaint]:
        """Every text of the item is there in every language of the pack."""
        item, attest = self.item, self.item.attest
        texts: list[tuple[tuple[str, ...], object]] = [
            (("title",), item.title),
            (("text",), item.text),
            (("attest", "question"), attest.question if attest else None),
            (("on_fail", "fix"), item.on_fail.fix or None),
            (("on_fail", "effect"), item.on_fail.effect),
        ]
        for where, text in texts:
            if not isinstance(text, Mapping):
                continue
            for lang in self.pack.languages:
                if lang not in text:
                    path = ".".join(where)
                    remedy = f"add {lang}: to {path}"
                    yield self._complaint("error", f"{path} lacks {lang}", remedy, *where)

    def sources(self) -> Iterator[Complaint]:
        """A clause names a source of the pack; whoever cites a text or a law names the clause."""
        if not self.item.clause and self.pack.kind != "house":
            yield self._complaint(
                "error", "names no clause", "say where it comes from: clause: {source: text}"
            )
        for key in self.item.clause:
            if key not in self.pack.sources:
                remedy = nearest(key, self.pack.sources)
                yield self._complaint(
                    "error", f"clause names the unknown source {key!r}", remedy, "clause"
                )
        check = self.item.check
        if check is not None and check.threshold_origin == "law" and not self.item.clause:
            yield self._complaint(
                "error",
                "the threshold is said to be law, but no clause is named",
                "name the clause, or write the origin that the number has",
                "check",
            )

    def thresholds(self) -> Iterator[Complaint]:
        """A declared limit of a blocker has no silent default; a convention says why."""
        check = self.item.check
        if check is None:
            return
        references = [declared_reference(t) for t in check.thresholds if isinstance(t, str)]
        for name, default in references:
            if default is not None and self.item.severity == "blocker":
                yield self._complaint(
                    "error",
                    f"a blocker takes {default:g} where declared.{name} is missing",
                    "drop the default: what blocks a release must be declared",
                    "check",
                )
        if check.unit is None and check.comparator is not None:
            yield self._complaint(
                "error",
                "the limit names no unit",
                "write check.unit as the findings state it (rate, ratio, row, nat); any for the "
                "sign alone",
                "check",
            )
        if check.threshold_origin == "declared" and not references:
            yield self._complaint(
                "error",
                "the threshold is said to be declared, but it is a fixed number",
                "write ${declared.name}, or the origin that the number has",
                "check",
            )
        if check.threshold_origin == "convention" and not (check.note or self.item.note):
            yield self._complaint(
                "warning", "a convention without a reason", "say in check.note why it fits", "check"
            )

    def waivers(self) -> Iterator[Complaint]:
        """A blocker that can be waived says why."""
        item = self.item
        if item.severity == "blocker" and item.can_be_waived and not item.note:
            yield self._complaint(
                "error",
                "a blocker that can be waived, without a note",
                "set waivable: false, or say in note when a waiver is right",
            )

    def remedies(self) -> Iterator[Complaint]:
        """Whoever fails an item is told what to do."""
        if not self.item.on_fail.fix:
            yield self._complaint(
                "warning", "says nothing about what to do", "add on_fail.fix", "on_fail"
            )

    def crosswalks(self, items: Collection[str] | None) -> Iterator[Complaint]:
        """An item of a known pack that is named is there; packs that are not at hand may be."""
        packs = {name.partition(":")[0] for name in items or ()}
        for ref in self.item.crosswalk:
            if ref.partition(":")[0] in packs and ref not in (items or ()):
                yield self._complaint(
                    "error",
                    f"crosswalk names {ref}, which is no item",
                    nearest(ref, items or ()),
                    "crosswalk",
                )

    def selects(self, measures: Mapping[str, str] | None) -> Iterator[Complaint]:
        """What the item selects is measured by some check."""
        evidence = self.item.selects
        if measures is None or evidence is None or evidence.select in measures:
            return
        yield self._complaint(
            "error",
            f"no check measures {evidence.select}",
            nearest(evidence.select, measures),
            "evidence",
        )
