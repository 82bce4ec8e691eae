"""How an audit is kept while it runs: announced, resumed, and spared what is known already.

A check's answer depends on the subject's bytes, what is declared about it, the check and its
options, the seed, the levels, the source that measures and the versions of the libraries. The
digest of all that is the key under which a finished check is kept, beside the case in the making
(for ``--resume``) and in EVENHAND_HOME/cache (for the next audit).
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evenhand.audit.case.case import Case, read_case
from evenhand.audit.case.environment import AnnouncedRun
from evenhand.audit.case.finished import Finished, Store, code_digest, module_digest, text_of
from evenhand.audit.case.plan import Plan
from evenhand.audit.case.secret import Secret, passing
from evenhand.audit.case.work import RUN, RUN_FILE, unfinished
from evenhand.audit.errors import AlteredEvidenceError, InputError
from evenhand.audit.files.canonical import canonical_bytes, digest_json
from evenhand.audit.reason import Reasons
from evenhand.audit.register.looks import RecordedLook
from evenhand.audit.run.catalogue import Check
from evenhand.audit.subject.spec import SubjectSpec
from evenhand.audit.subject.subject import Subject

RUN_SCHEMA = "evenhand-run/1"
Announce = Callable[[Plan, RecordedLook], AnnouncedRun]
# Of the spec: what says which checks run, where the case goes, and what is done with p-values.
_NOT_OF_A_CHECK = {"out", "policy", "checks", "options", "error_budget"}
_IN_WORDS = {
    "plan.subject.digests.model": "the model",
    "plan.subject.digests.data": "the data",
    "plan.subject.digests.training_data": "the training data",
    "versions.evenhand": "the version of evenhand",
    "versions.code": "evenhand's source",
}


@dataclass(frozen=True)
class Keeping:
    """``resume``: go on with an audit that was cut off. ``cache``: where finished checks are kept.

    ``look`` says which look at growing data the audit is (``evenhand.audit.register.looks``).
    ``announce`` is called with the plan and the look before anything is scored, and returns what
    the register says of the run (its number, and of how many); see
    ``evenhand.audit.register.runs``.

    ``secret`` vouches for what is kept: what another wrote is not gone on with. ``sealing`` is told
    the digest of the case before it is in its place, and ``sealed`` whether a case that is there
    is one that this home sealed (by default none is). ``say`` is told what was not taken,
    ``note`` what has to be known of data and answers.
    """

    resume: bool = False
    cache: Store | None = None
    look: Callable[[Subject], RecordedLook] = lambda subject: RecordedLook()
    announce: Announce | None = None
    secret: Secret = field(default_factory=passing)
    sealing: Callable[[str], None] | None = None
    sealed: Callable[[str], bool] = lambda digest: False
    say: Callable[[str], None] = lambda message: None
    note: Callable[[Reasons], None] = lambda message: None


def versions(packages: Mapping[str, str]) -> dict[str, Any]:
    """What must be the same for two measurements to be one: source, Python and libraries."""
    return {
        "evenhand": packages.get("evenhand", ""),
        "code": code_digest(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": {k: v for k, v in packages.items() if k != "evenhand"},
    }


def describe_run(plan: Plan, spec: SubjectSpec, versions: Mapping[str, Any]) -> dict[str, Any]:
    """What an audit is, as plain JSON: two that are the same in this are one audit."""
    asked = spec.model_dump(mode="json", exclude={"out"})
    run = {"schema": RUN_SCHEMA, "plan": plan.to_json(), "spec": asked, "versions": dict(versions)}
    plain: dict[str, Any] = json.loads(canonical_bytes(run))
    return plain


def sealed_already(
    out: Path, run: Mapping[str, Any], is_ours: Callable[[str], bool]
) -> Case | None:
    """The case at ``out``, where the audit was cut off after it had sealed it.

    Raises AlteredEvidenceError for one that this home is not known to have sealed: anybody can
    edit a case and seal it anew.
    """
    if not out.is_dir():
        return None
    case = read_case(out)
    _require_same({"plan": case.plan.to_json()}, {"plan": run["plan"]}, out)
    if not is_ours(case.digest):
        raise AlteredEvidenceError(
            "case {out} is not known to have been sealed by this home ({digest}): it was "
            "edited and sealed anew, or comes from elsewhere",
            remedy="move it away and audit again; nothing was entered in the register",
            out=out,
            digest=case.digest,
        )
    for work in unfinished(out.parent, out.name):
        shutil.rmtree(work, ignore_errors=True)
    return case


def work_to_resume(
    out: Path, run: Mapping[str, Any], secret: Secret
) -> tuple[Path, dict[str, Any]]:
    """The work that was cut off on its way to ``out``, and its run. Raises InputError if another.

    Another is one with a changed model, data, setting, pack or version. Raises
    AlteredEvidenceError where this home did not write what it says.
    """
    found = unfinished(out.parent, out.name)
    if not found:
        raise InputError(
            "there is nothing to resume at {out}",
            remedy="evenhand runs list shows what was cut off; or audit without --resume",
            out=out,
        )
    work = found[-1]
    try:
        before = json.loads((work / RUN_FILE).read_bytes())
    except ValueError as error:
        raise InputError(
            "{work} is damaged", remedy="audit without --resume", work=work / RUN_FILE
        ) from error
    if not isinstance(before, dict):
        before = {}
    _require_same(before, run, work)
    if not secret.vouches(RUN, before):
        raise AlteredEvidenceError(
            "{work} is not as this home wrote it: it was altered, or comes from "
            "elsewhere or from an older version",
            remedy="audit from the start, without --resume",
            work=work / RUN_FILE,
        )
    return work, before


def _require_same(before: Mapping[str, Any], now: Mapping[str, Any], where: Path) -> None:
    parts = [k for k in ("versions", "plan", "spec") if k in now]
    for part in parts:
        for name, old, new in _differences(before.get(part), now[part], part):
            what = _IN_WORDS.get(name, name.partition(".")[2] if "." in name else name)
            raise InputError(
                "{where} cannot be resumed: {what} changed ({old} -> {new})",
                remedy="audit from the start, without --resume; or put back what changed",
                where=where,
                what=what,
                old=_short(old),
                new=_short(new),
            )


def _differences(old: Any, new: Any, name: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        # Digests first: they say best what changed.
        for key in sorted({*old, *new}, key=lambda k: (k != "subject", k != "digests", k)):
            yield from _differences(old.get(key), new.get(key), f"{name}.{key}")
    elif old != new:
        yield name, old, new


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


@dataclass
class Kept:
    """The finished checks of one audit: those of the work, then those of the cache."""

    work: Store
    cache: Store | None
    shared: str
    say: Callable[[str], None]
    keep_days: int | None = None
    resumed: list[str] = field(default_factory=list)
    from_cache: list[str] = field(default_factory=list)
    not_taken: list[str] = field(default_factory=list)

    def get(self, check: Check, options: Mapping[str, Any], seed: int) -> Finished | None:
        """The check's answer, where it is known; what others put there is said, and not taken."""
        key = self._key(check, options, seed)
        for store, told in ((self.work, self.resumed), (self.cache, self.from_cache)):
            if store is None:
                continue
            if (known := store.get(key)) is not None:
                told.append(check.id)
                if store is not self.work:
                    self.work.put(key, known)
                return known
            if store.has(key):
                self.not_taken.append(check.id)
                self.say(
                    f"warning: an answer of {check.id} that was kept in {store.folder} is damaged "
                    "or was not written by this home: it is not taken, the check is measured again"
                )
        return None

    def put(self, check: Check, options: Mapping[str, Any], seed: int, answer: Finished) -> None:
        """Keeps the answer, unless the check crashed; in the cache only what is repeatable."""
        if not answer.went_through:
            return
        key = self._key(check, options, seed)
        text = text_of(key, answer, self.work.secret, self.keep_days)
        self.work.put_text(key, text)
        if self.cache is not None and answer.is_repeatable:
            self.cache.put_text(key, text)

    def _key(self, check: Check, options: Mapping[str, Any], seed: int) -> str:
        return digest_json(
            {
                "shared": self.shared,
                "check": check.id,
                "source": module_digest(check.module),
                "options": dict(options),
                "seed": seed,
            }
        )


def make_kept(
    run: Mapping[str, Any],
    subject: Subject,
    levels: Sequence[float],
    work: Store,
    keeping: Keeping,
) -> Kept:
    """The finished checks of the audit that ``run`` describes.

    A model behind HTTP has no bytes to know it by: nothing of it comes from the cache.
    """
    plan = {k: v for k, v in run["plan"].items() if k not in ("checks", "packs", "error_budget")}
    told = subject.model.predictor.maker_says if subject.model is not None else {}
    shared = {
        "plan": plan,
        "spec": {k: v for k, v in run["spec"].items() if k not in _NOT_OF_A_CHECK},
        "versions": run["versions"],
        "levels": list(levels),
        "maker_says": json.loads(json.dumps(dict(told), sort_keys=True, default=repr)),
    }
    has_bytes = subject.model is None or "model" in subject.digests
    cache = keeping.cache if has_bytes else None
    return Kept(work, cache, digest_json(shared), keeping.say, plan.get("keep_days"))


def kept_of_process(run: Mapping[str, Any], command: Sequence[str]) -> dict[str, Any]:
    """``run`` with who works on it since when: for people who find it unfinished."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {**run, "pid": os.getpid(), "command": list(command), "started_at": now}
