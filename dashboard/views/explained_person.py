"""One person's decision: what pushed it, its principal reasons, what would turn it."""

from __future__ import annotations

from typing import TypeVar

import streamlit as st

from evenhand.audit.artifacts.artifact import ArtifactDocument
from evenhand.audit.artifacts.explanation import (
    Attributions,
    Counterfactuals,
    Reasons,
    Refused,
    TurnedDecision,
)
from evenhand.audit.case.case import Case
from evenhand.audit.errors import InputError
from evenhand.audit.words.text import visible
from evenhand.dashboard.charts import explained as charts_explained
from evenhand.dashboard.charts.pixels import coloured_words, overlay
from evenhand.dashboard.frames import explained as tables
from evenhand.dashboard.frames import findings as frames
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import figure, parts, state
from evenhand.dashboard.views.context import Context

_D = TypeVar("_D", bound=ArtifactDocument)


def one_person(ctx: Context, case: Case) -> None:
    """The view: a row is chosen, then everything that the case holds about it."""
    t = ctx.t
    attributions = _readable(ctx, case, Attributions)
    reasons, changes = _readable(ctx, case, Reasons), _readable(ctx, case, Counterfactuals)
    rows = tables.row_numbers(attributions, reasons, changes)
    if not rows:
        parts.absent(t, t("person.none"), "evenhand checks show explanation.reasons")
        return
    asked = state.selection().get("row", "")
    value = (
        asked
        if asked in {str(r) for r in rows}
        else str(_best(rows, attributions, reasons, changes))
    )
    half, _ = st.columns(2)
    with half:
        state.choose("row", t("person.row"), [str(r) for r in rows], value, str)
    if asked and asked != value:
        st.warning(t.md("person.unknown", row=asked))
    row = int(value)
    st.caption(t.md("person.what", data=case.subject.data.path or ""))
    _attributions(ctx, case, attributions, row)
    _reasons(ctx, case, reasons, row)
    _changes(ctx, case, changes, row)


def _best(
    rows: list[int],
    attributions: Attributions | None,
    reasons: Reasons | None,
    changes: Counterfactuals | None,
) -> int:
    """The first of the rows about which the case holds most."""
    return max(
        rows,
        key=lambda row: (
            (attributions is not None and tables.position(attributions, row) is not None)
            + (_refused(reasons, row) is not None)
            + (_turned(changes, row) is not None)
        ),
    )


def _readable(ctx: Context, case: Case, kind: type[_D]) -> _D | None:
    """The artifact; one of another version is said to be unreadable, and left out."""
    try:
        return case.document(kind)
    except InputError:
        parts.problem(ctx.t("view.unreadable", name=kind.FILE), ctx.t("view.other_version"))
        return None


def _attributions(ctx: Context, case: Case, document: Attributions | None, row: int) -> None:
    t = ctx.t
    st.subheader(escape(t("person.attributions")), anchor=False)
    place = tables.position(document, row) if document else None
    if document is None or place is None:
        parts.absent(t, t("person.not_held", what=t("person.attributions"), row=row))
        return
    output, base = document.rows.output[place], document.rows.baseline_output[place]
    if output is not None and base is not None:
        shown = {"output": frames.number(output), "baseline": frames.number(base)}
        st.markdown(
            escape(t("person.output", target=tables.target_words(document.target, t), **shown))
        )
    kinds = {"tabular": _bars, "text": _text, "generation": _text, "image": _image}
    kinds[document.kind](ctx, case, document, place)


def _bars(ctx: Context, case: Case, document: Attributions, place: int) -> None:
    t, frame = ctx.t, tables.person_frame(document, place, ctx.t)
    if frame.empty:
        parts.absent(t, t("person.nothing_moves"))
        return
    found = ctx.index(case).of("mean_absolute_attribution")
    figure.show(
        figure.Figure(
            name="one-person",
            chart=charts_explained.person(frame, t, unit=visible(t.term("unit", document.unit))),
            frame=frame,
            words=t("person.words", first=frame.iloc[0]["column"], count=len(frame)),
            legend=t("person.legend"),
            how=figure.making(found[0], t("explained.formula"), t) if found else (),
        ),
        t,
    )


def _text(ctx: Context, case: Case, document: Attributions, place: int) -> None:
    """The words, coloured and underlined by what each does to the output."""
    t = ctx.t
    if not document.texts:
        parts.absent(t, t("person.inputs_left_out"))
        return
    frame = tables.word_frame(document, place)
    st.markdown(coloured_words(list(frame["word"]), list(frame["attribution"])))
    st.caption(escape(t("person.words_legend")))
    with st.expander(escape(t("figure.table"))):
        parts.table(frame, t, name="one-text", alt=t("person.attributions"))
    parts.download(frame, t, name="one-text")


def _image(ctx: Context, case: Case, document: Attributions, place: int) -> None:
    """The attribution map over its image."""
    t, drawn = ctx.t, document.maps[place]
    image = document.images[place] if document.images else None
    size = {"height": document.height, "width": document.width, "colours": document.colours}
    picture = overlay(drawn.levels, image, **size)
    st.image(picture, width=320, caption=escape(t("person.image_legend")))
    most = frames.number(drawn.scale)
    st.markdown(escape(t("person.strongest", value=most, unit=t.term("unit", document.unit))))
    if image is None:
        st.caption(escape(t("person.inputs_left_out")))


def _reasons(ctx: Context, case: Case, document: Reasons | None, row: int) -> None:
    t = ctx.t
    st.subheader(escape(t("person.reasons")), anchor=False)
    person = _refused(document, row)
    if document is None or person is None:
        parts.absent(t, t("person.not_held", what=t("person.reasons"), row=row))
        return
    frame = tables.reasons_frame(person, document, t)
    parts.table(frame, t, name="reasons", alt=t("person.reasons"))
    st.caption(escape(t("person.reasons_legend", rows=document.reference.favourable_rows)))
    parts.download(frame, t, name=f"reasons-row-{row}")
    found = ctx.index(case).of("reason_fidelity")
    if found:
        with st.expander(escape(t("how.title"))):
            parts.pairs(figure.making(found[0], "", t))


def _changes(ctx: Context, case: Case, document: Counterfactuals | None, row: int) -> None:
    t = ctx.t
    st.subheader(escape(t("person.change")), anchor=False)
    person = _turned(document, row)
    if person is None:
        parts.absent(t, t("person.not_held", what=t("person.change"), row=row))
        return
    if not person.is_found:
        st.markdown(escape(t("person.no_change")))
        return
    frame = tables.changes_frame(person)
    parts.table(frame, t, name="changes", alt=t("person.change"))
    st.caption(escape(t("person.change_legend", cost=frames.number(person.cost or 0.0))))
    parts.download(frame, t, name=f"change-row-{row}")
    found = ctx.index(case).of("recourse_cost")
    if found:
        with st.expander(escape(t("how.title"))):
            parts.pairs(figure.making(found[0], "", t))


def _refused(document: Reasons | None, row: int) -> Refused | None:
    return next((p for p in (document.people if document else ()) if p.row == row), None)


def _turned(document: Counterfactuals | None, row: int) -> TurnedDecision | None:
    return next((p for p in (document.people if document else ()) if p.row == row), None)
