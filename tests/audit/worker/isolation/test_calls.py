"""Every number of a system call, made in a locked process: the listed ones alone are answered."""

from __future__ import annotations

import errno
import os
import platform
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from evenhand.audit.worker.isolation import seccomp
from evenhand.audit.worker.isolation.calls import ALLOWED, FATAL, FIRST_NEW, JUDGED
from tests.audit.worker.isolation import locked

here = pytest.mark.skipif(not seccomp.supported(), reason="no table for this machine")
MACHINES = {"x86_64": 0, "aarch64": 1}
COLUMN = MACHINES.get(platform.machine(), 0)

# Arguments with which a call that is judged by its arguments gets past the filter and then fails in
# the kernel, or does nothing. "own" stands for the process itself.
HARMLESS: dict[str, list[Any]] = {
    "mmap": [0, 0, 0, 2, -1, 0],  # no length
    "madvise": [-1, -1, 4],
    "openat": [-1, -1, 0, 0],
    "open": [-1, 0, 0],
    "fcntl": [-1, 1, 0],
    "ioctl": [-1, 0x5401, 0],
    "pipe2": [-1, 0],
    "prctl": [15, -1, 0, 0, 0],
    "arch_prctl": [0x1022, -1],
    "kill": ["own", -1],
    "tgkill": ["own", -1, -1],
    "sched_getaffinity": [0, 8, -1],
    "prlimit64": [0, 7, 0, 0],
    "futex": [1, 1, 1, 0, 0, 0],  # wake at an address that is none
}
# uretprobe and uprobe of x86-64: some kernels answer them before they ask a filter. They end who
# makes the one, and say ENXIO to the other, anywhere but in a trampoline of the kernel's own.
UNFILTERED = {335, 336} if COLUMN == 0 else set()
# Calls that do not come back, or that start a thread in the middle of nowhere: tried on their own.
APART = {"exit", "exit_group", "rt_sigreturn", "clone"}


def number_of(name: str) -> int:
    found = {**ALLOWED, **JUDGED, **FATAL}[name][COLUMN]
    assert found is not None
    return found


@pytest.fixture(scope="module")
def tried() -> dict[int, dict[str, Any]]:
    """What became of the walk, and of each fatal call in a process of its own."""
    fatal = [row[COLUMN] for row in FATAL.values() if row[COLUMN] is not None]
    apart = set(fatal) | UNFILTERED | {number_of(name) for name in APART}
    arguments = {
        str({**ALLOWED, **JUDGED}[n][COLUMN]): given
        for n, given in HARMLESS.items()
        if {**ALLOWED, **JUDGED}[n][COLUMN] is not None
    }
    walked = [n for n in locked.BEYOND if n not in apart]
    alone = [*fatal, *UNFILTERED]
    alone += [number_of(name) for name in ("exit", "exit_group", "rt_sigreturn")]
    above = [0x40000000 + n for n in (0, 39, 101)] if platform.machine() == "x86_64" else []
    jobs = [
        {"do": "walk", "numbers": ns, "arguments": arguments}
        for ns in (walked, *([n] for n in (*alone, *above)))
    ]
    answers = locked.run([*jobs, {"do": "thread"}])
    found: dict[int, dict[str, Any]] = {
        number: {"errno": error} for number, error in answers[0]["found"]
    }
    assert len(found) == len(walked), answers[0]
    found |= dict(zip((*alone, *above), answers[1:-1], strict=True))
    return {**found, number_of("clone"): answers[-1]}


@here
def test_of_all_numbers_the_listed_ones_alone_are_answered(tried: dict[int, Any]) -> None:
    listed = seccomp.allowed_numbers(platform.machine())
    denied = {n for n, r in tried.items() if r.get("errno") in (errno.EPERM, errno.ENOSYS)}
    ended = {n for n, r in tried.items() if r.get("signal") == signal.SIGSYS}
    for number in UNFILTERED:
        answers = [error for _, error in tried[number].get("found", ())]
        if tried[number]["signal"] == signal.SIGILL or answers == [errno.ENXIO]:
            ended.add(number)
        elif answers in ([errno.EPERM], [errno.ENOSYS]):
            denied.add(number)
    assert set(tried) - denied - ended == set(listed)
    assert len(denied) > 400 and set(range(600)) <= set(tried)


@here
def test_old_calls_are_not_permitted_new_ones_not_there_and_some_fatal(
    tried: dict[int, Any],
) -> None:
    listed = seccomp.allowed_numbers(platform.machine())
    fatal = {number_of(name) for name, row in FATAL.items() if row[COLUMN] is not None}
    for number, result in tried.items():
        if number in fatal or number >= 0x40000000:
            assert result["signal"] == signal.SIGSYS, number
        elif number not in listed and number not in UNFILTERED:
            expected = errno.ENOSYS if number >= FIRST_NEW else errno.EPERM
            assert result["errno"] == expected, number


@here
def test_the_calls_that_do_not_come_back_are_made(tried: dict[int, Any]) -> None:
    # exit(-1) of the only thread, or of all, is the status 255; a return from no signal is a crash
    assert tried[number_of("exit")]["code"] == tried[number_of("exit_group")]["code"] == 255
    assert tried[number_of("rt_sigreturn")]["signal"] == signal.SIGSEGV
    assert tried[number_of("clone")]["found"] == [0]  # a thread ran, and knows its stack


@pytest.mark.parametrize("machine", MACHINES)
def test_the_numbers_are_those_of_the_kernels_headers(machine: str) -> None:
    places = {
        "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
        "aarch64": "/usr/include/asm-generic/unistd.h",
    }
    header = Path(places[machine])
    if not header.exists():
        pytest.skip(f"no {header}")
    pairs = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())
    known = {name: int(number) for name, number in pairs}
    # the table of 64-bit machines has two calls under the names of 32-bit ones
    known |= {"newfstatat": known.get("newfstatat", known.get("fstatat", -1))}
    for name, row in {**ALLOWED, **JUDGED, **FATAL}.items():
        number = row[MACHINES[machine]]
        if number is None:
            assert name not in known, f"{machine} has {name}"
        elif name in known or number < 440:  # headers may be older than the newest calls
            assert known[name] == number, name


# --- the filter as a program, for the machines that are not here too


def answer(lines: list[Any], number: int, arguments: tuple[int, ...] = (), arch: int = 0) -> int:
    """Runs a filter over one call, as seccomp(2) says."""
    data = {0: number, 4: arch}
    for i, value in enumerate(arguments):
        data[16 + 8 * i], data[20 + 8 * i] = value & 0xFFFFFFFF, (value >> 32) & 0xFFFFFFFF
    at, held = 0, 0
    while True:
        line, at = lines[at], at + 1
        if line.code == 0x06:
            return int(line.k)
        if line.code == 0x20:
            held = data.get(line.k, 0)
        elif line.code == 0x54:
            held &= line.k
        else:
            true = {0x15: held == line.k, 0x35: held >= line.k, 0x45: bool(held & line.k)}
            at += line.true if true[line.code] else line.false


YES, END, DENIED = 0x7FFF0000, 0x80000000, {0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS}


@pytest.mark.parametrize("machine", MACHINES)
def test_the_filter_of_each_machine_allows_its_list(machine: str) -> None:
    arch, column = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}[machine]
    lines = seccomp.program(77, machine)
    assert len(lines) < 4096
    sure = {row[column] for row in ALLOWED.values()}
    judged = {row[column] for row in JUDGED.values()}
    fatal = {row[column] for row in FATAL.values()}
    for number in range(1024):
        got = answer(lines, number, (0xFFFFFFFF,) * 6, arch)
        expected = {YES} if number in sure else {END} if number in fatal else DENIED
        assert got in expected or number in judged, number
    assert answer(lines, 0, arch=0x40000003) == END  # the entry of i386


# call -> arguments that are allowed; and that are not
CASES: dict[str, tuple[list[tuple[int, ...]], list[tuple[int, ...]]]] = {
    "kill": ([(77, 9)], [(1, 9), (0, 0), (0xFFFFFFFF, 9)]),
    "tgkill": ([(77, 78, 9)], [(1, 1, 9)]),
    "clone": ([(0x3D0F00,), (0x7D0F00,)], [(0x11,), (0x4111,), (0x3D0F00 | 0x20000,), (0x10F00,)]),
    "fcntl": (
        [(4, 1), (4, 3), (4, 4, 0o4000), (4, 1030, 5)],
        [(4, c) for c in (5, 6, 7, 8, 10, 15, 16, 37, 1024, 1026, 1031, 1033, 1036)]
        + [(4, 4, 0o20000)],
    ),
    "prctl": ([(15,), (16,), (23, 3)], [(1, 0), (4, 1), (22, 2), (35,), (36,), (0x59616D61,)]),
    "prlimit64": (
        [(0, 7, 0, 1), (77, 7, 0, 1)],
        [(1, 7, 0, 1), (0, 7, 1, 0), (0, 7, 1 << 32, 0), (77, 7, 5, 5)],
    ),
    "sched_getaffinity": ([(0,), (77,)], [(1,)]),
    "madvise": ([(0, 0, 4)], [(0, 0, 12), (0, 0, 100), (0, 0, 21)]),
    "mmap": ([(0, 1, 7, 0x22), (0, 1, 3, 1)], [(0, 1, 3, 0x40022), (0, 1, 3, 0x21)]),
    "openat": (
        [(0, 0, 0o2000000), (0, 0, 0o1102), (0, 0, 0o101, 0o755), (0, 0, 0, 0o7777)],
        [(0, 0, 0o1000), (0, 0, 0o20200002), (0, 0, 0o20000), (0, 0, 0o101, 0o4755)],
    ),
    "open": (
        [(0, 0), (0, 0o1101), (0, 0o102, 0o1777)],
        [(0, 0o1000), (0, 0o20200002), (0, 0o102, 0o2755)],
    ),
    "ioctl": ([(0, 0x5401)], [(0, 0x5412), (0, 0x40086602), (0, 0x80086601), (0, 0x541C)]),
    "pipe2": ([(0, 0), (0, 0o2004000)], [(0, 0o200), (0, 0o40000)]),
    "arch_prctl": ([(0x1023,)], [(0x1002,), (0x5001,), (0x1012,)]),
}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", CASES)
def test_dangerous_arguments_are_not_allowed(name: str, machine: str) -> None:
    arch, column = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}[machine]
    number = JUDGED[name][column]
    if number is None:
        pytest.skip(f"no {name} on {machine}")
    lines = seccomp.program(77, machine)
    for given in CASES[name][0]:
        assert answer(lines, number, given, arch) == YES, given
    for given in CASES[name][1]:
        assert answer(lines, number, given, arch) in DENIED, given


def test_every_judged_call_has_cases() -> None:
    assert set(CASES) == set(JUDGED) and os.name == "posix"
