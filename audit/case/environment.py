"""What a rerun of an audit may differ in: versions, machine, times (``environment.json``)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from evenhand.audit.files.shapes import EmptyIfNull, Shape, Texts


class AnnouncedRun(Shape):
    """Which run this is: the register's ``entry`` of its plan, ``number`` of ``in_all`` runs of
    this model on these data with ``plans`` different plans; ``on_data`` runs on the data in all.
    ``entry_digest`` says which register's entry it is."""

    entry: int
    plan: str = ""
    number: int
    in_all: int
    on_data: int = 0
    plans: int = 1
    entry_digest: str = ""


class Opening(Shape):
    """How the model was opened: what opening its format amounts to (``trust``), the ``level`` of
    isolation, by which ``means``, and which of them the machine is ``lacking``."""

    trust: str | None = None
    level: str | None = None
    means: Texts = ()
    lacking: Texts = ()


class Environment(Shape):
    """``environment.json``; times in ISO 8601. ``resumed`` and ``from_cache`` name the checks that
    were not measured in this process; ``not_taken`` those whose kept answer was damaged or not this
    home's, and which were measured again."""

    evenhand: str | None = None
    python: str | None = None
    platform: str | None = None
    machine: str | None = None
    cores: int | None = None
    packages: Annotated[dict[str, str], EmptyIfNull] = Field(default_factory=dict)
    started_at: str | None = None
    finished_at: str | None = None
    isolation: str | None = None
    command: Texts = ()
    opening: Opening | None = None
    run: AnnouncedRun | None = None
    resumed: Texts = ()
    from_cache: Texts = ()
    not_taken: Texts = ()
