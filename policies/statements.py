"""What people put on the register: attestations and waivers, read and checked.

An entry that cannot be read stops the judging (exit code 2): a judge that passes over it would
decide on half of the record. As the register is never edited, a later readable entry of the same
kind for the same item takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from evenhand.audit.errors import InputError
from evenhand.audit.files.canonical import digest_json
from evenhand.audit.register.binding import About, Binding, Reach, is_within
from evenhand.audit.register.register import Entry
from evenhand.policies.schema import Answer, Item, Pack
from evenhand.policies.words import Words, say

MAX_WAIVER_DAYS = 180
Filled = Annotated[str, Field(min_length=1, pattern=r"\S")]
Sha256 = Annotated[str, Field(pattern=r"^(sha256:)?[0-9a-f]{64}$")]


class _Statement(BaseModel):
    """``binds`` is None for an entry of an older version: it is bound to nothing."""

    # other keys (a ticket, a signature) are kept in the register and do not concern the judge
    model_config = ConfigDict(frozen=True, extra="ignore")

    pack: Filled
    item: Filled
    binds: Binding | None = None

    def answers_for(self, here: About, widest: Reach) -> bool:
        """Whether it is bound to what a case is about, and to no more than the item allows."""
        binds = self.binds
        return binds is not None and is_within(binds.to, widest) and binds.holds(here)


class EvidenceFile(BaseModel):
    """A file that an attestation leans on; ``kind`` says which of the required ones it is."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    path: Filled
    sha256: Sha256
    kind: str | None = None


class Attestation(_Statement):
    """A signed answer to one item. It is valid through the day ``expires``.

    ``item_digest`` (see ``item_digest``) lets it outlive a new version of the pack that asks the
    same; without it, it counts for ``pack_version`` alone.
    """

    pack_version: Filled
    item_digest: str | None = None
    answer: Answer
    statement: Filled
    by: Filled
    role: Filled
    signed_at: datetime
    expires: date | None = None
    evidence: tuple[EvidenceFile, ...] = ()

    @property
    def signed_on(self) -> date:
        """The day of signing, in UTC where a time zone is given."""
        at = self.signed_at
        return (at.astimezone(UTC) if at.tzinfo else at).date()


class Waiver(_Statement):
    """A limited permission to go on in spite of an item. It never changes what was found."""

    reason: Filled
    owner: Filled
    approved_by: Filled
    created: date
    expires: date
    compensating: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _limited(self) -> Waiver:
        if self.owner.strip().casefold() == self.approved_by.strip().casefold():
            raise ValueError("a waiver is approved by somebody else than its owner")
        if not self.created <= self.expires <= self.created + timedelta(days=MAX_WAIVER_DAYS):
            raise ValueError(
                f"a waiver ends after it starts and lasts at most {MAX_WAIVER_DAYS} days"
            )
        return self


@dataclass(frozen=True)
class Statements:
    """A pack's attestations and waivers by item, oldest first.

    An attestation of another pack's item stands with every item that crosswalks to it. What nobody
    known vouches for (put into the database by hand, or by an older version) is not heard.
    """

    attestations: Mapping[str, tuple[Attestation, ...]]
    waivers: Mapping[str, tuple[Waiver, ...]]
    unvouched: Mapping[tuple[str, str], tuple[int, ...]]  # by kind and item: they are not heard


def read_statements(register: Sequence[Entry], pack: Pack) -> Statements:
    """The statements about one pack. Raises InputError for entries that cannot be read."""
    answers = _crosswalks(pack)
    attestations: dict[str, list[Attestation]] = {}
    waivers: dict[str, list[Waiver]] = {}
    unvouched: dict[tuple[str, str], list[int]] = {}
    problems: dict[tuple[str, object], str] = {}
    for entry in register:
        body = entry.body
        if entry.kind not in ("attestation", "waiver"):
            continue
        other = isinstance(body.get("pack"), str) and body["pack"] not in ("", pack.id)
        about = f"{body.get('pack')}:{body.get('item')}"
        if other and (entry.kind == "waiver" or about not in answers):
            continue
        if not entry.vouched:
            for item in answers.get(about, ()) if other else (str(body.get("item")),):
                unvouched.setdefault((entry.kind, item), []).append(entry.seq)
            continue
        key = (entry.kind, about if isinstance(body.get("item"), str) else entry.seq)
        try:
            if entry.kind == "attestation":
                attestation = Attestation.model_validate(body)
                for item in answers[about] if other else (attestation.item,):
                    attestations.setdefault(item, []).append(attestation)
            else:
                waiver = Waiver.model_validate(body)
                waivers.setdefault(waiver.item, []).append(waiver)
        except ValidationError as error:
            problems[key] = f"register entry {entry.seq} ({entry.kind}): {first_problem(error)}"
        else:
            problems.pop(key, None)
    if problems:
        raise InputError(
            "malformed {problems}",
            remedy="put a corrected entry for the same pack and item on the register",
            problems="; ".join(problems.values()),
        )
    return Statements(
        {item: tuple(found) for item, found in attestations.items()},
        {item: tuple(found) for item, found in waivers.items()},
        {key: tuple(found) for key, found in unvouched.items()},
    )


def _crosswalks(pack: Pack) -> dict[str, list[str]]:
    """``pack:item`` of other packs -> the items of this one that their attestations answer."""
    found: dict[str, list[str]] = {}
    for item in pack.items:
        for other in item.crosswalk if item.attest is not None else ():
            found.setdefault(other, []).append(item.id)
    return found


def item_digest(item: Item) -> str:
    """SHA-256 of what an item asks, of whom and with which threshold: not of its remedies."""
    asked = item.model_dump(mode="json", by_alias=True, exclude={"on_fail", "note", "crosswalk"})
    return digest_json(asked)


def first_problem(error: ValidationError) -> str:
    """The first thing wrong, as ``key: message``."""
    one = error.errors()[0]
    where = ".".join(str(part) for part in one["loc"])
    message = one["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


_WIDEST: dict[str, Reach] = {"model": "model", "system": "system", "org": "organisation"}


def widest(item: Item, kind: str) -> Reach:
    """The farthest that a statement of ``kind`` on an item may reach: what the item is about. What
    was measured was measured on one model, and is waived for that."""
    attest = item.attest
    if attest is None or (kind == "waiver" and item.check is not None):
        return "model"
    return _WIDEST[attest.scope]


def waiver_for(found: Sequence[Waiver], here: About, reach: Reach, as_of: date) -> Waiver | None:
    """The latest waiver for what the case is about, if it is in force on the day ``as_of``."""
    bound = [w for w in found if w.answers_for(here, reach)]
    if not bound:
        return None
    newest = bound[-1]
    starts = newest.created - timedelta(days=1)
    return newest if starts <= as_of <= newest.expires else None


def unheard_waiver(found: Sequence[Waiver], unvouched: Sequence[int], as_of: date) -> Words | None:
    """What to say of waivers that would be in force and do not count; None without any."""
    if any(w.binds is None and as_of <= w.expires for w in found):
        return say(
            "a waiver on file is bound to nothing: waive again",
            "现有豁免未绑定任何对象：须重新豁免",
        )
    if unvouched:
        listed = ", ".join(map(str, unvouched))
        return say(
            f"nobody known vouches for the waiver on file (entry {listed}): waive again",
            f"登记簿中的豁免（第 {listed} 条）无人可证：须重新豁免",
        )
    return None
