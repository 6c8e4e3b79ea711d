# A terminal with a shell in it, for terminal.ts. Each line on standard input is a JSON command; what the shell and its
# programs write comes out as it is.
import fcntl, json, os, pty, select, struct, sys, termios

rows, columns = int(sys.argv[1]), int(sys.argv[2])


def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


pid, master = pty.fork()
if pid == 0:
    resize(0, rows, columns)
    os.environ.update(PS1="shell> ", TERM="xterm-256color", ENV="")
    os.execvp("sh", ["sh", "-i"])

pending = b""
while True:
    ready, _, _ = select.select([master, 0], [], [])
    if master in ready:
        try:
            data = os.read(master, 65536)
        except OSError:  # the shell has ended
            break
        if not data:
            break
        os.write(1, data)
    if 0 in ready:
        data = os.read(0, 65536)
        if not data:
            break
        pending += data
        *lines, pending = pending.split(b"\n")
        for line in lines:
            command = json.loads(line)
            if "keys" in command:
                os.write(master, command["keys"].encode())
            else:
                resize(master, *command["size"])
os.close(master)  # a hangup for all that is left
