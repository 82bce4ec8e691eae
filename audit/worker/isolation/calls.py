"""The system calls that a worker may make; every other one is denied.

Traced while numpy, pandas, Arrow, scikit-learn, skops, torch, ONNX Runtime, XGBoost, LightGBM,
Transformers and MLflow opened models and scored rows, and read down to what they can't do without.
Numbers are those of <asm/unistd_64.h> (x86-64) and <asm-generic/unistd.h> (aarch64).
"""

from __future__ import annotations

from collections.abc import Mapping

Numbers = Mapping[str, tuple[int | None, int | None]]


def _table(text: str) -> Numbers:
    """``name:x86:arm`` words by name, "-" for not there; lines from "#" on are comments."""
    words = " ".join(line.partition("#")[0] for line in text.splitlines()).split()
    rows = (word.split(":") for word in words)
    return {name: (_number(x86), _number(arm)) for name, x86, arm in rows}


def _number(text: str) -> int | None:
    return None if text == "-" else int(text)


# In the order in which the filter asks: what is called most comes first.
ALLOWED = _table(
    """
    # reading and writing what is open
    read:0:63 write:1:64 lseek:8:62 close:3:57 pread64:17:67 readv:19:65 pwrite64:18:68
    writev:20:66 fsync:74:82 fdatasync:75:83 ftruncate:77:46 fadvise64:221:223 close_range:436:436
    dup:32:23 dup2:33:- dup3:292:24
    # looking at files; which ones, Landlock says
    newfstatat:262:79 fstat:5:80 stat:4:- lstat:6:- statx:332:291 getdents64:217:61 access:21:-
    faccessat:269:48 faccessat2:439:439 readlink:89:- readlinkat:267:78 getcwd:79:17
    # changing names, in the scratch folder alone under Landlock
    mkdir:83:- mkdirat:258:34 rmdir:84:- unlink:87:- unlinkat:263:35 rename:82:- renameat:264:38
    renameat2:316:276 umask:95:166
    # memory of its own; mmap and madvise are looked at below
    munmap:11:215 mprotect:10:226 brk:12:214 mremap:25:216 msync:26:227
    # threads of its own, and waiting; clone is looked at below
    futex:202:98 sched_yield:24:124 set_robust_list:273:99 rseq:334:293 getcpu:309:168
    nanosleep:35:101 clock_nanosleep:230:115 poll:7:- ppoll:271:73 select:23:- pselect6:270:72
    exit:60:93 exit_group:231:94
    # signals among its own threads; kill and tgkill are looked at below
    rt_sigaction:13:134 rt_sigprocmask:14:135 rt_sigreturn:15:139 sigaltstack:131:132
    restart_syscall:219:128
    # time, chance, and who it is
    clock_gettime:228:113 clock_getres:229:114 gettimeofday:96:169 time:201:- times:100:153
    getrandom:318:278 getpid:39:172 gettid:186:178 getppid:110:173 getuid:102:174 geteuid:107:175
    getgid:104:176 getegid:108:177 uname:63:160 sysinfo:99:179 getrusage:98:165 getrlimit:97:163
    """
)
# Needed, and a way out with other arguments: ``seccomp`` says with which they are allowed.
JUDGED = _table(
    """
    mmap:9:222 madvise:28:233 openat:257:56 open:2:- clone:56:220 fcntl:72:25 ioctl:16:29
    pipe2:293:59 prctl:157:167 arch_prctl:158:- kill:62:129 tgkill:234:131
    sched_getaffinity:204:123 prlimit64:302:261
    """
)
# No library that scores rows makes these, not even to see whether it may: who does is ended.
FATAL = _table(
    """
    # reading and steering other processes
    ptrace:101:117 process_vm_readv:310:270 process_vm_writev:311:271 pidfd_getfd:438:438
    # other roots, mounts and namespaces, and files by handle
    mount:165:40 umount2:166:39 pivot_root:155:41 chroot:161:51 unshare:272:97 setns:308:268
    open_tree:428:428 move_mount:429:429 fsopen:430:430 fsconfig:431:431 fsmount:432:432
    fspick:433:433 mount_setattr:442:442 open_by_handle_at:304:265
    # the kernel itself, the machine, its keys
    bpf:321:280 userfaultfd:323:282 init_module:175:105 finit_module:313:273 delete_module:176:106
    kexec_load:246:104 kexec_file_load:320:294 reboot:169:142 swapon:167:224 swapoff:168:225
    acct:163:89 iopl:172:- ioperm:173:- add_key:248:217 request_key:249:218 keyctl:250:219
    """
)
# Calls from here on came with Linux 5.1 and later. Libraries have an older way where there is "no
# such call", and the filter can judge that one; the older calls are answered "not permitted".
FIRST_NEW = 424
