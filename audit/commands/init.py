"""evenhand init: a subject file from rows, a model, and what a person answers."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.audit.api.settings import OpeningSettings
from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.commands.parts.derived import Derived, of, takes
from evenhand.audit.data.written.declared import READS
from evenhand.audit.errors import BAD_INPUT, OK, InputError
from evenhand.audit.proposing.proposal import NONE
from evenhand.audit.subject.facts import parse_facts, parse_roles, parse_words
from evenhand.audit.subject.spec import SubjectSpec, make_spec
from evenhand.audit.words.phrases import current_language, phrase
from evenhand.audit.words.text import lines, visible

if TYPE_CHECKING:
    from evenhand.audit.proposing.looking import Looked
    from evenhand.audit.proposing.proposal import OpenQuestion, Proposal

_SAID: Mapping[str, Mapping[str, str]] = {
    "missing": {"en": "not answered", "zh": "尚未回答"},
    "proposed": {"en": "proposed", "zh": "建议"},
    "why": {"en": "because", "zh": "依据"},
    "take": {"en": "Enter takes it", "zh": "回车即采用"},
    "skip": {"en": "Enter leaves it out", "zh": "回车即略过"},
    "choices": {"en": "choose from", "zh": "可选"},
    "rows": {"en": "rows or values in brackets", "zh": "括号内为行数或取值数"},
    "again": {"en": "not among the columns or values", "zh": "不在列名或取值之中"},
    "written": {"en": "written", "zh": "已写入"},
    "next": {"en": "Next", "zh": "下一步"},
    "packs": {"en": "packs", "zh": "规则包"},
}


@takes(
    Derived(
        SubjectSpec,
        reads={**READS, "facts": parse_facts, "roles": parse_roles, "words": parse_words},
        whole=("facts", "words"),
        leave_out=("model", "data", "predictions", "endpoint", "out", "name"),
    ),
    Derived(OpeningSettings),
)
def init(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="Rows to audit on: a file, a folder, a database.")
    ],
    model: Annotated[
        str | None,
        typer.Argument(metavar="[MODEL]", help="A saved model; none: the rows hold predictions."),
    ] = None,
    *,
    options: dict[str, Any],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write.")] = Path("subject.yaml"),
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Take every proposal; each says why.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Write over a file that is there.")
    ] = False,
    as_json: sh.Json = False,
) -> int:
    """Looked at rows and a model, ask what they don't say, and write a subject.yaml to audit.

    Every question is an option too; "none" says that there is no such thing. Without a terminal
    and without --yes it says which answers are missing, with proposals, and writes nothing.
    """
    from evenhand.audit.proposing.looking import look
    from evenhand.audit.proposing.propose import settled
    from evenhand.audit.proposing.writing import subject_text

    if out.exists() and not force:
        raise InputError(
            "{file} is there already", remedy="pass --force, or another --out FILE", file=out
        )
    lang = current_language()
    answers = _answers(of(SubjectSpec, options))
    seen = look(data, model, answers, sh.rules(options))
    _require_columns(seen, answers)
    if yes or as_json or not sys.stdin.isatty():
        proposal = settled(seen, answers)
        if not yes or not proposal.is_whole:
            return _say_missing(proposal, lang, as_json=as_json, took=yes)
        _say_answers(proposal, lang, quiet=as_json)
    else:
        proposal = _asked(seen, answers, lang)
    make_spec(dict(proposal.keys), source=str(out))
    text = subject_text(proposal, out, lang)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    if as_json:
        sh.print_json({**proposal.to_json(), "file": str(out), "exit_code": OK})
        return OK
    print(f"{_word('written', lang)}: {visible(out)}")
    print(f"{_word('next', lang)}: evenhand audit {visible(out)}")
    return OK


def _word(key: str, lang: str) -> str:
    return _SAID[key][lang]


def _answers(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options as answers: "none" is the answer that there is no such thing."""

    def meant(value: Any) -> Any:
        return None if value in (NONE, (NONE,)) else value

    return {key: meant(value) for key, value in given.items()}


def _require_columns(seen: Looked, answers: Mapping[str, Any]) -> None:
    for key in ("target", "predicted", "score", "weight", "id", "unit"):
        if answers.get(key) is not None:
            seen.table.require([answers[key]], key)
    named = [c for columns in (answers.get("roles") or {}).values() for c in columns]
    seen.table.require([*named, *(answers.get("sensitive_features") or ())], "sensitive feature")


def _say_missing(proposal: Proposal, lang: str, *, as_json: bool, took: bool) -> int:
    """Which answers are missing, each with the option that gives it, and what is proposed."""
    needed = [q for q in proposal.questions if q.is_needed]
    missing = [*needed] if took else [*proposal.questions]
    if as_json:
        code = BAD_INPUT if needed or not took else OK
        sh.print_json({**proposal.to_json(), "exit_code": code})
        return code
    if not took:
        _say_answers(proposal, lang)
    for one in missing:
        sh.say(_told(one, lang))
    if not needed:
        raise InputError(
            "nothing was written: nobody is at the terminal to confirm what is proposed",
            remedy="pass --yes to take the proposals, or the options of those that are not so",
        )
    options_missing = ", ".join(q.option for q in needed)
    if proposal.model is None and any(q.key == "score" for q in needed):
        raise InputError(
            "nothing was written: these answers are missing: {options}",
            remedy="pass them; in place of --score name the MODEL that decides, or train one: "
            "evenhand train tabular --data {data} --target COLUMN --positive-label LABEL --out DIR",
            options=options_missing,
            data=proposal.source,
        )
    raise InputError(
        "nothing was written: these answers are missing: {options}",
        remedy="pass them as options; --yes takes the proposals for the others",
        options=options_missing,
    )


def _say_answers(proposal: Proposal, lang: str, *, quiet: bool = False) -> None:
    for answer in proposal.answers:
        if not answer.is_proposed:
            continue
        shown = f"{_word('proposed', lang)}: {answer.key}: {_one_line(answer.value)}"
        why = answer.to_json()["evidence_said"][lang]
        because = _wrapped(f"{_word('why', lang)}: {why}", "    ")
        sh.say("\n".join((_wrapped(shown), because)), quiet=quiet)


def _one_line(value: Any) -> str:
    """A value as the file has it."""
    from evenhand.audit.proposing.writing import flow

    return NONE if value is None else flow(value)


def _wrapped(text: str, indent: str = "") -> str:
    width = min(100, shutil.get_terminal_size((80, 24)).columns)
    return textwrap.fill(
        visible(text), width, initial_indent=indent, subsequent_indent=indent + "  "
    )


def _told(question: OpenQuestion, lang: str) -> str:
    """A question with its choices, its evidence and its option."""
    between = "：" if lang == "zh" else ": "
    parts = [_wrapped(f"{question.text[lang]}  ({question.option})")]
    if question.choices:
        each = [c.value if c.n is None else f"{c.value} ({c.n:,})" for c in question.choices]
        parts.append(_wrapped(f"{_word('choices', lang)}{between}{', '.join(each)}", "    "))
    if question.evidence:
        why = question.to_json()["evidence_said"][lang]
        parts.append(_wrapped(f"{_word('why', lang)}{between}{why}", "    "))
    return "\n".join(parts)


def _asked(seen: Looked, answers: dict[str, Any], lang: str) -> Proposal:
    """Asks question after question at the terminal until none is open."""
    from dataclasses import replace

    from evenhand.audit.proposing.proposal import TakenAnswer
    from evenhand.audit.proposing.propose import answered, propose

    taken: dict[str, TakenAnswer] = {}
    left: list[OpenQuestion] = []
    while True:
        proposal = propose(seen, answers, taken)
        if not proposal.questions:
            return replace(proposal, questions=tuple(left))
        question = proposal.questions[0]
        value, is_own = _ask(question, seen, lang)
        if not is_own and question.proposed is not None:
            taken[question.key] = TakenAnswer(question.key, value, question.evidence, True)
        if value is None and not question.is_needed:
            left.append(question)
        answers = answered(answers, question.key, value)


def _ask(question: OpenQuestion, seen: Looked, lang: str) -> tuple[Any, bool]:
    """The answer, and whether it is the person's own (not a proposal that was taken)."""
    between = "：" if lang == "zh" else ": "
    sh.say("")
    sh.say(_told(question, lang))
    if question.proposed is not None:
        sh.say(
            _wrapped(f"{_word('proposed', lang)}{between}{_one_line(question.proposed)}", "    ")
        )
    can_skip = question.proposed is not None or not question.is_needed
    hint = _word("take" if question.proposed is not None else "skip", lang) if can_skip else ""
    while True:
        typed = _line(f"{question.key}{f' [{hint}]' if hint else ''}> ")
        if not typed and can_skip:
            return question.would_be, False
        if typed == NONE and question.key != "positive_label":
            return None, True
        value, problem = _read(question.key, typed, seen) if typed else (None, "")
        if value is not None:
            return value, True
        sh.say(
            phrase(
                "  {value}: {problem}",
                value=_word("again", lang),
                problem=lines(str(problem or typed)),
            )
        )


def _line(prompt: str) -> str:
    sys.stderr.write(prompt)
    sys.stderr.flush()
    typed = sys.stdin.readline()
    if not typed:
        raise typer.Abort
    return typed.strip()


def _read(key: str, typed: str, seen: Looked) -> tuple[Any, str]:
    """What was typed as the value of a key; None and the trouble where it is none."""
    if key in ("target", "predicted", "score", "id", "unit"):
        return (typed, "") if typed in seen.columns else (None, typed)
    if key in ("task", "positive_is"):
        allowed = {"task": ("binary", "multiclass", "regression"), "positive_is": _MEANINGS}[key]
        return (typed, "") if typed in allowed else (None, typed)
    readers: Mapping[str, Callable[[list[str]], Any]] = {
        **READS,
        "roles": parse_roles,
    }
    try:
        if key in readers:
            made = readers[key]([part.strip() for part in typed.split(",")])
            return ({k: list(v) if isinstance(v, tuple) else v for k, v in made.items()}, "")
    except InputError as error:
        return None, error.message
    if key in ("outcomes", "unknown", "policy"):
        return [part.strip() for part in typed.split(",")], ""
    if key.startswith("facts."):
        name = key.removeprefix("facts.")
        value = parse_facts([f"{name}={typed}"])[name]
        return ([value] if name.endswith("places") and isinstance(value, str) else value), ""
    try:
        return json.loads(typed), ""
    except ValueError:
        return typed, ""


_MEANINGS = ("benefit", "burden")
COMMANDS = (Command("init", init, order=5),)
