"""One person's decision: what pushed it, its principal reasons, what would turn it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from evenhand.audit.case.case import Case
from evenhand.audit.words.text import visible
from evenhand.dashboard.charts import explained as charts_explained
from evenhand.dashboard.charts.pixels import coloured_words, overlay
from evenhand.dashboard.frames import explained as tables
from evenhand.dashboard.frames import findings as frames
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import figure, parts, state
from evenhand.dashboard.views.context import Context

ATTRIBUTIONS = "explanation.attribution.json"
REASONS = "explanation.reasons.json"
CHANGES = "explanation.counterfactual.json"


def one_person(ctx: Context, case: Case) -> None:
    """The view: a row is chosen, then everything that the case holds about it."""
    t = ctx.t
    told, reasons, changes = (_held(case, n) for n in (ATTRIBUTIONS, REASONS, CHANGES))
    rows = tables.row_numbers(told, reasons, changes)
    if not rows:
        parts.absent(t, t("person.none"), "evenhand checks show explanation.reasons")
        return
    asked = state.selection().get("row", "")
    value = asked if asked in {str(r) for r in rows} else str(_best(rows, told, reasons, changes))
    half, _ = st.columns(2)
    with half:
        state.choose("row", t("person.row"), [str(r) for r in rows], value, str)
    if asked and asked != value:
        st.warning(t.md("person.unknown", row=asked))
    row = int(value)
    st.caption(t.md("person.what", data=case.subject.data.path or ""))
    _attributions(ctx, case, told, row)
    _reasons(ctx, case, reasons, row)
    _changes(ctx, case, changes, row)


def _best(rows: list[int], told: Any, reasons: Any, changes: Any) -> int:
    """The first of the rows about which the case holds most."""
    return max(
        rows,
        key=lambda row: (
            (told is not None and tables.position(told, row) is not None)
            + (_of(reasons, row) is not None)
            + (_of(changes, row) is not None)
        ),
    )


def _held(case: Case, name: str) -> Any:
    return case.artifact(name) if f"artifacts/{name}" in case.files else None


def _attributions(ctx: Context, case: Case, told: Mapping[str, Any] | None, row: int) -> None:
    t = ctx.t
    st.subheader(escape(t("person.attributions")), anchor=False)
    place = tables.position(told, row) if told else None
    if told is None or place is None:
        parts.absent(t, t("person.not_held", what=t("person.attributions"), row=row))
        return
    output = told["rows"]["output"][place]
    base = told["rows"]["baseline_output"][place]
    if output is not None and base is not None:
        shown = {"output": frames.number(output), "baseline": frames.number(base)}
        st.markdown(
            escape(t("person.output", target=tables.target_words(told["target"], t), **shown))
        )
    kinds = {"tabular": _bars, "text": _text, "generation": _text, "image": _image}
    kinds[told["kind"]](ctx, case, told, place)


def _bars(ctx: Context, case: Case, told: Mapping[str, Any], place: int) -> None:
    t, frame = ctx.t, tables.person_frame(told, place, ctx.t)
    if frame.empty:
        parts.absent(t, t("person.nothing_moves"))
        return
    found = ctx.index(case).of("mean_absolute_attribution")
    figure.show(
        figure.Figure(
            name="one-person",
            chart=charts_explained.person(frame, t, unit=visible(t.term("unit", told["unit"]))),
            frame=frame,
            words=t("person.words", first=frame.iloc[0]["column"], count=len(frame)),
            legend=t("person.legend"),
            how=figure.making(found[0], t("explained.formula"), t) if found else (),
        ),
        t,
    )


def _text(ctx: Context, case: Case, told: Mapping[str, Any], place: int) -> None:
    """The words, coloured and underlined by what each does to the output."""
    t = ctx.t
    if not told["texts"]:
        parts.absent(t, t("person.inputs_left_out"))
        return
    frame = tables.word_frame(told, place)
    st.markdown(coloured_words(list(frame["word"]), list(frame["attribution"])))
    st.caption(escape(t("person.words_legend")))
    with st.expander(escape(t("figure.table"))):
        parts.table(frame, t, name="one-text", alt=t("person.attributions"))
    parts.download(frame, t, name="one-text")


def _image(ctx: Context, case: Case, told: Mapping[str, Any], place: int) -> None:
    """The attribution map over its image."""
    t, drawn = ctx.t, told["maps"][place]
    image = told["images"][place] if told["images"] else None
    size = {k: int(told[k]) for k in ("height", "width", "colours")}
    try:
        picture = overlay(drawn["levels"], image, **size)
    except ValueError as error:
        parts.problem(t("view.unreadable", name=ATTRIBUTIONS), str(error))
        return
    st.image(picture, width=320, caption=escape(t("person.image_legend")))
    most = frames.number(drawn["scale"])
    st.markdown(escape(t("person.strongest", value=most, unit=t.term("unit", told["unit"]))))
    if image is None:
        st.caption(escape(t("person.inputs_left_out")))


def _reasons(ctx: Context, case: Case, told: Mapping[str, Any] | None, row: int) -> None:
    t = ctx.t
    st.subheader(escape(t("person.reasons")), anchor=False)
    person = _of(told, row)
    if told is None or person is None:
        parts.absent(t, t("person.not_held", what=t("person.reasons"), row=row))
        return
    frame = tables.reasons_frame(person, told, t)
    parts.table(frame, t, name="reasons", alt=t("person.reasons"))
    st.caption(escape(t("person.reasons_legend", rows=told["reference"]["favourable_rows"])))
    parts.download(frame, t, name=f"reasons-row-{row}")
    found = ctx.index(case).of("reason_fidelity")
    if found:
        with st.expander(escape(t("how.title"))):
            parts.pairs(figure.making(found[0], "", t))


def _changes(ctx: Context, case: Case, told: Mapping[str, Any] | None, row: int) -> None:
    t = ctx.t
    st.subheader(escape(t("person.change")), anchor=False)
    person = _of(told, row)
    if person is None:
        parts.absent(t, t("person.not_held", what=t("person.change"), row=row))
        return
    if not person["is_found"]:
        st.markdown(escape(t("person.no_change")))
        return
    frame = tables.changes_frame(person)
    parts.table(frame, t, name="changes", alt=t("person.change"))
    st.caption(escape(t("person.change_legend", cost=frames.number(person["cost"]))))
    parts.download(frame, t, name=f"change-row-{row}")
    found = ctx.index(case).of("recourse_cost")
    if found:
        with st.expander(escape(t("how.title"))):
            parts.pairs(figure.making(found[0], "", t))


def _of(told: Mapping[str, Any] | None, row: int) -> Mapping[str, Any] | None:
    people = (told or {}).get("people", ())
    found: Mapping[str, Any] | None = next((p for p in people if p["row"] == row), None)
    return found
