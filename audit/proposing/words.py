"""Questions as they are asked: their words in each language, and the option that answers them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from evenhand.audit.proposing.proposal import Choice, OpenQuestion, said
from evenhand.audit.reason import Reasons


def question(
    key: str,
    text: Reasons,
    *,
    choices: Iterable[Choice] = (),
    proposed: Any = None,
    evidence: Reasons = (),
    is_needed: bool = False,
) -> OpenQuestion:
    """A question about a key of the subject file, which an option of the same name answers."""
    return OpenQuestion(
        key=key,
        text=said(text),
        option="--" + key.replace("_", "-"),
        choices=tuple(choices),
        proposed=proposed,
        evidence=evidence,
        is_needed=is_needed,
    )
