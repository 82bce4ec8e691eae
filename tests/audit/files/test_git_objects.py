"""Git's objects read without git: the same answers as git's own, nothing run, limits kept."""

from __future__ import annotations

import os
import random
import subprocess
import zlib
from datetime import datetime
from pathlib import Path

import pytest

from evenhand.audit.files import git_objects, git_packs
from evenhand.audit.files.git_packs import GitError
from evenhand.audit.subject.declared_file import DeclaredFile, read_declared
from evenhand.audit.words.reasons import render

WHO = {
    f"GIT_{who}_{what}": "a@example.org"
    for who in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}
QUIET = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
NAMES = ("limits.yaml", "a/limits.yaml", "a/b c/limits.yaml")


def git(folder: Path, *line: str, at: int = 1_700_000_000) -> str:
    dates = {"GIT_AUTHOR_DATE": f"{at} +0530", "GIT_COMMITTER_DATE": f"{at} +0530"}
    done = subprocess.run(
        ["git", *line],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **WHO, **QUIET, **dates},
    )
    return done.stdout.strip()


def history(folder: Path, kind: str = "sha1", seed: int = 0, commits: int = 20) -> Path:
    """Commits on two branches that meet again now and then; the files change and change
    back."""
    draw = random.Random(seed)
    folder.mkdir(exist_ok=True)
    git(folder, "init", "-q", "-b", "main", f"--object-format={kind}")
    for i in range(commits):
        if i % 10 == 3:
            git(folder, "checkout", "-q", "-b", f"side{i}")
        for name in draw.sample(NAMES, draw.randint(1, 3)):
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            rest = "".join(f"key{n}: {n}\n" for n in range(200))
            place.write_text(f"accuracy_min: 0.{draw.randint(1, 3)}\n{rest}")
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "--allow-empty", "-m", str(i), at=1_700_000_000 + 100 * i)
        if i % 10 == 7:
            git(folder, "checkout", "-q", "main")
            git(
                folder,
                "merge",
                "-q",
                "-s",
                "ours",
                "-m",
                "meet",
                f"side{i - 4}",
                at=1_700_000_050 + 100 * i,
            )
    return folder


def asked(file: Path) -> DeclaredFile:
    return read_declared(file)


def agrees(folder: Path) -> None:
    for name in NAMES:
        at, commit = git(folder, "log", "-1", "--format=%cI %H", "--", name).split()
        found = asked(folder / name)
        assert (found.commit, found.problem) == (commit, ())
        assert found.committed_at == datetime.fromisoformat(at)


@pytest.mark.parametrize("kind", ["sha1", "sha256"])
def test_loose_and_packed_histories_are_followed_as_git_follows_them(
    tmp_path: Path, kind: str
) -> None:
    folder = history(tmp_path, kind)
    agrees(folder)
    git(folder, "repack", "-q", "-a", "-d", "-f", "--depth=30")
    git(folder, "pack-refs", "--all")
    git(folder, "prune-packed")
    assert not [p for p in (folder / ".git/objects").iterdir() if len(p.name) == 2]
    agrees(folder)
    git(folder, "checkout", "-q", "--detach")
    agrees(folder)


def test_working_trees_and_short_clones(tmp_path: Path) -> None:
    folder = history(tmp_path / "one")
    git(folder, "worktree", "add", "-q", "-b", "other", "../two")
    agrees(tmp_path / "two")
    git(tmp_path, "clone", "-q", "--depth", "1", folder.as_uri(), "three")
    agrees(tmp_path / "three")


# What a stranger's configuration has git run on "status" and "log", and more of its kind.
CONFIGURED = {
    "a filter": '[filter "x"]\nclean = {run}\nsmudge = {run}\nprocess = {run}\n',
    "a monitor": "[core]\nfsmonitor = {run}\n",
    "a pager and an editor": "[core]\npager = {run}\neditor = {run}\naskPass = {run}\n",
    "a text conversion": '[diff "x"]\ntextconv = {run}\n[log]\nshowSignature = true\n'
    "[gpg]\nprogram = {run}\n",
    "a remote that is promised": '[remote "o"]\nurl = ext::{run}\npromisor = true\n'
    "[extensions]\npartialClone = o\n[protocol]\nallow = always\n",
}


@pytest.mark.parametrize("what", CONFIGURED)
def test_nothing_that_the_repository_configures_is_run(tmp_path: Path, what: str) -> None:
    canary = tmp_path / "canary"
    folder = tmp_path / "stranger"
    folder.mkdir()
    file = folder / "limits.yaml"
    file.write_text("accuracy_min: 0.8\n")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "x")
    (folder / ".gitattributes").write_text("* filter=x diff=x\n")
    script = tmp_path / "run.sh"
    script.write_text(f"#!/bin/sh\ntouch '{canary}'\ncat\n")
    script.chmod(0o755)
    for hook in ("post-index-change", "fsmonitor-watchman"):
        (folder / ".git" / "hooks").mkdir(exist_ok=True)
        (folder / ".git" / "hooks" / hook).write_text(script.read_text())
        (folder / ".git" / "hooks" / hook).chmod(0o755)
    with (folder / ".git" / "config").open("a") as config:
        config.write(CONFIGURED[what].replace("{run}", str(script)))
    os.utime(file, (1, 1))  # git looks at the content again
    assert asked(file).commit
    assert not canary.exists()


def test_nothing_outside_of_the_repository_is_read(tmp_path: Path) -> None:
    secret = history(tmp_path / "secret")
    head = git(secret, "rev-parse", "HEAD")
    content = (secret / NAMES[0]).read_bytes()

    def stranger(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / NAMES[0]).write_bytes(content)
        return folder

    borrowed = stranger("borrowed")
    git(borrowed, "init", "-q")
    (borrowed / ".git/objects/info").mkdir(exist_ok=True)
    (borrowed / ".git/objects/info/alternates").write_text(f"{secret}/.git/objects\n")
    (borrowed / ".git/HEAD").write_text(head)
    assert "is missing" in render(asked(borrowed / NAMES[0]).problem)
    linked = stranger("linked")
    git(linked, "init", "-q")
    (linked / ".git/HEAD").write_text(head)
    for old in sorted((linked / ".git/objects").rglob("*"), reverse=True):
        old.rmdir()
    (linked / ".git/objects").rmdir()
    (linked / ".git/objects").symlink_to(secret / ".git/objects")
    assert "outside" in render(asked(linked / NAMES[0]).problem)
    pointing = stranger("pointing")
    (pointing / ".git").write_text(f"gitdir: {secret}/.git\n")
    assert "knows nothing of it" in render(asked(pointing / NAMES[0]).problem)
    through = stranger("through")
    git(through, "init", "-q")
    (through / ".git/HEAD").write_text("ref: refs/heads/../../../secret/.git/HEAD\n")
    assert "no reference" in render(asked(through / NAMES[0]).problem)


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "limits.yaml").write_text("accuracy_min: 0.8\n")
    (tmp_path / ".git/HEAD").unlink()
    os.mkfifo(tmp_path / ".git/HEAD")
    assert "no regular file" in render(asked(tmp_path / "limits.yaml").problem)


def test_bombs_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = history(tmp_path / "x", commits=4)
    head, tree = git(folder, "rev-parse", "HEAD", "HEAD^{tree}").split()
    loose = folder / ".git/objects" / head[:2] / head[2:]
    loose.chmod(0o644)
    for announced in (1 << 30, 10):
        loose.write_bytes(zlib.compress(b"commit %d\0" % announced + bytes(64 << 20)))
        assert "damaged" in render(asked(folder / NAMES[0]).problem)
    # an entry of a pack that says that it is of 2^34 bytes: 4 bits of them, and 7 a byte more
    pack = tmp_path / "one.pack"
    pack.write_bytes(bytes([0x90, *[0x80] * 4, 0x04]) + zlib.compress(b"x"))
    with pytest.raises(GitError, match=f"{1 << 34:,} bytes is over 16 MiB"):
        git_packs.GitPack(pack.with_suffix(".idx"), tmp_path).read(0, 20)
    monkeypatch.setattr(git_objects, "MAX_SECONDS", -1.0)
    found = git_objects.repository_of(folder / NAMES[0])
    assert found is not None
    with pytest.raises(GitError, match="takes more than"):
        found[0].object(tree, b"tree")


def test_changes_copy_and_insert() -> None:
    # sizes 5 and 7; copy 3 bytes from place 2; insert 4 new ones: "llo" and "abcd"
    change = bytes([5, 7, 0b10010001, 2, 3, 4]) + b"abcd"
    assert git_packs.changed(b"hello", change) == b"lloabcd"
    for broken in (
        change[:-1],
        change[:3],
        bytes([5, 7, 0]),
        bytes([4, 7]) + change[2:],
        bytes([5, 7, 0b10010001, 4, 3]),
        b"",
        b"\xff" * 20,
    ):
        with pytest.raises(GitError):
            git_packs.changed(b"hello", broken)


def test_broken_repositories_end_in_a_reason(tmp_path: Path) -> None:
    """Every file of .git with a byte changed or cut off somewhere: a commit, or why there is
    none."""
    folder = history(tmp_path, seed=1)
    git(folder, "repack", "-q", "-a", "-d")
    true = asked(folder / NAMES[0])
    draw = random.Random(5)
    files = [p for p in (folder / ".git").rglob("*") if p.is_file() and "hooks" not in p.parts]
    for _ in range(60):
        file = draw.choice([p for p in files if p.suffix in (".idx", ".pack")] + files[:3])
        file.chmod(0o644)
        kept = file.read_bytes()
        if not kept:
            continue
        broken = bytearray(kept)
        broken[draw.randrange(len(broken))] ^= 1 << draw.randrange(8)
        file.write_bytes(broken[: draw.randrange(len(broken))] if draw.random() < 0.3 else broken)
        found = asked(folder / NAMES[0])
        # ids are hashes: what is read is as it was written, or it isn't read
        assert found.problem or (found.commit, found.committed_at) == (
            true.commit,
            true.committed_at,
        )
        file.write_bytes(kept)
