# The other side of shared-memory.mjs, which starts it: turns the text into capitals.

import sys
from multiprocessing import shared_memory

NAME = "example-memory"
ASKED, ANSWERED = 1, 2

if sys.version_info >= (3, 13):
    memory = shared_memory.SharedMemory(NAME, track=False)
else:
    # Python's resource tracker would unlink the segment when this program ends, although Node made it.
    from multiprocessing import resource_tracker

    memory = shared_memory.SharedMemory(NAME)
    resource_tracker.unregister("/" + memory.name, "shared_memory")

words = memory.buf[:8].cast("i")
if words[0] != ASKED:
    sys.exit(f"state {words[0]}: nothing was asked")
length = words[1]
text = bytes(memory.buf[8 : 8 + length]).decode()
print(f"python read: {text}", flush=True)
memory.buf[8 : 8 + length] = text.upper().encode()
words[0] = ANSWERED

words.release()  # close() refuses while views are alive
memory.close()
