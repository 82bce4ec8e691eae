"""seccomp by ctypes: the system calls that a model has no use for answer "not permitted".

The filter is a list of what is denied, not of what is allowed: numerical libraries differ too much
in what they call. What it denies is every way out of the process that is no file (sockets, other
programs, other processes, kernel interfaces), and those ways to change files that Landlock doesn't
watch. Numbers are those of <asm/unistd_64.h> and <asm-generic/unistd.h>.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass


def _numbers(table: str) -> dict[str, tuple[int | None, int | None]]:
    """``name:x86:arm`` words by name; lines from "#" on are comments."""
    words = " ".join(line.partition("#")[0] for line in table.splitlines()).split()
    rows = (word.split(":") for word in words)
    return {n: (_number(x86), _number(arm)) for n, x86, arm in rows}


def _number(text: str) -> int | None:
    return None if text == "-" else int(text)


# One system call a word: name:x86-64:aarch64 (and others of the generic table); "-": not there.
_DENIED = _numbers(
    """
    # the network, and sockets of any other kind
    socket:41:198 socketpair:53:199 connect:42:203 bind:49:200 listen:50:201 accept:43:202
    accept4:288:242 sendmsg:46:211 sendmmsg:307:269 recvmsg:47:212 recvmmsg:299:243
    # other programs and other processes
    execve:59:221 execveat:322:281 fork:57:- vfork:58:- ptrace:101:117 process_vm_readv:310:270
    process_vm_writev:311:271 tkill:200:130 rt_sigqueueinfo:129:138 rt_tgsigqueueinfo:297:240
    pidfd_send_signal:424:424 pidfd_open:434:434 pidfd_getfd:438:438 kcmp:312:272
    process_madvise:440:440 process_mrelease:448:448 migrate_pages:256:238 move_pages:279:239
    setpgid:109:154 setsid:112:157
    # namespaces and mounts
    unshare:272:97 setns:308:268 mount:165:40 umount2:166:39 pivot_root:155:41 chroot:161:51
    open_tree:428:428 move_mount:429:429 fsopen:430:430 fsconfig:431:431 fsmount:432:432
    fspick:433:433 mount_setattr:442:442
    # interfaces of the kernel whose faults have been ways out of sandboxes
    bpf:321:280 perf_event_open:298:241 userfaultfd:323:282 io_uring_setup:425:425
    io_uring_enter:426:426 io_uring_register:427:427 add_key:248:217 request_key:249:218
    keyctl:250:219 init_module:175:105 finit_module:313:273 delete_module:176:106
    kexec_load:246:104 kexec_file_load:320:294 reboot:169:142 swapon:167:224 swapoff:168:225
    acct:163:89 quotactl:179:60 quotactl_fd:443:443 sethostname:170:161 setdomainname:171:162
    settimeofday:164:170 clock_settime:227:112 adjtimex:159:171 clock_adjtime:305:266 iopl:172:-
    ioperm:173:- modify_ldt:154:- lookup_dcookie:212:18 nfsservctl:180:42
    name_to_handle_at:303:264 open_by_handle_at:304:265 syslog:103:116 personality:135:92
    fanotify_init:300:262 fanotify_mark:301:263 vhangup:153:58 memfd_secret:447:447
    seccomp:317:277
    # memory and queues shared with other processes
    shmget:29:194 shmat:30:196 shmctl:31:195 semget:64:190 semop:65:193 semctl:66:191
    semtimedop:220:192 msgget:68:186 msgsnd:69:189 msgrcv:70:188 msgctl:71:187 mq_open:240:180
    # changes to files that Landlock does not watch, or not in its first versions
    truncate:76:45 chmod:90:- fchmodat:268:53 fchmodat2:452:452 chown:92:- lchown:94:-
    fchownat:260:54 utime:132:- utimes:235:- futimesat:261:- utimensat:280:88 setxattr:188:5
    lsetxattr:189:6 removexattr:197:14 lremovexattr:198:15 setxattrat:463:463
    removexattrat:466:466 file_setattr:469:469 mknod:133:- mknodat:259:33 link:86:-
    linkat:265:37 symlink:88:- symlinkat:266:36
    # who it is
    setuid:105:146 setgid:106:144 setreuid:113:145 setregid:114:143 setresuid:117:147
    setresgid:119:149 setgroups:116:159 capset:126:91 setrlimit:160:164
    """
)
# Answered "no such call": libraries then fall back to an older call, which the filter can judge.
_ABSENT = _numbers("clone3:435:435 openat2:437:437")
_CLONE, _KILL, _TGKILL = (56, 220), (62, 129), (234, 131)
_OPENAT, _IOCTL, _PRLIMIT = (257, 56), (16, 29), (302, 261)
_OPEN: tuple[int, int | None] = (2, None)
_CLONE_THREAD = 0x10000
_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: typing into somebody's terminal

_LOAD, _EQ, _GE, _SET, _AND, _RET = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1), "arm64": (0xC00000B7, 1)}


@dataclass(frozen=True)
class _Jump:
    """One instruction: ``code``, operand ``k``, and how far to jump where true and where false."""

    code: int
    k: int
    true: int = 0
    false: int = 0


def supported() -> bool:
    """Whether there is a table of system calls for this machine."""
    return os.name == "posix" and platform.system() == "Linux" and _machine() in _ARCHITECTURES


def _machine() -> str:
    # A 32-bit Python on a 64-bit kernel makes calls of another table.
    return platform.machine() if struct.calcsize("P") == 8 else "32 bits"


def program(pid: int) -> list[_Jump]:
    """The filter for this machine and the process ``pid``, which may signal itself alone."""
    arch, column = _ARCHITECTURES[_machine()]
    refuse = _Jump(_RET, _ERRNO | errno.EPERM)
    lines = [
        _Jump(_LOAD, _ARCH),
        _Jump(_EQ, arch, true=1),
        _Jump(_RET, _KILL_PROCESS),
        _Jump(_LOAD, _NUMBER),
    ]
    if column == 0:  # the x32 calls have a table of their own above this bit
        lines += [_Jump(_GE, 0x40000000, false=1), _Jump(_RET, _KILL_PROCESS)]
    for answer, table in ((errno.EPERM, _DENIED), (errno.ENOSYS, _ABSENT)):
        numbers = {row[column] for row in table.values()}
        for number in sorted(n for n in numbers if n is not None):
            lines += [_Jump(_EQ, number, false=1), _Jump(_RET, _ERRNO | answer)]
    # A thread is a clone of the same process; any other clone is a new one.
    lines += _when(_CLONE[column], [_argument(0), _Jump(_SET, _CLONE_THREAD, true=1), refuse])
    for call in (_KILL, _TGKILL):
        lines += _when(call[column], [_argument(0), _Jump(_EQ, pid, true=1), refuse])
    # Limits may be read, not set: the pointer to new ones has to be null.
    lines += _when(
        _PRLIMIT[column],
        [
            *(_argument(2), _Jump(_EQ, 0, false=2), _argument(2, high=True)),
            *(_Jump(_EQ, 0, true=1), refuse),
        ],
    )
    for request in _TERMINAL_INPUT:
        lines += _when(_IOCTL[column], [_argument(1), _Jump(_EQ, request, false=1), refuse])
    # Opening for reading with O_TRUNC empties the file, which old Landlocks take for reading.
    for opens, position in ((_OPEN, 1), (_OPENAT, 2)):
        lines += _when(
            opens[column],
            [
                *(_argument(position), _Jump(_AND, os.O_TRUNC | os.O_ACCMODE)),
                *(_Jump(_EQ, os.O_TRUNC | os.O_RDONLY, false=1), refuse),
            ],
        )
    return [*lines, _Jump(_RET, _ALLOW)]


def _argument(position: int, *, high: bool = False) -> _Jump:
    """Loads one half of a system call's argument (little-endian machines)."""
    return _Jump(_LOAD, _ARGUMENTS + 8 * position + 4 * high)


def _when(number: int | None, body: list[_Jump]) -> list[_Jump]:
    """``body`` where the call is ``number``; it ends with the number loaded again."""
    if number is None:
        return []
    again = [*body, _Jump(_LOAD, _NUMBER)]
    return [_Jump(_EQ, number, false=len(again)), *again]


class _Filter(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_uint16),
        ("jt", ctypes.c_uint8),
        ("jf", ctypes.c_uint8),
        ("k", ctypes.c_uint32),
    ]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("filter", ctypes.POINTER(_Filter))]


def install() -> None:
    """Filters this thread and all it will start, for good. NO_NEW_PRIVS must be set.

    Raises OSError where the kernel refuses or the machine has no table.
    """
    if not supported():
        raise OSError(errno.ENOSYS, f"no table of system calls for {platform.machine()}")
    lines = program(os.getpid())
    array = (_Filter * len(lines))(*(_Filter(i.code, i.true, i.false, i.k) for i in lines))
    filtered = _Program(len(lines), array)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(22, 2, ctypes.byref(filtered), 0, 0) != 0:  # PR_SET_SECCOMP, MODE_FILTER
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")
