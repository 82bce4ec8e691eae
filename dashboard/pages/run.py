"""Audit or train from the browser; the command line that does the same is always shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from evenhand.audit.data.written.declared import parts_of
from evenhand.audit.errors import EvenhandError
from evenhand.audit.register.register import home
from evenhand.dashboard import app
from evenhand.dashboard.server import identity, starting
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import reading, running
from evenhand.dashboard.views.context import Context
from evenhand.policies.pack import shipped_packs

_RECIPES = Path(__file__).resolve().parents[2] / "trainers" / "recipes"
_TASKS = ("binary", "multiclass", "regression", "generation")
_MEANS = ("benefit", "burden")
_Given = str | list[UploadedFile]


def render(ctx: Context) -> None:
    """The page."""
    t = ctx.t
    st.title(escape(t("nav.run")), anchor=False)
    audit, train = st.tabs([t("run.audit"), t("run.train")])
    with audit:
        _audit(ctx)
    with train:
        _recipe(ctx)
    st.subheader(t.md("run.jobs"), anchor=False)
    running.listed(ctx)


def _audit(ctx: Context) -> None:
    """A model or stored predictions, the data, and what they mean."""
    t = ctx.t
    st.caption(t.md("run.audit.about"))
    stored = st.toggle(t.md("run.predictions"), key="run_predictions")
    left, right = st.columns(2)
    model: _Given = ""
    with left:
        if not stored:
            model = running.source(ctx, "model", t("run.model"), _models(ctx), several=True)
    with right:
        data = running.source(ctx, "data", t("run.data"), _tables(ctx))
    asked = _meaning(ctx, stored)
    name = str(asked["name"] or "case")
    shown = _arguments(
        stored,
        running.shown_place(model, "model"),
        running.shown_place(data, "data"),
        {**asked, "out": f"cases/{name}"},
    )
    st.code(starting.command_line(shown), language="bash", wrap_lines=True)
    if running.start_button(ctx, t("run.start_audit"), "start_audit"):
        try:
            _start_audit(stored, model, data, asked, name)
        except EvenhandError as error:
            running.refused(ctx, error)
            return
        st.rerun()


def _start_audit(
    stored: bool, model: _Given, data: _Given, asked: dict[str, object], name: str
) -> None:
    place = "" if stored else running.kept_place(model, "model")
    rows = running.kept_place(data, "data")
    out = running.new_folder("cases", name)
    arguments = _arguments(stored, place, rows, {**asked, "out": str(out)})
    running.jobs().start(identity.current(), "audit", arguments)


def _arguments(stored: bool, model: str, data: str, asked: dict[str, object]) -> list[str]:
    # --model: what is uploaded as a model is opened as one, whatever it holds
    places = {"predictions": data} if stored else {"model": model, "data": data}
    return ["audit", *starting.options({**places, **asked})]


def _meaning(ctx: Context, stored: bool) -> dict[str, object]:
    """The columns and what they mean: what nobody may guess."""
    t = ctx.t
    one, two, three = st.columns(3)
    with one:
        name = st.text_input(t.md("run.name"), key="run_name", max_chars=100)
        target = st.text_input(t.md("run.target"), key="run_target")
        task = _choice(ctx, "task", _TASKS, lambda o: t.term("task", o))
    with two:
        positive = st.text_input(t.md("run.positive_label"), key="run_positive")
        means = _choice(ctx, "positive_is", _MEANS, lambda o: t(f"positive_is.{o}"))
        sensitive = st.text_input(
            t.md("run.sensitive"), key="run_sensitive", placeholder=t("run.sensitive.example")
        )
    with three:
        packs = st.multiselect(
            t.md("run.packs"),
            shipped_packs(),
            default=["baseline"],
            key="run_packs",
            placeholder=t("sidebar.choose"),
        )
        seed = st.number_input(t.md("run.seed"), 0, 2**31 - 1, 0, key="run_seed")
        predicted, score, threshold = "", "", ""
        if stored:
            predicted = st.text_input(t.md("run.predicted"), key="run_predicted")
            score = st.text_input(t.md("run.score"), key="run_score")
            threshold = st.text_input(t.md("run.threshold"), key="run_threshold")
    return {
        "name": name,
        "task": task,
        "target": target,
        "positive_label": positive,
        "positive_is": means,
        "sensitive_features": parts_of(sensitive),
        "predicted": predicted,
        "score": score,
        "threshold": threshold,
        "policy": list(packs),
        "seed": str(seed),
        **reading.asked(ctx, "run"),
    }


def _choice(ctx: Context, name: str, options: tuple[str, ...], show: Callable[[str], str]) -> str:
    t = ctx.t
    return st.selectbox(
        t.md(f"run.{name}"),
        ("", *options),
        format_func=lambda o: show(o) if o else t("run.from_model"),
        key=f"run_{name}",
    )


def _recipe(ctx: Context) -> None:
    """A recipe that comes with evenhand, or one's own, on data of one's own."""
    t = ctx.t
    st.caption(t.md("run.train.about"))
    left, right = st.columns(2)
    with left:
        recipe = running.source(ctx, "recipe", t("run.recipe"), _shipped())
    with right:
        data = running.source(ctx, "training", t("run.data"), _tables(ctx))
    name = st.text_input(t.md("run.name"), key="train_name", max_chars=100)
    declared = reading.asked(ctx, "recipe")
    shown = _training(
        running.shown_place(recipe, "recipe"),
        running.shown_place(data, "data"),
        f"models/{name or 'model'}",
        declared,
    )
    st.code(starting.command_line(shown), language="bash", wrap_lines=True)
    if running.start_button(ctx, t("run.start_train"), "start_recipe"):
        try:
            place = running.kept_place(recipe, "recipe")
            rows = running.kept_place(data, "data")
            out = str(running.new_folder("models", name or Path(place).stem))
            arguments = _training(place, rows, out, declared)
            running.jobs().start(identity.current(), "train", arguments)
        except EvenhandError as error:
            running.refused(ctx, error)
            return
        st.rerun()


def _training(
    recipe: str, data: str, out: str, declared: Mapping[str, object] | None = None
) -> list[str]:
    # a recipe from elsewhere must not read what lies on this machine
    given = {"data": data, **(declared or {}), "out": out, "confined": recipe not in _shipped()}
    return ["train", *starting.options(given), "--", recipe]


def _shipped() -> list[str]:
    return [str(path) for path in sorted(_RECIPES.glob("*.yaml"))]


def _models(ctx: Context) -> list[str]:
    """Models that were trained here or audited before, where they still are."""
    trained = [p.parent for p in (home() / "models").glob("*/model.json")]
    return _there([*map(str, sorted(trained)), *_of_cases(ctx, "model")])


def _tables(ctx: Context) -> list[str]:
    return _there(_of_cases(ctx, "data"))


def _of_cases(ctx: Context, what: Literal["model", "data"]) -> list[str]:
    subjects = [c.cover.subject for c in ctx.cases if c.cover]
    places = [s.model if what == "model" else s.data for s in subjects]
    return [place.path for place in places if place is not None and place.path]


def _there(places: list[str]) -> list[str]:
    """Those that are there. Who signs in from elsewhere is offered what lies at EVENHAND_HOME: a
    case can name any file of this machine."""
    found = [place for place in dict.fromkeys(places) if Path(place).exists()]
    if identity.current().known_by != "oidc":
        return found
    inside = home().resolve()
    return [place for place in found if Path(place).resolve().is_relative_to(inside)]


if __name__ == "__main__":
    app.show(render)
