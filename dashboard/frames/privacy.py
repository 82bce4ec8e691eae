"""The privacy ledger of a case as a table: a row for each line that the case keeps. Pure."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from evenhand.audit.artifacts.kinds import LedgerTimeline
from evenhand.audit.words.text import visible
from evenhand.dashboard.i18n import Translator

LEDGER_COLUMNS = ("seq", "at", "event", "steps", "epsilon", "accountant")


def ledger_frame(document: LedgerTimeline, t: Translator) -> pd.DataFrame:
    """The ledger's lines in order, with LEDGER_COLUMNS.

    ``steps`` and ``epsilon`` are what counted by then: steps written ahead count before they are
    taken, so that a run that breaks off is never counted too low.
    """
    rows = [
        (
            entry.seq,
            datetime.fromisoformat(entry.at).strftime("%Y-%m-%d %H:%M:%S"),
            t.term("ledger", entry.event),
            entry.steps,
            float(entry.epsilon),
            visible(entry.accountant),
        )
        for entry in document.entries
    ]
    return pd.DataFrame(rows, columns=list(LEDGER_COLUMNS))


def runs_on(frame: pd.DataFrame) -> str:
    """What the timeline is drawn along: time, or steps where the run took hardly any time.

    The ledger's clock has seconds: a run of two of them would be two upright lines.
    """
    return "at" if frame["at"].nunique() > 2 else "steps"
