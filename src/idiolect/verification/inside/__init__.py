"""What runs inside the sandbox: a tester and, in another process, the program it tests.

The program is never in the process that judges it. The tester forks before it reads the tests;
the fork runs the program and answers calls over two pipes; only plain data come back. So a
program can neither see the expected values nor reach the place where they are compared: an
object that claims to equal everything, a patched `assert`, `sys.exit(0)` and a closed stdout
all end as failed tests.

These files use the standard library only and import quickly: they are started once for every
program. They are mounted into the sandbox by themselves, so nothing else of idiolect is there.
"""
