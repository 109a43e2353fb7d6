"""What a worker gives up before it reads the first byte that nobody vouches for.

Always, by limits: memory, processor time, writing files, more descriptors, processes, core dumps. On Linux, by a
seccomp filter as well: of all system calls only those are left that reading open descriptors, answering, and managing
one's own memory take. So it opens no file, has no network, starts nothing and signals nobody, whatever the bytes made
of it. Everything else is answered with EPERM. The filter is a list of numbers per processor and cannot be taken back.
Source: seccomp(2), prctl(2), setrlimit(2); the kernel's syscall tables for x86-64 and for arm64.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct
import sys

MEMORY_BYTES = 1 << 30
CPU_S = 600
DESCRIPTORS = 16

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
_SECCOMP_MODE_FILTER = 2
_ALLOW, _DENY = 0x7FFF0000, 0x00050000 | 1  # SECCOMP_RET_ERRNO with EPERM
_KILL = 0x80000000
_LOAD, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF_LD+W+ABS, BPF_JMP+JEQ+K, BPF_RET+K
_NUMBER_AT, _MACHINE_AT = 0, 4  # in struct seccomp_data

# By AUDIT_ARCH: read write close lseek mmap mprotect munmap brk mremap madvise futex pread64 recvfrom sendto recvmsg
# sendmsg rt_sigreturn rt_sigaction rt_sigprocmask clock_gettime clock_nanosleep getrandom sched_yield getpid
# restart_syscall exit exit_group
_CALLS = {
    "x86_64": (
        0xC000003E,
        (0, 1, 3, 8, 9, 10, 11, 12, 25, 28, 202, 17, 45, 44, 47, 46, 15, 13, 14, 228, 230, 318, 24, 39, 219, 60, 231),
    ),
    "aarch64": (
        0xC00000B7,
        (
            *(63, 64, 57, 62, 222, 226, 215, 214, 216, 233, 98, 67, 207, 206, 212),
            *(211, 139, 134, 135, 113, 115, 278, 124, 172, 128, 93, 94),
        ),
    ),
}


class _Program(ctypes.Structure):
    _fields_ = (("count", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def confine(*, memory_bytes: int = MEMORY_BYTES, cpu_s: int = CPU_S) -> bool:
    """Give everything up that reading does not take; returns whether the kernel filters system calls, too.

    Args:
        memory_bytes: how much address space the process may have, what is loaded already included.
        cpu_s: how long it may compute in its whole life.

    Raises:
        OSError: the kernel has filters and refuses this one. The worker must not go on then.
    """
    _limit(memory_bytes, cpu_s)
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    _prctl(libc, _PR_SET_PDEATHSIG, signal.SIGKILL)
    _prctl(libc, _PR_SET_DUMPABLE, 0)
    _prctl(libc, _PR_SET_NO_NEW_PRIVS, 1)
    known = _CALLS.get(platform.machine())
    if known is None or not os.path.exists("/proc/sys/kernel/seccomp"):
        return False
    instructions = _filter(*known)
    program = _Program(len(instructions) // 8, instructions)
    _prctl(libc, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program))
    return True


def _limit(memory_bytes: int, cpu_s: int) -> None:
    limits = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: DESCRIPTORS,
        resource.RLIMIT_NPROC: 0,
    }
    for which, most in limits.items():
        _, hard = resource.getrlimit(which)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (most, most))


def _filter(machine: int, numbers: tuple[int, ...]) -> bytes:
    """The program: another machine's calls kill, these calls pass, all others fail."""
    steps = [
        (_LOAD, 0, 0, _MACHINE_AT),
        (_JUMP_EQUAL, 1, 0, machine),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    for left, number in zip(range(len(numbers), 0, -1), numbers, strict=True):
        steps.append((_JUMP_EQUAL, left, 0, number))  # over the numbers that are left and the denial
    steps += [(_RETURN, 0, 0, _DENY), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _prctl(libc: ctypes.CDLL, option: int, *arguments: int) -> None:
    if libc.prctl(option, *(ctypes.c_ulong(each) for each in (*arguments, 0, 0, 0, 0)[:4])) != 0:
        raise OSError(ctypes.get_errno(), "the kernel refuses to confine this process")
