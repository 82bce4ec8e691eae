"""Audit or train from the browser; the command line that does the same is always shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import streamlit as st

from evenhand.audit.errors import EvenhandError
from evenhand.audit.register.register import home
from evenhand.dashboard import app
from evenhand.dashboard.server import identity, starting
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import handing_on, reading, running
from evenhand.dashboard.views.context import Context
from evenhand.dashboard.working import audit_form

_RECIPES = Path(__file__).resolve().parents[2] / "trainers" / "recipes"


def render(ctx: Context) -> None:
    """The page."""
    t = ctx.t
    st.title(escape(t("nav.run")), anchor=False)
    audit, train, archive = st.tabs([t("run.audit"), t("run.train"), t("run.archive")])
    with audit:
        audit_form.show(ctx, _models(ctx), _tables(ctx))
    with train:
        _recipe(ctx)
    with archive:
        handing_on.receive(ctx)
    st.subheader(t.md("run.jobs"), anchor=False)
    running.listed(ctx)


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
    trained = [str(p.parent) for p in sorted(_trained("model.json"))]
    return _there([*_chosen("source_model"), *trained, *_of_cases(ctx, "model")])


def _tables(ctx: Context) -> list[str]:
    held_out = [str(p) for p in sorted(_trained("held_out.csv"))]
    return _there([*_chosen("source_data"), *_of_cases(ctx, "data"), *held_out])


def _trained(name: str) -> list[Path]:
    return list((home() / "models").glob(f"*/{name}"))


def _chosen(key: str) -> list[str]:
    """What a finished training put into the form."""
    value = st.session_state.get(key)
    return [value] if isinstance(value, str) and value not in (running.UPLOAD, running.PATH) else []


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
