"""Exit codes and counts of verdicts."""

from __future__ import annotations

from typing import Any

import pytest

from evenhand.audit.errors import InputError
from evenhand.audit.run import flow
from evenhand.policies.gate import counts, exit_code
from evenhand.policies.verdict import VERDICT_STATUSES, Verdict


def verdict(status: str, severity: str = "high", obligation: str = "must") -> Verdict:
    return Verdict.model_validate(
        {
            "pack": "p",
            "pack_version": "2026.11.0",
            "item": "X-1",
            "title": {"en": "a", "zh": "b"},
            "kind": "automated",
            "severity": severity,
            "obligation": obligation,
            "status": status,
            "underlying": status,
            "reason_code": "x",
            "because": {"en": "a", "zh": "b"},
        }
    )


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("pass", 0),
        ("fail", 1),
        ("warn", 0),
        ("inconclusive", 3),
        ("needs-attestation", 4),
        ("attested", 0),
        ("not-applicable", 0),
        ("not-yet-applicable", 0),
        ("waived", 0),
        ("error", 1),
    ],
)
def test_each_status(status: str, code: int) -> None:
    assert exit_code([verdict("pass"), verdict(status)]) == code


def unjudged(code: str, pack: str = "p") -> Verdict:
    status = "needs-attestation" if code == "no-attestation" else "inconclusive"
    changes = {"reason_code": code, "pack": pack}
    return verdict(status, obligation="should").model_copy(update=changes)


def test_a_pack_of_which_nothing_could_be_judged_is_never_0() -> None:
    """Twelve items that only say what is missing: no "should" and no gate makes that a success."""
    lost = [unjudged("fact-missing"), unjudged("not-measured"), unjudged("no-attestation")]
    assert exit_code(lost) == 3
    assert exit_code(lost, inconclusive="warn") == 3
    assert exit_code(lost, inconclusive="fail") == 1
    assert exit_code(lost, baseline=lost) == 3
    assert exit_code([*lost, verdict("not-applicable")]) == 3
    # another pack that passes does not answer for it; one answer of its own does
    other = verdict("pass").model_copy(update={"pack": "q"})
    assert exit_code([*lost, other]) == 3
    assert exit_code([*lost, verdict("pass")]) == 0
    assert exit_code([*lost, verdict("warn")]) == 0


def test_a_pack_that_waits_for_people_alone_is_pending() -> None:
    assert exit_code([unjudged("no-attestation")]) == 4
    assert exit_code([unjudged("no-attestation")], attestations="warn") == 0


def test_precedence() -> None:
    three = [verdict("needs-attestation"), verdict("inconclusive"), verdict("fail")]
    assert exit_code(three) == 1
    assert exit_code(three[:2]) == 3
    assert exit_code(three[:1]) == 4


@pytest.mark.parametrize("status", ["fail", "error", "inconclusive", "needs-attestation"])
def test_only_what_is_required_blocks(status: str) -> None:
    assert exit_code([verdict(status, obligation="should")]) == 0
    assert exit_code([verdict(status, obligation="may")]) == 0
    assert exit_code([verdict(status, severity="medium")]) == 0
    assert exit_code([verdict(status, severity="blocker")]) != 0
    assert exit_code([verdict(status, severity="medium")], fail_on="medium") != 0
    assert exit_code([verdict(status, severity="high")], fail_on="blocker") == 0


def test_nothing_applies() -> None:
    assert exit_code([]) == 2
    assert exit_code([verdict("not-applicable")] * 2) == 2
    assert exit_code([], allow_empty=True) == 0
    assert exit_code([verdict("not-applicable")], allow_empty=True) == 0
    assert exit_code([verdict("not-applicable"), verdict("waived")]) == 0


@pytest.mark.parametrize(("how", "code"), [("report", 3), ("fail", 1), ("warn", 0)])
def test_inconclusive_by_choice(how: str, code: int) -> None:
    assert exit_code([verdict("inconclusive")], inconclusive=how) == code


@pytest.mark.parametrize(("how", "code"), [("require", 4), ("warn", 0)])
def test_attestations_by_choice(how: str, code: int) -> None:
    assert exit_code([verdict("needs-attestation")], attestations=how) == code


def test_strict_lets_warnings_fail() -> None:
    assert exit_code([verdict("warn")], strict=True) == 1
    assert exit_code([verdict("warn", obligation="should")], strict=True) == 1
    assert exit_code([verdict("warn", obligation="may")], strict=True) == 0
    assert exit_code([verdict("warn", severity="low")], strict=True) == 0


@pytest.mark.parametrize(
    "options", [{"fail_on": "hihg"}, {"inconclusive": "maybe"}, {"attestations": "never"}]
)
def test_unknown_choices_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="unknown"):
        exit_code([verdict("pass")], **options)


def test_counts_name_every_status() -> None:
    found = counts([verdict("pass"), verdict("pass"), verdict("error")])
    assert tuple(found) == VERDICT_STATUSES
    assert (found["pass"], found["error"], sum(found.values())) == (2, 1, 3)


@pytest.mark.parametrize(
    ("status", "changes", "says"),
    [
        (
            "fail",
            {"fix": {"en": "mend it", "zh": "修"}},
            "exit 1: p:X-1 fails: a; to change it: mend",
        ),
        ("inconclusive", {"rows_needed": 40}, "exit 3: p:X-1 is undecided: a; audit again on more"),
        (
            "needs-attestation",
            {},
            "exit 4: p:X-1 waits for a person to attest it: a; attest it with",
        ),
        ("not-applicable", {}, "exit 2: no item applies: a; name another pack with --policy"),
    ],
)
def test_every_exit_says_why_and_what_would_change_it(
    status: str, changes: dict[str, Any], says: str
) -> None:
    found = [verdict(status).model_copy(update=changes)]
    setting = flow.gate(found)
    assert setting.why["en"].startswith(says)
    assert "\n" not in setting.why["en"] + setting.why["zh"]
    assert setting.why["zh"].startswith(f"退出码 {setting.exit_code}：")
    assert setting.to_json()["why"] == setting.why
    assert flow.gate([verdict("pass")]).why == {} == flow.gate([]).why


def test_what_decides_the_exit_is_told_and_the_rest_counted() -> None:
    mild = verdict("fail", severity="medium")
    found = [verdict("inconclusive"), verdict("fail"), mild, verdict("fail", severity="blocker")]
    assert "(and 1 more)" in flow.gate(found).why["en"]
    assert flow.gate([mild]).why == {}
    assert flow.gate([verdict("warn")], strict=True).why["en"].startswith("exit 1: p:X-1 warns")
