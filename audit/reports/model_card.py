"""Model card: Markdown with the front matter that model hubs read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from evenhand.audit.artifacts.explanation import Attributions
from evenhand.audit.case.case import Case
from evenhand.audit.errors import InputError
from evenhand.audit.finding import Finding
from evenhand.audit.reports.parts import figures, outline, sentences
from evenhand.audit.reports.parts.dossier import Dossier, signatures, sources
from evenhand.audit.reports.parts.text import code, markdown
from evenhand.audit.reports.parts.words import Words, words
from evenhand.audit.words.text import visible
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import Verdict

MEDIA_TYPE = "text/markdown; charset=utf-8"
SUFFIX = ".md"
DESCRIPTION = "A model card in Markdown, with the front matter that model hubs read."

# The names that hubs use for measures which are named after scikit-learn's functions here.
_HUB_METRICS = {
    "accuracy_score": "accuracy",
    "balanced_accuracy_score": "balanced_accuracy",
    "f1_score": "f1",
    "precision_score": "precision",
    "recall_score": "recall",
    "roc_auc_score": "roc_auc",
}


def render(
    case: Case,
    verdicts: Sequence[Verdict],
    *,
    lang: str,
    gate: Gate | None,
    dossier: Dossier,
) -> bytes:
    """The card: what is declared, what was measured for whom, and what was not."""
    say = words(lang)
    sections = [
        f"# {markdown(say('card_title', name=case.subject.name))}",
        markdown(say("card_made")),
        *_description(case, say),
        *_evaluation(case, say),
        *_groups(case, say),
        *_privacy(case, say),
        *_limitations(case, say),
        *_verdicts(verdicts, gate, say),
        *_people(case, dossier, say),
        *_evidence(case, dossier, say),
    ]
    return (_front_matter(case) + "\n\n".join(sections) + "\n").encode()


def _front_matter(case: Case) -> str:
    """YAML between two rules. The dumper quotes whatever would be read as more than text."""
    import yaml

    name = visible(case.subject.name)
    task = _hub_task(case)
    metadata: dict[str, Any] = {
        "model_name": name,
        "tags": ["responsible-ai", "evenhand"],
        "evenhand_case": case.digest,
    }
    metrics = [_metric(f) for f in _overall(case) if f.value is not None]
    if metrics:
        result = {"task": {"type": task}, "dataset": _dataset(case), "metrics": metrics}
        metadata["model-index"] = [{"name": name, "results": [result]}]
    dumped = yaml.safe_dump(metadata, allow_unicode=True, sort_keys=False, width=4096)
    return f"---\n{dumped}---\n\n"


def _hub_task(case: Case) -> str:
    """The task as hubs name it; ours where the case does not say what a row is."""
    task = str(case.subject.task or "unknown")
    if task == "generation":
        return "text-generation"
    try:
        explained = case.document(Attributions)
    except InputError:  # of another version: the card names the task as we do
        explained = None
    kind = explained.kind if explained else None
    if task in ("binary", "multiclass") and kind in ("tabular", "image", "text"):
        return f"{kind}-classification"
    return "tabular-regression" if (task, kind) == ("regression", "tabular") else visible(task)


def _metric(finding: Finding) -> dict[str, Any]:
    found: dict[str, Any] = {"n": finding.n, "method": visible(finding.method)}
    if finding.interval:
        found["interval"] = [finding.interval.low, finding.interval.high]
        found["level"] = finding.interval.level
        found["interval_method"] = visible(finding.interval.method)
    return {
        "type": _HUB_METRICS.get(finding.measure, visible(finding.measure)),
        "value": finding.value,
        "name": visible(finding.measure),
        "args": found,
    }


def _dataset(case: Case) -> dict[str, str]:
    path = case.subject.data.path
    name = visible(PurePosixPath(path).name) if path else "unknown"
    found = {"name": name, "type": name}
    digest = case.subject.digests.get("data")
    return {**found, "revision": visible(digest)} if digest else found


def _overall(case: Case) -> list[Finding]:
    family = (f for f in case.findings if f.check.startswith("performance."))
    return [f for f in family if not f.group and not f.column and not f.between]


def _description(case: Case, say: Words) -> list[str]:
    declared = case.plan.declared
    use = next((declared[k] for k in sentences.USE_KEYS if declared.get(k)), None)
    rest = outline.flat({k: v for k, v in declared.items() if k not in sentences.USE_KEYS})
    return [
        _heading("card_description", say),
        markdown(" ".join(sentences.subject_sentences(case, say))),
        _heading("card_use", say),
        markdown(use if use else say("card_use_unknown")),
        _heading("card_declared", say),
        "\n".join(f"- {code(k)}: {code(v)}" for k, v in rest)
        if rest
        else markdown(say("card_nothing_declared")),
    ]


def _evaluation(case: Case, say: Words) -> list[str]:
    found = _overall(case)
    told = [
        _heading("card_evaluation", say),
        markdown(" ".join(sentences.coverage_sentences(case, say))),
    ]
    if not found:
        return [*told, markdown(say("card_no_overall"))]
    return [
        *told,
        _table(found, say, say("col_measure"), lambda f: markdown(say.measure(f.measure))),
    ]


def _groups(case: Case, say: Words) -> list[str]:
    blocks = [_heading("card_groups", say)]
    tables = [t for ts in outline.families(case.findings).values() for t in ts]
    grouped = [t for t in tables if t.kind == "group"]
    for table in grouped:
        features = " × ".join(table.features)
        title = say("table_group", measure=say.measure(table.measure), features=features)
        blocks.append(f"**{markdown(title)}**")
        blocks.append(_table(table.findings, say, features, _group_name))
    if not grouped:
        blocks.append(markdown(say("card_no_groups")))
    gaps = [f for f in case.findings if f.between]
    if gaps:
        blocks += [_heading("card_gaps", say)]
        blocks.append(
            _table(gaps, say, say("col_measure"), lambda f: markdown(sentences.about(f, say)))
        )
    return blocks


def _group_name(finding: Finding) -> str:
    return " × ".join(code(v) for _, v in sorted(finding.group.items()))


def _table(findings: Sequence[Finding], say: Words, head: str, name: Any) -> str:
    heads = [head, say("col_value"), say("col_interval"), "n", say("col_method")]
    lines = [f"| {' | '.join(markdown(h) for h in heads)} |", "| --- | ---: | --- | ---: | --- |"]
    for finding in findings:
        if finding.value is None:
            status = say.term("finding", finding.status)
            value, interval = f"_{markdown(status)}_", markdown(say.reason(finding.reason))
        else:
            value = markdown(figures.value_of(finding, say))
            interval = markdown(_interval(finding, say))
        cells = [name(finding), value, interval, f"{finding.n:,}", markdown(finding.method)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _interval(finding: Finding, say: Words) -> str:
    if finding.interval is None:
        return say("no_interval")
    return f"{figures.bounds(finding.interval)} {figures.level(finding.interval)}"


def _privacy(case: Case, say: Words) -> list[str]:
    found = [f for f in case.findings if f.check.startswith("privacy.")]
    told = [_heading("card_privacy", say)]
    if not found:
        return [*told, markdown(say("absent_privacy"))]
    table = _table(found, say, say("col_measure"), lambda f: markdown(sentences.about(f, say)))
    return [*told, markdown(say("intro.privacy")), table]


def _limitations(case: Case, say: Words) -> list[str]:
    blocks = [_heading("card_limitations", say)]
    missing = outline.unmeasured(case.findings)
    if missing:
        lines = [
            f"- {markdown(sentences.about(f, say))}: "
            f"{markdown(say.term('finding', f.status))}, {markdown(say.reason(f.reason))}"
            for f in missing
        ]
        blocks += [markdown(say("card_limits_intro")), "\n".join(lines)]
    else:
        blocks.append(markdown(say("nothing_unmeasured")))
    noted = [f for f in case.findings if f.value is not None and f.reason]
    if noted:
        lines = [
            f"- {markdown(sentences.about(f, say))}: {markdown(say.reason(f.reason))}"
            for f in noted
        ]
        blocks += [markdown(say("card_notes_intro")), "\n".join(lines)]
    return blocks


def _verdicts(verdicts: Sequence[Verdict], gate: Gate | None, say: Words) -> list[str]:
    blocks = [_heading("h_verdicts", say)]
    if gate is not None:
        settings = [f"{markdown(k)}: {code(v)}" for k, v in sentences.gate_facts(gate, say)]
        blocks.append(f"{markdown(say('h_gate'))}: {say.listed(settings)}")
    if not verdicts:
        return [*blocks, markdown(say("no_packs"))]
    for pack in outline.packs(verdicts):
        blocks.append(f"**{markdown(pack.id)}** {markdown(pack.version)}")
        blocks.append(
            "\n".join(
                f"- {markdown(say.term('status', v.status))}: {markdown(say.pick(v.title))} "
                f"({code(v.item)}). {markdown(say.pick(v.because))}"
                for v in pack.verdicts
            )
        )
    return [*blocks, f"_{markdown(say('law'))}_"]


def _people(case: Case, dossier: Dossier, say: Words) -> list[str]:
    """Who attested, waived and signed."""
    found = signatures(case, dossier, say)
    lines = [
        f"- {markdown(say.term('entry', s.kind))} {code(s.what)}: {markdown(s.who)}, "
        f"{markdown(s.when)}. {markdown(s.said)} {markdown(s.more)}".rstrip()
        for s in found
    ]
    return [_heading("h_people", say), "\n".join(lines) or markdown(say("nobody_signed"))]


def _evidence(case: Case, dossier: Dossier, say: Words) -> list[str]:
    facts = [f"- {markdown(k)}: {code(v)}" for k, v in sentences.subject_facts(case, say)]
    return [
        _heading("card_evidence", say),
        "\n".join(facts),
        f"{markdown(say('h_sources'))}:",
        "\n".join(f"- {markdown(k)}: {code(v)}" for k, v in sources(case, dossier, say)),
        f"{markdown(say('verify_intro'))} `evenhand verify CASE`. {markdown(say('verify_after'))}",
    ]


def _heading(key: str, say: Words) -> str:
    return f"## {markdown(say(key))}"
