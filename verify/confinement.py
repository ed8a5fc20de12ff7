"""What a process can no longer do once it is about to read a hostile file.

`confine` takes away memory, processor time, files, sockets, processes and signals. It is called in
a freshly forked child that holds three descriptors: the file, the answer's pipe, and /dev/null.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
from dataclasses import dataclass
from functools import cache

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one file may cost."""

    memory: int = 512 * MEBIBYTE
    """Address space in octets: a 14 kB file can inflate to 2.1 GiB."""
    seconds: int = 7
    """Processor and wall time; with the wait for a place before and the judging after it, the
    report comes within 10 s."""
    wait_seconds: float = 1.0
    """How long a file waits for a place before `TooManyError`."""
    at_once: int = 4
    """Files examined at the same time; each may take `memory`."""
    answer: int = 256 * 1024
    """Octets of the child's answer; a normal one has half a kB."""
    syscall_filter: bool = True
    """Let the kernel refuse every system call but those of a calculation (seccomp). Without it a
    child still cannot open anything, but it could send signals to processes of the same user."""


class ConfinementError(Exception):
    """The kernel refused to take a power away."""


# linux/prctl.h, linux/seccomp.h
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
_RET_KILL_PROCESS = 0x80000000
_RET_EPERM = 0x00050001
_RET_ALLOW = 0x7FFF0000
# linux/bpf_common.h: load a word of struct seccomp_data, jump if equal, return
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_OFFSET_OF_NUMBER, _OFFSET_OF_ARCHITECTURE = 0, 4

# What a calculation needs: memory, its three descriptors, clocks, its own end. Numbers of
# asm/unistd_64.h and of asm-generic/unistd.h; architectures as AUDIT_ARCH_… of linux/audit.h.
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CALLS = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "pread64": (17, 67),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "brk": (12, 214),
    "futex": (202, 98),
    "getrandom": (318, 278),
    "clock_gettime": (228, 113),
    "gettimeofday": (96, 169),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "rseq": (334, 293),
    "exit": (60, 93),
    "exit_group": (231, 94),
}

_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int, *([ctypes.c_ulong] * 4)]
_libc.prctl.restype = ctypes.c_int


class _Program(ctypes.Structure):
    """`struct sock_fprog` of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def _prctl(option: int, *arguments: int) -> None:
    padded = (*arguments, 0, 0, 0, 0)[:4]
    if _libc.prctl(option, *padded) != 0:
        raise ConfinementError(f"prctl {option}: {os.strerror(ctypes.get_errno())}")


@cache
def filter_program(machine: str) -> bytes:
    """Give the BPF instructions that allow `_CALLS` and refuse every other call with EPERM.

    A call by the numbers of another architecture ends the process. Raises `ConfinementError` for
    machines whose numbers are not known here.
    """
    if machine not in _ARCHITECTURES:
        raise ConfinementError(f"no filter for {machine}")
    column = list(_ARCHITECTURES).index(machine)
    numbers = [row[column] for row in _CALLS.values()]
    program = [
        (_LOAD, 0, 0, _OFFSET_OF_ARCHITECTURE),
        (_JUMP_IF_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _RET_KILL_PROCESS),
        (_LOAD, 0, 0, _OFFSET_OF_NUMBER),
        *((_JUMP_IF_EQUAL, len(numbers) - i, 0, number) for i, number in enumerate(numbers)),
        (_RETURN, 0, 0, _RET_EPERM),
        (_RETURN, 0, 0, _RET_ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def make_undumpable() -> None:
    """Refuse core files and other processes of the same user a look into this one's memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(_PR_SET_DUMPABLE, 0)


def die_with(parent: int) -> None:
    """End this process when `parent` ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel was told
        raise ConfinementError("the parent is gone")


def confine(limits: Limits) -> None:
    """Leave this process nothing but its memory, its time and the three descriptors it holds."""
    for what, amount in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CPU, limits.seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 3),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (amount, amount))
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if limits.syscall_filter:
        instructions = filter_program(platform.machine())
        program = _Program(len(instructions) // 8, instructions)
        _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program))
