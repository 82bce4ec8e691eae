"""How a training runs, beside what the recipe says is trained."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from evenhand.trainers.validate import Strict


class Training(Strict):
    """Where the model goes, and how far the run may go."""

    out: Path | None = Field(
        default=None,
        description="model folder to write (default: a new one in EVENHAND_HOME/models)",
    )
    resume: bool = Field(default=False, description="go on with the interrupted run of this --out")
    confined: bool = Field(
        default=False, description="a recipe may name files in its own folder alone"
    )
    plan: bool = Field(default=False, description="say what it would do and cost; train nothing")
