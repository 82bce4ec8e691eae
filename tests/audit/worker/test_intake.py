"""Copy-in: regular files with one name each, counted and measured; everything else is refused."""

from __future__ import annotations

import gc
import os
import socket
from pathlib import Path

import pytest

from evenhand.audit.errors import InputError, LimitError, UnsafeModelError
from evenhand.audit.files.canonical import digest_path
from evenhand.audit.worker import intake
from evenhand.audit.worker.intake import copy_in


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "part").mkdir(parents=True)
    (folder / "model.json").write_text("{}")
    (folder / "part" / "weights").write_bytes(b"\0" * 5_000_000)
    return folder


def test_a_folder_is_copied_whole_and_its_digest_is_of_the_copy(model: Path) -> None:
    expected = digest_path(model)
    copied = copy_in(model)
    (model / "model.json").write_text("exchanged")  # after the look, before the reading
    assert copied.digest == expected == digest_path(copied.model)
    assert copied.folder.stat().st_mode & 0o077 == 0
    folder = copied.folder
    del copied
    gc.collect()
    assert not folder.exists()


@pytest.mark.parametrize("place", ["itself", "inside", "folder"])
def test_symbolic_links_are_refused(model: Path, tmp_path: Path, place: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    target = {"itself": tmp_path / "link", "inside": model / "link", "folder": model / "up"}[place]
    target.symlink_to(tmp_path if place == "folder" else secret)
    with pytest.raises(UnsafeModelError, match="is a symbolic link") as caught:
        copy_in(target if place == "itself" else model)
    assert caught.value.exit_code == 5 and "cp -rL" in caught.value.remedy


def test_hard_links_pipes_and_sockets_are_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    os.link(tmp_path / "secret", model / "hard")
    with pytest.raises(UnsafeModelError, match="2 names on the disk"):
        copy_in(model)
    (model / "hard").unlink()
    os.mkfifo(model / "pipe")  # opening it to read would wait for ever
    with pytest.raises(UnsafeModelError, match="no regular file"):
        copy_in(model)
    (model / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(model / "s"))
        with pytest.raises(UnsafeModelError, match="a socket"):
            copy_in(model)
    with pytest.raises(UnsafeModelError, match="no regular file"):
        copy_in("/dev/zero")


def test_too_many_too_deep_too_large(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MAX_BYTES", 4_000_000)
    with pytest.raises(LimitError, match="GiB") as caught:
        copy_in(model)
    assert caught.value.exit_code == 6
    monkeypatch.setattr(intake, "MAX_FILES", 2)
    with pytest.raises(LimitError, match="over 2 files"):
        copy_in(model)
    monkeypatch.undo()
    (tmp_path / "deep" / "/".join(["d"] * 20)).mkdir(parents=True)
    with pytest.raises(LimitError, match="deep"):
        copy_in(tmp_path / "deep")


def test_a_file_without_disk_for_it_is_an_input_error(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as handle:
        handle.truncate(15 << 30)
    import shutil

    if shutil.disk_usage("/tmp").free > 15 << 30:
        pytest.skip("there is room for it")
    with pytest.raises(InputError, match="left"):
        copy_in(tmp_path / "sparse")


def test_a_missing_model_names_its_neighbours(model: Path) -> None:
    with pytest.raises(InputError) as caught:
        copy_in(model.parent / "modle")
    assert "model" in caught.value.remedy
