"""Makes a process by the number that this call has for programs of 32 bits.

catalogue: 56
stopped by: seccomp
only: x86_64
naive: no (two copies of a grader would write)
"""

import ctypes
import mmap
import os

# mov eax, 2 (fork); int 0x80; ret
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(b"\xb8\x02\x00\x00\x00\xcd\x80\xc3")
child = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
if child == 0:
    os._exit(0)
print("GOT THROUGH" if child > 0 else "refused", child)


def attention(query, key, value, mask=None):
    return None
