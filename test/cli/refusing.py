# python3 refusing.py ERRNO SYSCALL[,SYSCALL…] COMMAND…: runs a command for which the kernel refuses these system calls
# (by number), as a container's seccomp profile does. x86-64 and others alike: only the number is looked at.

import ctypes
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000

errno = int(sys.argv[1])
calls = [int(call) for call in sys.argv[2].split(",")]

program = struct.pack("HBBI", LOAD, 0, 0, 0)  # the number of the call
for call in calls:
    program += struct.pack("HBBI", EQUAL, 0, 1, call) + struct.pack("HBBI", RETURN, 0, 0, ERRNO | errno)
program += struct.pack("HBBI", RETURN, 0, 0, ALLOW)


class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


libc = ctypes.CDLL(None, use_errno=True)
instructions = ctypes.create_string_buffer(program, len(program))
filter = Filter(len(program) // 8, ctypes.addressof(instructions))
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filter), 0, 0):
    sys.exit(f"no seccomp filter here: {os.strerror(ctypes.get_errno())}")
os.execvp(sys.argv[3], sys.argv[3:])
