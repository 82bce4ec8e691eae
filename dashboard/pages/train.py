"""Train privately: choose data and epsilon, see what it costs and what it does not protect, start.

Noise, steps and cost come from ``evenhand train --plan --json``; nothing is worked out here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from evenhand.audit.errors import EvenhandError
from evenhand.audit.words.numbers import at_most, duration, number
from evenhand.dashboard import app
from evenhand.dashboard.server import identity, starting
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import parts, reading, running
from evenhand.dashboard.views.context import Context
from evenhand.dashboard.working import picking, proposing

_PLANNED = "evenhand_training_plan"
_NAMED = ("loanapp",)  # data that comes with a package
_PICKED = ("target", "positive_label", "roles")
_Given = str | list[UploadedFile]


def render(ctx: Context) -> None:
    """The page."""
    t = ctx.t
    st.title(escape(t("nav.train")), anchor=False)
    st.caption(t.md("train.about"))
    data, asked, name = _asked(ctx)
    shown = ["train", "tabular", *starting.options({"data": running.shown_place(data, "data")})]
    told = starting.command_line([*shown, *starting.options(asked), "--plan"])
    st.code(told, language="bash", wrap_lines=True)
    if running.start_button(ctx, t("train.plan"), "plan_training"):
        _plan(ctx, data, asked)
    planned = st.session_state.get(_PLANNED)
    if planned and planned["asked"] == (_mark(data), asked):
        _outcome(ctx, planned["told"])
        _start(ctx, planned, name)
    elif planned:
        st.info(t.md("train.changed"))
    st.subheader(t.md("run.jobs"), anchor=False)
    running.listed(ctx, "train")


def _asked(ctx: Context) -> tuple[_Given, dict[str, object], str]:
    """Data, columns and dials; the columns are picked from the data, with what is proposed."""
    t = ctx.t
    data = running.source(ctx, "private_data", t("run.data"), _NAMED)
    read = {k: v for k, v in reading.asked(ctx, "private").items() if v not in ("", [])}
    left, right = st.columns(2)
    with left:
        columns = _columns(ctx, data, read)
        name = st.text_input(t.md("run.name"), key="train_private_name", max_chars=100)
    with right:
        dials = _dials(ctx)
    recipe: dict[str, object] = {**columns, "private": True, **dials, **read}
    return data, {k: v for k, v in recipe.items() if v not in (None, "", [])}, name


def _columns(ctx: Context, data: _Given, read: Mapping[str, object]) -> dict[str, object]:
    """The target, its positive label and the columns whose groups are held apart."""
    t = ctx.t
    if data in _NAMED:  # it says itself which columns these are
        return {}
    try:
        form = _form(ctx, data, read)
    except EvenhandError as error:
        running.refused(ctx, error)
        return {}
    if form is None:
        st.info(t.md("run.first_train"), icon=":material/upload_file:")
        return {}
    picking.preview(form.proposal, t)
    target = picking.column(form, "target", t.md("run.target"))
    picking.label(form, "positive_label", target, t.md("run.positive_label"))
    features = picking.roles(form, t.md("run.sensitive"))
    label = form.value("positive_label")
    return {"target": target, "positive_label": label, "sensitive_features": features}


def _form(ctx: Context, data: _Given, read: Mapping[str, object]) -> picking.Answering | None:
    place = running.kept_once(data, "data") if identity.current().may("start") else ""
    if not place:
        return None
    answers = picking.remembered("train", place)
    kept = st.session_state.setdefault("evenhand_proposals", {})
    given = {k: v for k, v in answers.items() if k in _PICKED}
    with st.spinner(ctx.t.md("run.looking")):
        found = proposing.ask(kept, place, "", {**read, **given}, ctx.t.lang)
    if found.problem is not None:
        raise found.problem
    return picking.Answering(ctx.t, "train", found, answers)


def _dials(ctx: Context) -> dict[str, object]:
    """The privacy budget, and what training does with it."""
    t = ctx.t
    epsilon = st.number_input(
        t.md("train.epsilon"),
        0.01,
        1000.0,
        3.0,
        step=0.5,
        key="train_epsilon",
        help=t.md("train.epsilon.help"),
    )
    delta = st.text_input(t.md("train.delta"), "1e-5", key="train_delta")
    epochs = st.number_input(t.md("train.epochs"), 1, 10_000, 20, key="train_epochs")
    batch = st.number_input(t.md("train.batch_size"), 1, 1_000_000, 256, key="train_batch")
    norm = st.number_input(
        t.md("train.max_grad_norm"), 0.001, 1000.0, 1.0, key="train_norm", format="%g"
    )
    return {
        "epochs": epochs,
        "batch_size": batch,
        "epsilon": f"{epsilon:g}",
        "delta": delta,
        "max_grad_norm": f"{norm:g}",
    }


def _mark(data: _Given) -> object:
    return data if isinstance(data, str) else [(f.name, f.size) for f in data]


def _plan(ctx: Context, data: _Given, settings: dict[str, object]) -> None:
    """Asks what the training would do; the answer stays until something else is asked."""
    st.session_state.pop(_PLANNED, None)
    try:
        place = running.kept_place(data, "data")
        arguments = ["train", "tabular", *starting.options({"data": place, **settings})]
        with st.spinner(ctx.t.md("train.planning")):
            told = json.loads(starting.run_briefly([*arguments, "--plan", "--json"]))
    except EvenhandError as error:
        running.refused(ctx, error)
        return
    st.session_state[_PLANNED] = {
        "asked": (_mark(data), settings),
        "arguments": arguments,
        "told": told,
    }


def _outcome(ctx: Context, planned: Mapping[str, Any]) -> None:
    t, private = ctx.t, planned.get("private") or {}
    st.subheader(t.md("train.would"), anchor=False)
    together = private.get("composition") or {}
    rows = [
        ("train.rows", t("train.rows.value", train=planned["n_train"], test=planned["n_test"])),
        (
            "train.spent",
            f"{_bound(private, 'epsilon')} (δ {_bound(private, 'delta')}, "
            f"{private.get('accountant', '')})",
        ),
        (
            "train.together",
            t(
                "train.together.value",
                epsilon=_bound(together, "epsilon"),
                runs=together.get("runs", "?"),
            ),
        ),
        ("train.noise", _number(private, "noise_multiplier")),
        (
            "train.steps",
            t(
                "train.steps.value",
                steps=private.get("steps", "?"),
                batch=_number(private, "expected_batch_size"),
                rate=_number(private, "sample_rate"),
            ),
        ),
        ("train.protects", str(private.get("adjacency", ""))),
    ]
    estimate = planned.get("estimate") or {}
    if estimate:
        rows.append(
            (
                "train.cost",
                t(
                    "train.cost.value",
                    time=duration(estimate["wall_s"]),
                    joule=number(estimate["energy_j"]),
                ),
            )
        )
    parts.pairs([(t(name), value) for name, value in rows])
    st.markdown(f"**{escape(t('train.outside'))}**")
    for item in (*private.get("outside_guarantee", ()), *private.get("not_certified", ())):
        st.markdown(f":material/gpp_maybe: {escape(item)}")
    for note in (*planned.get("notes", ()), *private.get("warnings", ())):
        st.warning(escape(note))


def _bound(told: Mapping[str, Any], name: str) -> str:
    """A guarantee, never shown as less than it is."""
    value = told.get(name)
    return at_most(float(value)) if isinstance(value, int | float) else "?"


def _number(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    return number(float(value)) if isinstance(value, int | float) else "?"


def _start(ctx: Context, planned: Mapping[str, Any], name: str) -> None:
    t = ctx.t
    out = running.new_folder("models", name or "private")
    arguments = [*planned["arguments"], f"--out={out}"]
    st.code(starting.command_line(arguments), language="bash", wrap_lines=True)
    understood = st.checkbox(t.md("train.understood"), key="train_understood")
    if running.start_button(ctx, t("train.start"), "start_private"):
        if not understood:
            st.warning(t.md("train.read_first"))
            return
        try:
            running.jobs().start(identity.current(), "train", arguments)
        except EvenhandError as error:
            running.refused(ctx, error)
            return
        st.session_state.pop(_PLANNED, None)
        st.rerun()


if __name__ == "__main__":
    app.show(render)
