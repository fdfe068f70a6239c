"""Calls parts of the kernel that have been broken into before.

catalogue: 57
stopped by: seccomp
only: x86_64
naive: yes
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)


def attempt(name, result):
    error = ctypes.get_errno()
    print("GOT THROUGH:" if result >= 0 else "refused:", name, os.strerror(error) if result < 0 else "")


room = ctypes.create_string_buffer(256)
CALLS = {"unshare": (272, 0x10000000), "setns": (308, 0, 0), "bpf": (321, 5, room, 128), "io_uring": (425, 4, room)}
CALLS |= {"userfaultfd": (323, 1), "keyctl": (250, 0, -3, 1), "perf_event_open": (298, room, 0, -1, -1, 0)}
CALLS |= {"fsopen": (430, b"tmpfs", 0), "syslog": (103, 10, 0, 0), "personality": (135, 0xFFFFFFFF)}
for name, (number, *arguments) in CALLS.items():
    attempt(name, libc.syscall(number, *arguments))


def attention(query, key, value, mask=None):
    return None
