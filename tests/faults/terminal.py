"""A command on a pseudo-terminal of 80 columns: `terminal.py PROMPT ANSWER COMMAND...`. Once PROMPT is printed, ANSWER is typed.
Prints all that was shown, then exits as the command does."""

import fcntl
import os
import pty
import struct
import sys
import termios

prompt, answer, command = sys.argv[1].encode(), sys.argv[2].encode().decode("unicode_escape").encode(), sys.argv[3:]
child, terminal = pty.fork()
if child == 0:
    # Before the command looks at its width.
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.execvp(command[0], command)
shown, isAnswered = b"", False
while True:
    try:
        read = os.read(terminal, 65536)
    except OSError:  # EIO: the command has ended.
        break
    if not read:
        break
    shown += read
    if not isAnswered and prompt in shown:
        isAnswered = True
        os.write(terminal, answer)
_, status = os.waitpid(child, 0)
sys.stdout.buffer.write(shown)
sys.stdout.flush()
if not isAnswered:
    sys.stderr.write("The prompt was never shown.\n")
os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
