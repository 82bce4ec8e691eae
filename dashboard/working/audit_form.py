"""The form that starts an audit: what the rows are, whose they are, and by which packs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from evenhand.audit.data.written.declared import Reading
from evenhand.audit.errors import EvenhandError, InputError
from evenhand.audit.reason import sentences
from evenhand.audit.words.phrases import phrase
from evenhand.audit.words.reasons import render
from evenhand.audit.words.text import visible
from evenhand.dashboard.i18n import Translator
from evenhand.dashboard.server import identity, starting
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import parts, reading, running
from evenhand.dashboard.views.context import Context
from evenhand.dashboard.working import picking, proposing
from evenhand.dashboard.working.picking import Answering
from evenhand.dashboard.working.proposing import FormProposal
from evenhand.policies import facts as pack_facts
from evenhand.policies.pack import load_pack, shipped_packs

_TASKS = ("binary", "multiclass", "regression")
_MEANS = ("benefit", "burden")
_OF_PEOPLE = ("bins", "unknown", "labels")  # readings that are proposed
_PLACES = ("model", "data", "predictions")
_Given = str | list[UploadedFile]
# What the form calls the keys of subject.yaml, where it is not run.KEY or reading.KEY.
_NAMED = {"roles": "sensitive", "sensitive_features": "sensitive", "policy": "packs"}
_KEYS = (
    *("target", "predicted", "score", "threshold", "task", "positive_label", "positive_is"),
    *("roles", "sensitive_features", "id", "unit", "outcomes", "policy"),
)


@dataclass(frozen=True)
class Sources:
    """Where rows and model come from, as they were chosen; places are "" until something is."""

    stored: bool
    model: _Given
    data: _Given
    model_place: str = ""
    data_place: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether there is something to look at."""
        return bool(self.data_place and (self.stored or self.model_place))


def labels(t: Translator) -> dict[str, str]:
    """What the form calls each key of subject.yaml."""
    known = {key: t(f"run.{_NAMED.get(key, key)}") for key in _KEYS}
    return known | {name: t(f"reading.{name}") for name in Reading.model_fields}


def arguments(stored: bool, model: str, data: str, asked: Mapping[str, object]) -> list[str]:
    """The command: what is uploaded as a model is opened as one, whatever it holds."""
    places = {"predictions": data} if stored else {"model": model, "data": data}
    return ["audit", *starting.options(places), *proposing.options_of(asked)]


def show(ctx: Context, models: Sequence[str], tables: Sequence[str]) -> None:
    """The form."""
    t = ctx.t
    st.caption(t.md("run.audit.about"))
    try:
        sources = _sources(ctx, models, tables)
    except EvenhandError as error:  # what was uploaded can't be kept
        running.refused(ctx, error)
        return
    typed = {k: v for k, v in reading.asked(ctx, "run", _OF_PEOPLE).items() if v}
    form = _form(ctx, sources, typed)
    keys: dict[str, Any] = {}
    if form is not None:
        _fields(ctx, form, stored=sources.stored)
        keys = {k: v for k, v in form.proposal.keys.items() if k not in _PLACES}
    else:
        st.info(t.md("run.first"), icon=":material/upload_file:")
    asked = {**typed, **keys, **_naming(ctx, sources, keys)}
    asked = {k: v for k, v in asked.items() if v not in (None, "", [], {}, ())}
    told = arguments(
        sources.stored,
        running.shown_place(sources.model, "model"),
        running.shown_place(sources.data, "data"),
        {**asked, "out": f"cases/{asked['name']}"},
    )
    st.code(starting.command_line(told), language="bash", wrap_lines=True)
    if running.start_button(ctx, t("run.start_audit"), "start_audit"):
        try:
            _start(ctx, sources, form, asked)
        except EvenhandError as error:
            running.refused(ctx, error)
            return
        st.rerun()


def _sources(ctx: Context, models: Sequence[str], tables: Sequence[str]) -> Sources:
    t = ctx.t
    stored = st.toggle(t.md("run.predictions"), key="run_predictions")
    left, right = st.columns(2)
    model: _Given = ""
    with left:
        data = running.source(ctx, "data", t("run.data"), tables)
    if not stored:
        with right:
            model = running.source(ctx, "model", t("run.model"), models, several=True)
    may = identity.current().may("start")
    places = [running.kept_once(one, role) if may else "" for one, role in _named(model, data)]
    return Sources(stored, model, data, *places)


def _named(model: _Given, data: _Given) -> tuple[tuple[_Given, str], ...]:
    return ((model, "model"), (data, "data"))


def _form(ctx: Context, given: Sources, typed: Mapping[str, object]) -> Answering | None:
    """What is proposed for the chosen rows beside what was answered; None of no rows. Where an
    answer is refused, the field says so, and the form stays as it was before it."""
    if not given.is_whole:
        return None
    t, of = ctx.t, (given.stored, given.model_place, given.data_place)
    answers = picking.remembered("run", of)
    kept: dict[tuple[str, ...], FormProposal] = st.session_state.setdefault(_ASKED, {})
    with st.spinner(t.md("run.looking")):
        told = {**typed, **answers}
        model = "" if given.stored else given.model_place
        found = proposing.ask(kept, given.data_place, model, told, t.lang)
    if found.problem is None:
        st.session_state[_LAST] = (of, found)
        return Answering(t, "run", found, answers)
    named = labels(t)
    message, remedy = str(found.problem.message), found.problem.remedy
    key = proposing.field_of(f"{message} {remedy}", [*named, "facts"])
    said = proposing.in_words(message, named)
    parts.problem(t("run.not_read"), said, proposing.in_words(remedy, named))
    before, last = st.session_state.get(_LAST, (None, None))
    return Answering(t, "run", last, answers, {key: said}) if before == of and last else None


_ASKED, _LAST = "evenhand_proposals", "evenhand_last_proposal"


def _fields(ctx: Context, form: Answering, *, stored: bool) -> None:
    t = ctx.t
    if notes := form.proposal.told.get("notes"):
        st.caption(escape(render(sentences(notes), t.lang)))
    picking.preview(form.proposal, t)
    st.subheader(t.md("run.meaning"), anchor=False)
    _meaning(form, stored=stored)
    st.subheader(t.md("run.people"), anchor=False)
    picking.roles(form, t.md("run.sensitive"))
    places = st.columns(len(_OF_PEOPLE))
    for place, name in zip(places, _OF_PEOPLE, strict=True):
        with place:
            hint = t.md(f"reading.{name}.help")
            example = reading.EXAMPLES[name]
            picking.text(form, name, t.md(f"reading.{name}"), placeholder=example, hint=hint)
    with st.expander(t.md("run.keys")):
        one, two, three = st.columns(3)
        with one:
            picking.column(form, "id", t.md("run.id"))
        with two:
            picking.column(form, "unit", t.md("run.unit"))
        with three:
            picking.text(form, "outcomes", t.md("run.outcomes"))
    st.subheader(t.md("run.where"), anchor=False)
    _packs(form)
    picking.facts(form, _asked_facts(form))


def _meaning(form: Answering, *, stored: bool) -> None:
    """Answers and decisions, and what the positive label means: what nobody may guess."""
    t = form.t
    one, two, three = st.columns(3)
    with one:
        target = picking.column(form, "target", t.md("run.target"), none="run.no_target")
    predicted = score = None
    if stored:
        with two:
            predicted = picking.column(form, "predicted", t.md("run.predicted"))
        with three:
            score = picking.column(form, "score", t.md("run.score"))
    one, two, three = st.columns(3)
    with one:
        said = t.md("run.positive_label")
        picking.label(form, "positive_label", target or predicted, said)
    with two:
        means = lambda o: t(f"positive_is.{o}")  # noqa: E731
        picking.one_of(form, "positive_is", t.md("run.positive_is"), _MEANS, means)
    with three:
        if score and not predicted:
            picking.text(form, "threshold", t.md("run.threshold"))
        if stored:
            shown = lambda o: t.term("task", o)  # noqa: E731
            picking.one_of(form, "task", t.md("run.task"), _TASKS, shown)


def _packs(form: Answering) -> None:
    """Packs to judge by, those that apply first, each with its reason."""
    t = form.t
    fits = {p["id"]: p for p in form.proposal.told.get("packs") or ()}
    order = [*fits, *(name for name in shipped_packs() if name not in fits)]

    def said(name: str) -> str:
        fit = fits.get(name, {})
        standing = t.term("standing", fit.get("standing", ""))
        return f"{visible(t.pick(fit.get('title') or {'en': name}))} · {standing}"

    st.multiselect(
        t.md("run.packs"),
        order,
        key=form.show("packs", [p for p in chosen_packs(form) if p in order]),
        format_func=said,
        placeholder=t("sidebar.choose"),
        on_change=lambda: form.answers.update(policy=st.session_state[form.widget("packs")]),
    )
    for name in chosen_packs(form):
        why = (fits.get(name, {}).get("why_said") or {}).get(t.lang)
        if why:
            title = t.pick(fits[name]["title"])
            st.caption(escape(f"{visible(title)}{t('colon')}{visible(why)}"))


def chosen_packs(form: Answering) -> list[str]:
    """The packs that somebody chose; until then those proposed, or the baseline."""
    value = form.value("policy")
    return ["baseline"] if value is None and "policy" not in form.answers else list(value or ())


def _asked_facts(form: Answering) -> dict[str, dict[str, Any]]:
    """The facts to ask for: those that decide which packs apply, and those of the chosen packs;
    what was answered stays."""
    known: dict[str, dict[str, Any]] = st.session_state.setdefault("evenhand_facts_asked", {})
    facts = form.answers.get("facts") or {}
    wanted: dict[str, None] = {}
    for one in form.proposal.told.get("questions") or ():
        if one["key"].startswith("facts."):
            fact = one["key"].removeprefix("facts.")
            values = [choice["value"] for choice in one["choices"]]
            known[fact] = {"question": one["question"], "values": values}
            wanted[fact] = None
    for name in chosen_packs(form):
        if name not in shipped_packs():
            continue
        for ask in pack_facts.missing(load_pack(name), facts):
            values = [pack_facts.written(value) for value in ask.values]
            known.setdefault(ask.fact, {"question": ask.question, "values": values})
            wanted[ask.fact] = None
    order = [*(f for f in known if f in facts), *wanted]
    return {fact: known[fact] for fact in dict.fromkeys(order)}


def _naming(ctx: Context, given: Sources, keys: Mapping[str, Any]) -> dict[str, object]:
    """Name, seed and packs of the audit."""
    t = ctx.t
    left, right = st.columns(2)
    with left:
        name = st.text_input(
            t.md("run.name"), key="run_name", max_chars=100, placeholder=_stem(given.data) or None
        )
    with right:
        seed = st.number_input(t.md("run.seed"), 0, 2**31 - 1, 0, key="run_seed")
    packs = keys.get("policy", ["baseline"])
    return {"name": name or _stem(given.data) or "case", "policy": packs, "seed": str(seed)}


def _stem(given: _Given) -> str:
    name = given if isinstance(given, str) else given[0].name if given else ""
    return Path(name).stem[:100]


def _start(
    ctx: Context, sources: Sources, form: Answering | None, settings: Mapping[str, object]
) -> None:
    t = ctx.t
    place = "" if sources.stored else running.kept_place(sources.model, "model")
    rows = running.kept_place(sources.data, "data")
    if form is not None and (form.proposal.missing or form.problems):
        named = labels(t)
        open_now = [*form.proposal.missing, *form.problems]
        raise InputError(
            "these fields have to be answered first: {fields}",
            remedy=phrase("each says in red what it asks for"),
            fields=", ".join(named.get(key, key) for key in open_now if key),
        )
    place, rows = sources.model_place or place, sources.data_place or rows
    out = running.new_folder("cases", str(settings["name"]))
    command = arguments(sources.stored, place, rows, {**settings, "out": str(out)})
    running.jobs().start(identity.current(), "audit", command)
