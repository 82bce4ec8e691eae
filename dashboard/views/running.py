"""Commands under way, as pages show them: how far, stop, resume, how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from evenhand.audit.errors import INTERRUPTED, EvenhandError, InputError
from evenhand.audit.register.register import home
from evenhand.audit.words.text import visible
from evenhand.dashboard.server import identity, starting
from evenhand.dashboard.server.starting import Job, Jobs
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import parts, state
from evenhand.dashboard.views.context import Context

_EVERY_S = 1.0
_MESSAGES = 12
_KEPT, _AUDIT_NEXT = "evenhand_kept_uploads", "evenhand_audit_next"
UPLOAD, PATH = "upload", "path"


@st.cache_resource(show_spinner=False)
def jobs() -> Jobs:
    """The one list of this server."""
    return Jobs()


def source(
    ctx: Context, role: str, label: str, known: Sequence[str] = (), *, several: bool = False
) -> str | list[UploadedFile]:
    """Where a model or data come from: an upload, a known place, or a path on this machine.

    A path may be typed by who sits at this machine; somebody who signs in from elsewhere must not
    make the server read what they could not read themselves.
    """
    t = ctx.t
    local = identity.current().known_by != "oidc"
    options = [UPLOAD, *known, *([PATH] if local else [])]
    chosen = st.selectbox(
        escape(label),
        options,
        format_func=lambda o: t(f"run.{o}") if o in (UPLOAD, PATH) else visible(o),
        key=f"source_{role}",
    )
    if chosen == PATH:
        return st.text_input(t.md("run.path.which"), key=f"path_{role}").strip()
    if chosen == UPLOAD:
        given = st.file_uploader(
            t.md("run.several" if several else "run.file"),
            accept_multiple_files=several,
            key=f"upload_{role}",
        )
        return given if isinstance(given, list) else [given] if given else []
    return chosen


def shown_place(given: str | list[UploadedFile], role: str) -> str:
    """The place as the command line shows it before anything is kept."""
    return given if isinstance(given, str) else f"UPLOADED-{role.upper()}"


def kept_place(given: str | list[UploadedFile], role: str) -> str:
    """The place that the command gets; what was uploaded is kept first."""
    if isinstance(given, str):
        if not given:
            raise InputError("no {role} is named", remedy="type its path, or upload it", role=role)
        return given
    files = [(f.name, f.getvalue()) for f in given]
    return str(starting.keep_upload(identity.current(), files, role=role))


def kept_once(given: str | list[UploadedFile], role: str) -> str:
    """The place of what was chosen so far, "" for nothing; what was uploaded is kept once a
    session, however often the page is drawn."""
    if isinstance(given, str) or not given:
        return given if isinstance(given, str) else ""
    kept: dict[tuple[str, ...], str] = st.session_state.setdefault(_KEPT, {})
    marks = (role, *(file.file_id for file in given))
    if marks not in kept or not Path(kept[marks]).exists():
        kept[marks] = kept_place(given, role)
    return kept[marks]


def new_folder(kind: str, name: str) -> Path:
    """A folder below EVENHAND_HOME that is not there yet: ``cases`` or ``models``."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in name)
    stamp = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    base = home().resolve() / kind / f"{plain.strip('-')[:60] or kind[:-1]}-{stamp}"
    place, number = base, 2
    while place.exists():
        place, number = base.with_name(f"{base.name}-{number}"), number + 1
    return place


def refused(ctx: Context, error: EvenhandError) -> None:
    """Why something was not started."""
    parts.problem(ctx.t("run.not_started"), error.message, error.remedy)


def start_button(ctx: Context, label: str, key: str) -> bool:
    """The button that starts; to who may not, it says who may."""
    may = identity.current().may("start")
    pressed = st.button(escape(label), key=key, icon=":material/play_arrow:", disabled=not may)
    if not may:
        st.caption(ctx.t.md("run.read_only"))
    return pressed and may


def listed(ctx: Context, kind: str = "") -> None:
    """The commands that this server started, with live progress while one runs."""
    busy = any(job.state != "ended" for job in jobs().all(kind))
    st.fragment(_list, run_every=_EVERY_S if busy else None)(ctx, kind, busy)


def _list(ctx: Context, kind: str, was_busy: bool) -> None:
    found = jobs().all(kind)
    if not found:
        st.caption(ctx.t.md("run.nothing"))
        return
    for job in found:
        _job(ctx, job)
    if was_busy != any(job.state != "ended" for job in found):
        st.rerun()  # begins or ends looking each second; at the end the cases have changed


def _job(ctx: Context, job: Job) -> None:
    t = ctx.t
    with st.container(border=True, gap="xsmall", key=f"job_{job.id}"):
        began = f"{job.started_at:%Y-%m-%d %H:%M} UTC"
        st.markdown(
            f"**{escape(t(f'run.kind.{job.kind}'))}** · "
            + t.md("run.by", name=job.by, date=began, seconds=str(round(job.elapsed_s)))
        )
        st.code(starting.command_line(job.arguments), language="bash", wrap_lines=True)
        if job.state == "ended":
            _ended(ctx, job)
        else:
            share = job.done / job.steps if job.steps else 0.0
            words = job.step or t("run.starting")
            st.progress(min(1.0, share), text=escape(f"{words} ({job.done}/{job.steps or '?'})"))
            st.button(
                t.md("run.stopping" if job.state == "stopping" else "run.stop"),
                key=f"stop_{job.id}",
                icon=":material/stop:",
                disabled=job.state == "stopping" or not identity.current().may("start"),
                on_click=_stop,
                args=(job,),
            )
        if job.messages:
            with st.expander(t.md("run.messages")):
                st.code("\n".join(visible(m) for m in list(job.messages)[-_MESSAGES:]))


def _stop(job: Job) -> None:
    jobs().stop(identity.current(), job)


def _ended(ctx: Context, job: Job) -> None:
    t, code = ctx.t, job.exit_code
    known = str(code) in ("0", "1", "2", "3", "4", "5", "6", "7", "130")
    word = t(f"exit.{code}") if known else t("exit.other", code=code)
    if job.error:
        parts.problem(word, str(job.error.get("message")), str(job.error.get("remedy") or ""))
    else:
        st.markdown(parts.named(t("run.ended"), escape(word), t))
    digest = str((job.result or {}).get("digest") or "")
    if digest and job.kind == "audit":
        state.link(
            parts.SUMMARY,
            escape(t("run.open")),
            icon=":material/arrow_forward:",
            case=digest.rsplit(":", 1)[-1][:16],
            finding="",
        )
    model, held_out = (job.result or {}).get("model"), (job.result or {}).get("held_out")
    if job.kind == "train" and code == 0 and model and held_out:
        st.button(
            t.md("run.audit_this"),
            key=f"audit_{job.id}",
            icon=":material/fact_check:",
            on_click=_audit_this,
            args=(str(model), str(held_out)),
        )
    if st.session_state.pop(_AUDIT_NEXT, False):
        st.switch_page(parts.RUN)
    if code == INTERRUPTED:
        st.button(
            t.md("run.resume"),
            key=f"resume_{job.id}",
            icon=":material/resume:",
            disabled=not identity.current().may("start"),
            on_click=_resume,
            args=(ctx, job),
        )


def _audit_this(model: str, data: str) -> None:
    """Puts a trained model and the rows that were held out into the form of an audit."""
    st.session_state.update(
        {"run_predictions": False, "source_model": model, "source_data": data, _AUDIT_NEXT: True}
    )


def _resume(ctx: Context, job: Job) -> None:
    again = [a for a in job.arguments if a != "--resume"]
    # the name of the model comes last, behind "--"
    place = again.index("--") if "--" in again else len(again)
    try:
        jobs().start(identity.current(), job.kind, [*again[:place], "--resume", *again[place:]])
    except EvenhandError as error:
        refused(ctx, error)
