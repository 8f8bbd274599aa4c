"""`keys.py KEY SECONDS PROGRAM WORD...`: runs a program on a terminal of its own, and presses a key after so long. Ends as the program does; 99
where it goes on for a minute."""

import os
import pty
import select
import sys
import time

key, seconds, *command = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    os.execv(command[0], command)
began, pressed = time.monotonic(), False
while time.monotonic() - began < 60:
    if not pressed and time.monotonic() - began >= float(seconds):
        os.write(terminal, key.encode())
        pressed = True
    if select.select([terminal], [], [], 0.1)[0]:
        try:
            os.read(terminal, 4096)
        except OSError:
            pass
    ended, status = os.waitpid(child, os.WNOHANG)
    if ended:
        sys.exit(os.waitstatus_to_exitcode(status))
os.kill(child, 9)
sys.exit(99)
