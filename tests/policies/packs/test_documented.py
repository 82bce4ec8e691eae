"""The pack in docs/packs.md loads and has no complaints."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from evenhand.audit.run.catalogue import measure_index
from evenhand.policies.lint import lint
from evenhand.policies.pack import parse_pack

DOCUMENT = Path(__file__).parents[3] / "docs" / "packs.md"


def test_the_documented_pack_is_sound() -> None:
    text = DOCUMENT.read_text("utf-8").split("```yaml")[1].split("```")[0]
    pack = parse_pack(text.encode(), "docs/packs.md")
    complaints = lint(pack, measures=measure_index(), as_of=date(2026, 11, 22))
    assert complaints == []
    assert [i.id for i in pack.items] == ["LEND-1"]
