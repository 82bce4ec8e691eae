"""A case in plain words, for documents: what the model does, for whom it works worse, what it gives
away. Numbers are people in a hundred."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evenhand.audit.case.case import Case
from evenhand.audit.favourable import declared_favourable
from evenhand.audit.finding import Finding
from evenhand.audit.reports.parts import sentences
from evenhand.audit.reports.parts.figures import value_of
from evenhand.audit.reports.parts.groups import Apart, apart
from evenhand.audit.reports.parts.words import Words
from evenhand.audit.words.numbers import at_most, in_a_hundred, range_in_a_hundred

_PROMISES = ("privacy.declared_budget", "privacy.ledger")


def does(case: Case, say: Words) -> list[str]:
    """What the model does, and for what it is meant."""
    declared = case.plan.declared
    use = next((declared[k] for k in sentences.USE_KEYS if declared.get(k)), None)
    told = sentences.subject_sentences(case, say)
    return [*told, say("pw_use", use=use) if use else say("pw_no_use")]


def wrong(case: Case, say: Words) -> list[str]:
    """How many people in a hundred it is wrong about."""
    found = _overall(case, "accuracy_score")
    if found is None or found.value is None:
        return []
    [people] = in_a_hundred(1 - found.value)
    return [say("pw_wrong", people=people)]


def worse(case: Case, say: Words) -> list[str]:
    """For each sensitive feature, which group fares worst, and by how many in a hundred."""
    features = list(case.subject.sensitive_features)
    if not features:
        return [say("sum_no_groups")]
    return [line for feature in features for line in worse_by(case, feature, say)]


def worse_by(case: Case, feature: str, say: Words) -> list[str]:
    """The same for one feature."""
    lines = [*_selected(case, feature, say), *_errors(case, feature, say)]
    return lines or [say("pw_not_compared", feature=feature)]


def _selected(case: Case, feature: str, say: Words) -> list[str]:
    found = apart(case, feature, "selection_rate")
    if found is None:
        return []
    return [say.joined(_gap(found, case, say), _range(found, say))]


def _range(found: Apart, say: Words) -> str:
    """How large the gap may truly be, by its interval."""
    interval = found.gap.interval
    if interval is None:
        return ""
    low, high = range_in_a_hundred(max(0.0, interval.low), interval.high)
    key = "pw_chance" if interval.low <= 0 else "pw_range"
    return say(key, low=low, high=high)


def _errors(case: Case, feature: str, say: Words) -> list[str]:
    """Wrong refusals of a benefit, or wrong burdens; where nothing is declared, neither."""
    outcome = declared_favourable(case.subject)
    if outcome is None:
        return []
    measure = "false_negative_rate" if outcome.is_selection else "false_positive_rate"
    pair = apart(case, feature, measure)
    if pair is None or pair.highest is None or pair.lowest is None:
        return []
    if pair.gap.value == 0:
        return []
    high, low, gap = in_a_hundred(
        pair.highest.value or 0.0, pair.lowest.value or 0.0, pair.gap.value or 0.0
    )
    key = "pw_refused" if measure == "false_negative_rate" else "pw_burdened"
    told = say(
        key,
        feature=feature,
        worse=pair.highest.group[feature],
        better=pair.lowest.group[feature],
        worse_people=high,
        better_people=low,
        gap=gap,
        worse_n=f"{pair.highest.n:,}",
        better_n=f"{pair.lowest.n:,}",
    )
    return [say.joined(told, _range(pair, say))]


def _gap(pair: Apart, case: Case, say: Words) -> str:
    outcome = declared_favourable(case.subject)
    answer = say("pw_answer", label=case.subject.positive_label)
    if outcome is not None:
        answer = say("pw_answer_benefit" if outcome.is_selection else "pw_answer_burden")
    if pair.highest is None or pair.lowest is None:
        [gap] = in_a_hundred(pair.gap.value or 0.0)
        return say("pw_gap_only", feature=pair.feature, answer=answer, gap=gap)
    if pair.gap.value == 0:
        return say("pw_no_gap", feature=pair.feature, answer=answer)
    one, other = pair.lowest, pair.highest
    if outcome is not None and not outcome.is_selection:
        one, other = other, one
    first, second, gap = in_a_hundred(one.value or 0.0, other.value or 0.0, pair.gap.value or 0.0)
    return say(
        "pw_selected",
        feature=pair.feature,
        worse=one.group[pair.feature],
        better=other.group[pair.feature],
        worse_people=first,
        better_people=second,
        answer=answer,
        gap=gap,
    )


def recognised(case: Case, say: Words) -> list[str]:
    """What the privacy promise means for one person, where there is one: of people whose rows were
    trained on, how many an attacker can recognise who wrongly accuses one outsider in a hundred.

    At a false alarm of 0.01 no attack is right more often than e^epsilon * 0.01 + delta.
    """
    found = [f for f in case.findings if f.value is not None]
    epsilon = _named(found, "composed_epsilon") or _named(found, "declared_epsilon")
    delta = _named(found, "declared_delta")
    if epsilon is None or delta is None or epsilon.value is None or delta.value is None:
        return []
    most = math.exp(min(epsilon.value, 50.0)) * 0.01 + delta.value
    if most >= 1:
        return [say("rp.recognises_all")]
    return [say("rp.recognises", people=math.ceil(100 * most - 1e-9))]


def leaks(case: Case, say: Words) -> list[str]:
    """What the training promised, and what attacks found."""
    found = [f for f in case.findings if f.check.startswith("privacy.") and f.value is not None]
    epsilon = _named(found, "composed_epsilon") or _named(found, "declared_epsilon")
    told = [say("pw_no_promise")]
    if epsilon is not None:
        told = [say("pw_epsilon", epsilon=at_most(epsilon.value or 0.0))]
    attacks = [f for f in found if f.check not in _PROMISES and not f.group and not f.column]
    if not attacks:
        return [*told, say("pw_no_attack")]
    shown = [f"{say.measure(f.measure)}: {value_of(f, say)}" for f in attacks[:6]]
    return [*told, say("pw_attacks", found=say.listed(shown))]


def _overall(case: Case, measure: str) -> Finding | None:
    return next(
        (
            f
            for f in case.findings
            if f.measure == measure and not f.group and not f.column and not f.between
        ),
        None,
    )


def _named(findings: Sequence[Finding], measure: str) -> Finding | None:
    return next((f for f in findings if f.measure == measure and not f.group), None)
