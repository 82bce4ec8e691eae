"""A proposal as a commented subject.yaml, which ``evenhand audit`` runs as it is."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from evenhand.audit.data.formats.database import is_url
from evenhand.audit.proposing.packs import open_facts
from evenhand.audit.proposing.proposal import OpenQuestion, Proposal, TakenAnswer
from evenhand.audit.reason import Reasons, because, listed
from evenhand.audit.words.reasons import render
from evenhand.audit.words.roles import role_name
from evenhand.audit.words.text import visible
from evenhand.policies.facts import limits
from evenhand.policies.pack import load_pack

_PATHS = ("model", "preprocess", "data", "predictions", "join")
_WIDTH = 98
_SHOWN = 8  # values of an answer's column


def subject_text(proposal: Proposal, out: Path, lang: str = "en") -> str:
    """The file's text; paths are as seen from the folder that ``out`` is in."""
    given = {answer.key: answer for answer in proposal.answers}
    keys = {k: _seen_from(v, out) if k in _PATHS else v for k, v in proposal.keys.items()}
    source = Path(proposal.source).name
    title = because("init-written", n=proposal.n, source=source, file=str(out))
    parts = [_comment(title, lang)]
    parts += [_entry(k, v, given.get(k), proposal, lang) for k, v in keys.items() if k != "facts"]
    parts.append(_facts(proposal, lang))
    parts.append(_limits(proposal, lang))
    parts += [_left(question, lang) for question in proposal.questions if _is_key(question)]
    parts.append(_packs(proposal, lang))
    return "\n".join(part for part in parts if part)


def _is_key(question: OpenQuestion) -> bool:
    return not question.key.startswith("facts.")


def _seen_from(path: Any, out: Path) -> str:
    if is_url(str(path)) and not str(path).startswith("sqlite:///"):
        return str(path)
    if is_url(str(path)):
        file, mark, table = str(path).removeprefix("sqlite:///").partition("#")
        return f"sqlite:///{os.path.relpath(file, out.parent)}{mark}{table}"
    return os.path.relpath(str(path), out.parent)


def _entry(key: str, value: Any, answer: TakenAnswer | None, proposal: Proposal, lang: str) -> str:
    why: Reasons = ()
    if answer is not None:
        taken = because("init-taken", why=answer.evidence)
        why = taken if answer.is_proposed else because("init-answered")
    column = next((c for c in proposal.columns if c.name == value), None)
    if key in ("target", "predicted") and column is not None:
        shown = [f"{v} ({n:,})" for v, n in list(column.values.items())]
        why += because("init-values", name=column.name, values=listed(shown, _SHOWN))
    return (_comment(why, lang) if why else "") + _yaml(key, value)


def _yaml(key: str, value: Any) -> str:
    """A key with its value: a mapping a line each, anything else on one line."""
    if not isinstance(value, Mapping):
        return f"{key}: {flow(value)}\n"
    return f"{key}:\n" + "".join(f"  {flow(k)}: {flow(v)}\n" for k, v in value.items())


def flow(value: Any) -> str:
    """A value of YAML on one line.

    >>> flow("a: b"), flow(5.0), flow(["x", 1]), flow("1"), flow(True)
    ("'a: b'", '5', '[x, 1]', "'1'", 'true')
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, str) and not value.isprintable():
        return json.dumps(value)  # a line break in a name stays within its line
    plain = int(value) if isinstance(value, float) and value.is_integer() else value
    text: str = yaml.safe_dump([plain], allow_unicode=True, width=10_000, default_flow_style=True)
    return text.strip()[1:-1]  # quoted as within a list, which is right anywhere


def _comment(reasons: Reasons, lang: str) -> str:
    return _commented(render(reasons, lang))


def _commented(text: str, indent: int = 0) -> str:
    """A text as comments; its later lines stand further in."""
    first, later = "# " + " " * indent, "# " + " " * (2 * indent)
    wrapped = textwrap.wrap(visible(text), _WIDTH, initial_indent=first, subsequent_indent=later)
    return "\n".join(wrapped) + "\n"


def _left(question: OpenQuestion, lang: str) -> str:
    text = _comment(because("init-open", text=question.text[lang]), lang)
    if question.key != "labels":
        return text + f"# {question.key}:\n"
    columns: dict[str, list[str]] = {}
    for choice in question.choices:
        column, _, code = choice.value.rpartition(":")
        columns.setdefault(column, []).append(code)
    codes = "".join(
        f"#   {visible(column)}: {{{', '.join(f'{c}: WORD' for c in of)}}}\n"
        for column, of in columns.items()
    )
    return text + "# labels:\n" + codes


def _facts(proposal: Proposal, lang: str) -> str:
    """Declared facts, and as comments those that packs which apply, or may, ask for."""
    declared: Mapping[str, Any] = proposal.keys.get("facts", {})
    text = _yaml("facts", declared) if declared else ""
    asking = open_facts(proposal.packs, declared)
    if not asking:
        return text
    rows = ""
    for one in asking:
        between, values = ("、", "：") if lang == "zh" else (", ", ": ")
        listed_values = between.join(choice.value for choice in one.choices)
        said = one.text.get(lang) or one.text.get("en", "")
        rows += _commented(
            f"{one.key.removeprefix('facts.')}:   # {said}{values}{listed_values}", 2
        )
    head = "" if declared else "# facts:\n"
    return text + _comment(because("init-asks"), lang) + head + rows


def _limits(proposal: Proposal, lang: str) -> str:
    chosen = [load_pack(name) for name in proposal.keys.get("policy", ()) if _is_shipped(name)]
    items: dict[str, tuple[str, ...]] = {}
    for pack in chosen:
        for limit in limits(pack):
            if limit.default is None and limit.name not in proposal.keys.get("declared", {}):
                items[limit.name] = (*items.get(limit.name, ()), *limit.items)
    if not items:
        return ""
    rows = "".join(_commented(f"{name}:   # {', '.join(of)}", 2) for name, of in items.items())
    return _comment(because("init-limits"), lang) + "# declared:\n" + rows


def _is_shipped(name: str) -> bool:
    return not name.endswith((".yaml", ".yml")) and "/" not in name


def _packs(proposal: Proposal, lang: str) -> str:
    rows = ""
    for pack in proposal.packs:
        title = pack.title.get(lang) or pack.title.get("en", "")
        why = pack.why
        if pack.standing != "does-not-apply" and pack.lacks:
            why += because("init-lacks", roles=[role_name(role, lang) for role in pack.lacks])
        rows += _commented(f"{pack.id} ({title}): {render(why, lang)}", 2)
    return _comment(because("init-packs"), lang) + rows
