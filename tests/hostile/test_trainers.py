"""``python -m evenhand.trainers`` shows what names and cells hold, and obeys none of it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from evenhand.trainers.command import main

EVIL = "\x1b]0;title\x07\x1b[2J\u202e\x9b31m"


@pytest.mark.parametrize("case", ["file", "target", "cell", "column", "option"])
def test_no_message_moves_the_terminal(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = {"x": range(40), "y": ["n", "p"] * 20}
    if case == "column":
        rows[f"z{EVIL}"] = ["1", f"a{EVIL}"] * 20  # type: ignore[assignment]
    if case == "cell":
        rows["y"] = ["n", f"p{EVIL}"] * 20
    pd.DataFrame(rows).to_csv(tmp_path / "rows.csv", index=False)
    recipe = {
        "data": str(tmp_path / "rows.csv"),
        "target": f"y{EVIL}" if case in ("target", "column") else "y",
        "positive_label": "p",
        "epochs": 1,
    }
    file = tmp_path / (f"no{EVIL}.yaml" if case == "file" else "recipe.yaml")
    if case != "file":
        file.write_text(json.dumps(recipe))
    line = [str(file), "--out", str(tmp_path / "model")]
    if case == "option":
        with pytest.raises(SystemExit) as ended:
            main([*line, f"--x{EVIL}"])
        code = ended.value.code
    else:
        code = main(line)
    said = capsys.readouterr()
    assert code == 2
    assert all(c.isprintable() or c == "\n" for c in said.out + said.err)
    assert "⟨U+001B⟩]0;title" in said.err or r"\x1b]0;title" in said.err  # or quoted


def test_a_bug_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from evenhand.trainers import job

    def breaks(*arguments: object, **named: object) -> None:
        raise RuntimeError(f"broken{EVIL}")

    monkeypatch.setattr(job, "train", breaks)
    assert main([str(tmp_path / "recipe.yaml"), "--out", str(tmp_path / "m")]) == 70
    said = capsys.readouterr().err
    assert said.startswith("error: a bug of ours: RuntimeError: broken⟨U+001B⟩]0;title")
    assert "Traceback" not in said
