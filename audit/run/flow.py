"""From a spec to a sealed case on the register: what every command that audits goes through."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import InputError, InterruptedRunError, nearest

if TYPE_CHECKING:
    from evenhand.audit.case.case import Case
    from evenhand.audit.case.environment import AnnouncedRun
    from evenhand.audit.case.plan import Plan
    from evenhand.audit.reason import Reasons
    from evenhand.audit.register.looks import RecordedLook
    from evenhand.audit.register.register import Entry, Register
    from evenhand.audit.register.standing import Standing
    from evenhand.audit.run.run import PlannedPack
    from evenhand.audit.subject.spec import SubjectSpec
    from evenhand.audit.worker.isolation.levels import Rules
    from evenhand.policies.gate import Gate
    from evenhand.policies.pack import Pack
    from evenhand.policies.verdict import Verdict

Progress = Callable[[str, int, int], None]  # what, done, in all


def no_progress(what: str, done: int, total: int) -> None:
    """For whoever watches nothing."""


def measure(
    spec: SubjectSpec,
    *,
    progress: Progress = no_progress,
    rules: Rules | None = None,
    resume: bool = False,
    cache: bool = True,
    say: Callable[[str], None] = lambda message: None,
    note: Callable[[Reasons], None] = lambda message: None,
) -> tuple[Case, list[Pack]]:
    """Enters the plan in the register, runs the audit that the spec asks for, enters the case.

    ``say`` is told, before anything is measured, of every fact that packs ask for and nobody
    declared; and of kept answers that were not taken, since this home had not written them. A fact
    with a value that a pack does not know is an InputError. ``note`` is told what has to be known
    of the data and the answers before the numbers are read.
    """
    from evenhand.audit.case.finished import Store
    from evenhand.audit.case.secret import own_secret
    from evenhand.audit.case.work import Sealed
    from evenhand.audit.register.register import Register, home
    from evenhand.audit.run.keeping import Keeping
    from evenhand.audit.run.looking import look_of
    from evenhand.audit.run.run import audit as run_audit

    if spec.model and Path(spec.model).exists():
        _prepare_to_open(spec)
    packs = load_packs(spec.policy)
    for line in open_facts(packs, spec.facts):
        say(line)
    spec = _leaving_out(spec, packs)
    register = Register()
    register.snapshot()  # an altered or unreachable register is said before hours of measuring
    out = Path(spec.out) if spec.out else _default_out(spec, resume)
    secret = own_secret(home() / "keys")
    sealed = Sealed(home() / "sealed", secret)
    keeping = Keeping(
        resume=resume,
        cache=Store(home() / "cache", secret) if cache else None,
        look=lambda subject: look_of(subject, spec, register.snapshot(), secret),
        announce=lambda plan, look: _announced(register, plan, out, look),
        secret=secret,
        sealing=sealed.note,
        sealed=lambda digest: sealed.knows(digest) or _is_entered(register, digest),
        say=say,
        note=note,
    )
    with _can_be_resumed(out):
        planned = [_planned(p) for p in packs]
        case = run_audit(spec, out, packs=planned, progress=progress, rules=rules, keeping=keeping)
    body = register_body(case)
    entries = register.snapshot()
    if not any(e.kind == "case" and e.vouched and e.body == body for e in entries):
        register.append("case", body)
    sealed.forget(case.digest)
    return case, packs


def _leaving_out(spec: SubjectSpec, packs: Sequence[Pack]) -> SubjectSpec:
    """The spec with the packs' shares of a table under which groups are left out, for the checks
    that compare with the highest group: a group that is left out can't be the highest. What the
    spec itself says wins."""
    from evenhand.audit.run.catalogue import needed
    from evenhand.policies.pack import asked_shares

    asked = [(select, share) for pack in packs for select, share in asked_shares(pack).items()]
    options = {check_id: dict(own) for check_id, own in spec.options.items()}
    for select, share in asked:
        for check in needed({select}):
            if _SHARE in check.options and _SHARE not in spec.options.get(check.id, {}):
                own = options.setdefault(check.id, {})
                own[_SHARE] = max(share, own.get(_SHARE, 0.0))
    return spec.model_copy(update={"options": options}) if asked else spec


_SHARE = "minimum_share"


def _is_entered(register: Register, digest: str) -> bool:
    """Whether the register has a case of this digest."""
    found = register.snapshot()
    cases = [e for e in found if e.kind == "case" and e.vouched]
    return any(e.body.get("digest") == digest for e in cases)


def _prepare_to_open(spec: SubjectSpec) -> None:
    """Has the process that opens models import what this one will need, and imports here, at the
    same time, what every audit needs sooner or later."""
    from evenhand.audit.worker.launcher import names_at, prepare

    explains = any(c.startswith(("*", "explanation")) for c in spec.checks)
    explaining = ("captum.attr", "evenhand.audit.attribution.door") if explains else ()
    prepare(*names_at(str(spec.model)), modules=explaining)
    import scipy.stats  # noqa: F401
    import sqlalchemy  # noqa: F401


def _announced(register: Register, plan: Plan, out: Path, look: RecordedLook) -> AnnouncedRun:
    """Enters the plan, before anything is scored; which run of how many it is."""
    from evenhand.audit.case.environment import AnnouncedRun
    from evenhand.audit.register.looks import KEY
    from evenhand.audit.register.runs import plan_body, runs

    body = plan_body(plan, out)
    if look.sketch:
        body[KEY] = dict(look.sketch)
    entry = register.append("plan", body)
    run = next(r for r in runs(register.snapshot()) if r.entry == entry.seq)
    return AnnouncedRun(
        entry=run.entry,
        plan=run.plan,
        number=run.number,
        in_all=run.in_all,
        on_data=run.on_data,
        plans=run.plans,
        entry_digest=entry.digest,
    )


def opened(path: Path) -> tuple[Case, Standing]:
    """The sealed case at ``path`` (a folder, or an archive of one), and how it stands with the
    register: for whoever reads a case that exists. Raises AlteredEvidenceError where either seal or
    register say otherwise."""
    from evenhand.audit.case.case import read_case
    from evenhand.audit.register.opening import open_archive, standing_of
    from evenhand.audit.register.register import Register
    from evenhand.audit.register.standing import require_same, standing

    if path.is_file():
        case = read_case(open_archive(path).case)
        found = standing_of(case)
        require_same(path, found)
        return case, found
    case = read_case(path)
    found = standing(path, case.digest, case.environment.run, Register().snapshot())
    require_same(path, found)
    return case, found


@contextmanager
def _can_be_resumed(out: Path) -> Iterator[None]:
    """Says of an interrupted audit how to go on with it."""
    from evenhand.audit.case.work import unfinished

    try:
        yield
    except KeyboardInterrupt as error:
        if not unfinished(out.parent, out.name):
            raise  # nothing was finished, so nothing is left
        raise InterruptedRunError(
            "interrupted; the checks that had finished are kept",
            remedy="go on with: the same command and --resume --out {out}",
            out=out,
        ) from error


def register_body(case: Case) -> dict[str, Any]:
    """What the register keeps of a case."""
    return {
        "path": str(case.path.resolve()),
        "digest": case.digest,
        "name": case.subject.name,
        "digests": dict(case.subject.digests),
        "plan": case.files["plan.json"],
        "run": case.environment.run and case.environment.run.entry,
    }


def _planned(pack: Pack) -> PlannedPack:
    from evenhand.audit.run.run import PlannedPack
    from evenhand.policies.pack import asked_levels, asked_measures

    return PlannedPack(
        id=pack.id,
        version=pack.version,
        digest=pack.digest,
        raw=pack.raw,
        levels=asked_levels([pack]),
        measures=frozenset(asked_measures(pack)),
    )


def _default_out(spec: SubjectSpec, resume: bool) -> Path:
    """A new place below EVENHAND_HOME/cases; to resume, that of the last audit cut off there."""
    from evenhand.audit.register.register import home

    name = spec.name or Path(spec.source).stem
    plain = "".join(c if c.isalnum() or c in "-_" else "-" for c in name).strip("-") or "case"
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = home() / "cases"
    cut_off = _cut_off(folder, plain[:60]) if resume else []
    if cut_off:
        return folder / cut_off[-1].name[1:].rpartition(".partial-")[0]
    place = folder / f"{plain[:60]}-{now}"
    number = 2
    while place.exists():
        place = folder / f"{plain[:60]}-{now}-{number}"
        number += 1
    return place


def _cut_off(folder: Path, plain: str) -> list[Path]:
    from evenhand.audit.case.work import unfinished

    return [w for w in unfinished(folder) if w.name.startswith(f".{plain}-")]


def load_packs(refs: Sequence[str] | None) -> list[Pack]:
    """Packs by id or path; two packs with the same id are refused."""
    from evenhand.policies.pack import load_pack

    packs = [load_pack(ref) for ref in refs or ()]
    ids = [p.id for p in packs]
    for repeated in {i for i in ids if ids.count(i) > 1}:
        raise InputError(
            "pack {repeated!r} is given twice", remedy="name each pack once", repeated=repeated
        )
    return packs


def packs_for(case: Case, named: Sequence[str] | None = None) -> list[Pack]:
    """The packs that are named, else those that the case was planned for."""
    return load_packs(named or [str(p) for p in case.pack_paths()])


def open_facts(packs: Sequence[Pack], facts: Mapping[str, Any]) -> list[str]:
    """What to tell of the facts that ``packs`` ask for and nobody declared, one line each.

    Raises InputError for a declared value that a pack does not know.
    """
    from evenhand.policies.facts import ALWAYS, asked, missing, request, require_known

    for pack in packs:
        require_known(pack, facts)
    known = {one.fact for pack in packs for one in asked(pack)} | set(ALWAYS)
    unasked = [fact for fact in facts if packs and fact not in known]
    lines = [f"no pack asks for the fact {fact}: {nearest(fact, known)}" for fact in unasked]
    return lines + [line for pack in packs for line in request(pack, missing(pack, facts))]


def state(
    case: Case,
    packs: Sequence[Pack],
    *,
    facts: Mapping[str, Any],
    roles: Mapping[str, Sequence[str]],
    by: str,
) -> Entry:
    """Enters facts and roles of a sealed case in the register, as ``by`` states them now; nothing
    is measured again. Raises InputError for what ``policies.facts.statement`` refuses."""
    from evenhand.audit.register.register import Register
    from evenhand.policies.facts import statement

    body = statement(case, packs, facts=facts, roles=roles, by=by, at=datetime.now(UTC))
    return Register().append("fact", body)


def today(as_of: datetime | None) -> date:
    """The day to judge on: the given one, else today in UTC."""
    return (as_of or datetime.now(UTC)).date()


def verdicts_of(
    case: Case, packs: Sequence[Pack], as_of: date, compare_to: Case | None = None
) -> list[Verdict]:
    """Judges a case with packs, the register as it stands, and what came along with it."""
    from evenhand.audit.register.opening import entries_for
    from evenhand.policies.judge import judge

    entries = entries_for(case)
    return [
        v for pack in packs for v in judge(case, pack, entries, as_of=as_of, compare_to=compare_to)
    ]


def verdicts_before(
    baseline: Case | None, packs: Sequence[Pack], as_of: date
) -> list[Verdict] | None:
    """The same packs' verdicts on the earlier case that --baseline names."""
    return None if baseline is None else verdicts_of(baseline, packs, as_of)


def gate(
    verdicts: Sequence[Verdict],
    *,
    fail_on: str = "high",
    strict: bool = False,
    inconclusive: str = "report",
    attestations: str = "require",
    before: Sequence[Verdict] | None = None,
) -> Gate:
    """How the gate was set, and the exit code that follows from the verdicts (0 without any).

    ``before``: the verdicts of an earlier case; what is no worse than there is ``Gate.known``.
    """
    from dataclasses import replace

    from evenhand.policies.gate import Gate, blocking, exit_code, known, why

    setting: dict[str, Any] = {
        "fail_on": fail_on,
        "strict": strict,
        "inconclusive": inconclusive,
        "attestations": attestations,
    }
    code = exit_code(verdicts, allow_empty=not verdicts, baseline=before, **setting)
    old = None
    if before is not None:
        open_ = ("fail", "inconclusive", "error")
        old = tuple(f"{v.pack}:{v.item}" for v in known(verdicts, before) if v.status in open_)
    made = Gate(exit_code=code, known=old, **setting)
    told = why(verdicts, made, blocking(verdicts, baseline=before, **setting))
    return replace(made, why=told or {})
