"""python3 on_terminal.py COLUMNS[,COLUMNS...] OUT COMMAND...: runs it on a terminal of this width, 24 rows, whose width becomes the
next one after each read of something; every byte that it wrote goes to the file OUT. Ends with the command's exit code."""
import fcntl
import os
import pty
import struct
import sys
import termios

widths = [int(w) for w in sys.argv[1].split(",")]


def resize(fd, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


pid, fd = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    resize(1, widths[0])
    os.execvp(sys.argv[3], sys.argv[3:])
with open(sys.argv[2], "wb") as out:
    while True:
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        out.write(data)
        out.flush()
        if len(widths) > 1:
            widths.pop(0)
            resize(fd, widths[0])
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
