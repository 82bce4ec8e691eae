"""Model card: Markdown with the front matter that model hubs read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from evenhand.audit.artifacts.explanation import Attributions
from evenhand.audit.case.case import Case
from evenhand.audit.errors import InputError
from evenhand.audit.finding import Finding
from evenhand.audit.reports.page.brief import bar
from evenhand.audit.reports.page.decision import Decision, compared, decision
from evenhand.audit.reports.page.hundredths import Strip, is_share, shown, strip
from evenhand.audit.reports.page.keynumbers import KeyNumber
from evenhand.audit.reports.page.panels import panels
from evenhand.audit.reports.page.ranking import in_order, proven
from evenhand.audit.reports.parts import outline, plain_words, sentences
from evenhand.audit.reports.parts.dossier import Dossier, signatures, sources
from evenhand.audit.reports.parts.text import code, markdown
from evenhand.audit.reports.parts.words import Words, words
from evenhand.audit.words.text import short, visible
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import Verdict

MEDIA_TYPE = "text/markdown; charset=utf-8"
SUFFIX = ".md"
MOST_ROWS, MOST_REASONS, MOST_NAMES, MOST_ITEMS, MOST_DECLARED = 10, 4, 2, 8, 12
_SETTLED = frozenset({"pass", "attested", "not-applicable", "not-yet-applicable"})
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
    page = decision(case, verdicts, dossier, gate, say)
    sections = [
        f"# {markdown(say('card_title', name=case.subject.name))}",
        markdown(say("card_made")),
        f"**{markdown(page.word)}**: {markdown(page.counted)}",
        markdown(say.joined(*page.sentences)),
        *_description(case, say),
        *_evaluation(case, page, say),
        *_groups(case, page, say),
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
        if finding.interval.method != finding.method:
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
        "\n".join(f"- {code(k)}: {code(short(v, 120))}" for k, v in rest[:MOST_DECLARED])
        if rest
        else markdown(say("card_nothing_declared")),
    ]


def _evaluation(case: Case, page: Decision, say: Words) -> list[str]:
    """What leads, the numbers of the first page, and how well it works, as a chart."""
    paragraphs = [
        _heading("card_evaluation", say),
        markdown(" ".join(sentences.coverage_sentences(case, say))),
    ]
    numbers = [_number(n) for n in page.numbers]
    found = [f for f in _overall(case) if f.value is not None]
    if not found:
        return [*paragraphs, "\n".join(numbers), markdown(say("card_no_overall"))]
    heads = [say("col_measure"), "0–100", say("col_value"), say("col_interval"), "n"]
    rows = [
        [
            markdown(say.measure(f.measure)),
            _drawn(strip(f)) if is_share(f) else "",
            *(markdown(t) for t in shown(f)),
            f"{f.n:,}",
        ]
        for f in found[:MOST_ROWS]
    ]
    return [*paragraphs, "\n".join(numbers), _table(heads, rows)]


def _number(n: KeyNumber) -> str:
    told = f"**{markdown(n.label)}**: {markdown(f'{n.value} {n.unit}'.strip())}"
    told += f" ({markdown(n.ends)})" if n.ends else ""
    return f"- {told}" + (f": {markdown(n.against)}" if n.against else "")


def _groups(case: Case, page: Decision, say: Words) -> list[str]:
    """The chart of the first page as a table: largest groups, what leads, what is too small."""
    blocks = [_heading("card_groups", say)]
    drawn = panels(case, page.entries, page.floor, say, most=MOST_ROWS)
    if not drawn:
        return [*blocks, markdown(say("card_no_groups"))]
    first = drawn[0]
    heads = [say("rp.group"), "n", "0–100", *(p.title for p in drawn)]
    rows = []
    for b, block in enumerate(first.blocks):
        for r, row in enumerate(block.rows):
            cells = [p.blocks[b].rows[r] for p in drawn]
            drawing = (
                code(bar(row.strip, 21).replace(" ", "\u00a0"))
                if row.strip and row.tone != "small"
                else ""
            )
            values = [markdown(f"{c.value} ({c.ends})" if c.ends else c.value) for c in cells]
            who = markdown(f"{block.feature}: {row.name}")
            rows.append([who, markdown(row.n), drawing, *values])
    told = [markdown(compared(r, case, say)) for r in proven(page.entries)[:3]]
    blocks += ["\n".join(f"- {t}" for t in told)] if told else []
    return [*blocks, _table([markdown(h) for h in heads], rows)]


def _drawn(drawing: Strip | None) -> str:
    """The interval on a hundred, in signs that keep their places."""
    signs = bar(drawing, 21).replace(" ", "\u00a0")
    return code(signs) if signs else ""


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(heads)} |", "| --- |" + " --- |" * (len(heads) - 1)]
    return "\n".join([*lines, *(f"| {' | '.join(r)} |" for r in rows)])


def _privacy(case: Case, say: Words) -> list[str]:
    told = [_heading("card_privacy", say)]
    if not any(f.check.startswith("privacy.") and f.value is not None for f in case.findings):
        return [*told, markdown(say("absent_privacy"))]
    lines = (*plain_words.recognised(case, say), *plain_words.leaks(case, say))
    return [*told, markdown(say.joined(*lines))]


def _limitations(case: Case, say: Words) -> list[str]:
    """What has no number, by reason; each reason once, with the measures that it keeps."""
    blocks = [_heading("card_limitations", say)]
    missing = outline.unmeasured(case.findings)
    if not missing:
        return [*blocks, markdown(say("nothing_unmeasured"))]
    by_reason: dict[str, list[str]] = {}
    for f in missing:
        names = by_reason.setdefault(short(say.reason(f.reason), 160), [])
        if (told := say.measure(f.measure)) not in names:
            names.append(told)
    ranked = sorted(by_reason.items(), key=lambda item: -len(item[1]))
    lines = [
        f"- {markdown(reason)}: {markdown(say.listed(names[:MOST_NAMES]))}"
        + (
            f" {markdown(say('card_more', count=len(names) - MOST_NAMES))}"
            if names[MOST_NAMES:]
            else ""
        )
        for reason, names in ranked[:MOST_REASONS]
    ]
    if ranked[MOST_REASONS:]:
        lines.append(f"- {markdown(say('card_more', count=len(ranked) - MOST_REASONS))}")
    return [*blocks, markdown(say("card_limits_intro")), "\n".join(lines)]


def _and_more(names: Sequence[str], say: Words) -> str:
    more = len(names) - MOST_NAMES
    return f" {markdown(say('card_more', count=more))}" if more > 0 else ""


def _verdicts(verdicts: Sequence[Verdict], gate: Gate | None, say: Words) -> list[str]:
    blocks = [_heading("h_verdicts", say)]
    if gate is not None:
        settings = [f"{markdown(k)}: {code(v)}" for k, v in sentences.gate_facts(gate, say)]
        blocks.append(f"{markdown(say('h_gate'))}: {say.listed(settings)}")
    if not verdicts:
        return [*blocks, markdown(say("no_packs"))]
    for pack in outline.packs(verdicts):
        counted = [f"{n} {say.term('status', status)}" for status, n in pack.counts]
        blocks.append(
            f"**{markdown(pack.id)}** {markdown(pack.version)}: {markdown(say.listed(counted))}"
        )
        pressing = [v for v in in_order(pack.verdicts) if v.status not in _SETTLED]
        lines = [_item(v, say) for v in pressing[:MOST_ITEMS]]
        if pressing[MOST_ITEMS:]:
            lines.append(f"- {markdown(say('card_more', count=len(pressing) - MOST_ITEMS))}")
        blocks.append("\n".join(lines))
    return [*blocks, f"_{markdown(say('law'))}_"]


def _item(v: Verdict, say: Words) -> str:
    title = markdown(short(say.pick(v.title), 60))
    return f"- {markdown(say.term('status', v.status))}: {title} ({code(v.item)})"


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
    """What the card was made from. The sources name the case by its digest: no need to twice."""
    facts = [p for p in sentences.subject_facts(case, say) if p[1] != case.digest]
    found = [*facts, *sources(case, dossier, say)]
    return [
        _heading("card_evidence", say),
        "\n".join(f"- {markdown(k)}: {code(v)}" for k, v in found),
        f"{markdown(say('verify_intro'))} `evenhand verify CASE`",
    ]


def _heading(key: str, say: Words) -> str:
    return f"## {markdown(say(key))}"
