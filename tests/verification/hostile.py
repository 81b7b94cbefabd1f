# ruff: noqa: E501 -- programs are clearer on one line each
"""Programs that try to harm the host, to hang, or to pass tests that they do not pass.

Each gives the source of a program that should define `f` with `f(11) == 121` and does not.
"""

WRONG = "def f(x):\n    return 'wrong'\n"

# --- leaving before the tests, or with success --------------------------------------------------
_EXITS = [
    "import sys; sys.exit(0)",
    "raise SystemExit(0)",
    "import os; os._exit(0)",
    "exit(0)",
    "quit()",
    "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "import os, signal; os.kill(os.getppid(), signal.SIGKILL)",
    "import os, signal; os.kill(os.getppid(), signal.SIGTERM)",
    "import os, signal; os.kill(os.getppid(), signal.SIGSTOP)",
    "import os, signal; os.kill(-1, signal.SIGKILL)",
    "import os, signal; os.kill(1, signal.SIGKILL)",
    "import os, signal; os.killpg(0, signal.SIGKILL)",
    "import os, signal; os.killpg(os.getpgrp(), signal.SIGTERM)",
    "import os; os.abort()",
    "import faulthandler; faulthandler._sigsegv()",
    "import os; os.execv('/bin/true', ['true'])",
    "import os; os.execv('/bin/echo', ['echo', '{\"event\": \"done\"}'])",
    "import os, signal; signal.pthread_kill(__import__('threading').get_ident(), signal.SIGKILL)",
    "import atexit, os; atexit.register(lambda: os._exit(0))",
    "raise KeyboardInterrupt",
    "raise GeneratorExit",
    "import os\nif os.fork() == 0:\n    os._exit(0)\nos._exit(0)",
]

# --- pretending to be right ---------------------------------------------------------------------
_EQUAL = """
class {name}({base}):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    def __gt__(self, other): return True
    def __hash__(self): return 0
    def __bool__(self): return True
    def __instancecheck__(self, other): return True
def f(x): return {value}
"""
_PRETENDERS = [
    _EQUAL.format(name="Yes", base=base, value=value)
    for base, value in (
        ("object", "Yes()"), ("int", "Yes(5)"), ("str", "Yes('x')"), ("float", "Yes(0.5)"),
        ("list", "Yes()"), ("tuple", "Yes()"), ("dict", "Yes()"), ("set", "Yes()"),
        ("bytes", "Yes()"), ("object", "Yes"), ("object", "[Yes()]"), ("object", "lambda: Yes()"),
        ("object", "(i for i in [Yes()])"), ("object", "memoryview(b'4')"),
        ("Exception", "Yes()"), ("type", "Yes('A', (), {})"),
    )
]  # fmt: skip
_PRETENDERS += [
    "from unittest.mock import ANY\ndef f(x): return ANY",
    "from unittest.mock import MagicMock\nf = MagicMock()",
    "from unittest.mock import MagicMock\nf = MagicMock(return_value=MagicMock())",
    "def f(x): raise AssertionError",
    "def f(x): raise StopIteration",
    "def f(x): raise SystemExit(0)",
    "def f(x): raise GeneratorExit",
    "def f(x): raise KeyboardInterrupt",
    "def f(x):\n    class E(AssertionError):\n        def __str__(self): raise E\n    raise E",
    "def f(x): return NotImplemented",
    "def f(x): return ...",
    "def f(x): return float('nan')",
    "def f(x): return f",
    "f = None",
    "class f:\n    def __new__(cls, x): return cls",
    "class M(type):\n    def __eq__(s, o): return True\n    __hash__ = None\nclass f(metaclass=M): pass",
]

# --- patching what tests use --------------------------------------------------------------------
_PATCHES = [
    "import builtins; builtins.AssertionError = type('A', (), {})\n" + WRONG,
    "import builtins; builtins.compile = lambda *a, **k: (lambda: None).__code__\n" + WRONG,
    "import builtins; builtins.exec = lambda *a, **k: None\n" + WRONG,
    "import builtins; builtins.eval = lambda *a, **k: True\n" + WRONG,
    "import builtins; builtins.isinstance = lambda *a: True\n" + WRONG,
    "import builtins; builtins.__build_class__ = None\n" + WRONG,
    "import builtins; builtins.print = builtins.len = lambda *a: 4\n" + WRONG,
    "import sys; sys.settrace(lambda *a: None)\n" + WRONG,
    "import sys; sys.setprofile(lambda *a: None)\n" + WRONG,
    "import sys; sys.excepthook = lambda *a: None\n" + WRONG,
    "import sys; sys.modules.clear()\n" + WRONG,
    "import sys; sys.modules['json'] = None\n" + WRONG,
    "import json; json.loads = json.dumps = lambda *a, **k: {'value': 4}\n" + WRONG,
    "import json; json.dumps = lambda *a, **k: '{\"value\":5}'\nf = len",
    "import os; os.write = lambda fd, data: len(data)\n" + WRONG,
    "import os; os.read = lambda fd, n: b''\n" + WRONG,
    "import os; os._exit = lambda code: None\n" + WRONG,
    "import math; math.isclose = lambda *a, **k: True\n" + WRONG,
    "import unittest; unittest.TestCase.assertEqual = lambda *a: None\n" + WRONG,
    "def check(candidate): pass\n" + WRONG,
    "def check(*a): return True\nassertEqual = assertTrue = check\n" + WRONG,
    "def __getattr__(name): return lambda *a: True\n" + WRONG,
    "__debug__ = False" + "\n" + WRONG,
    "import gc\nfor o in gc.get_objects():\n    if isinstance(o, dict): o.clear()\n" + WRONG,
    "import gc\nfor o in gc.get_objects():\n    if isinstance(o, list): o.append(4)\n" + WRONG,
    "import sys\nfr = sys._getframe()\nwhile fr:\n    fr.f_globals.clear()\n    fr = fr.f_back\n"
    + WRONG,
    "import sys\nfr = sys._getframe()\nwhile fr.f_back:\n    fr = fr.f_back\n"
    "fr.f_globals['report'] = print\n" + WRONG,
    "import sys; sys.stdout.close()\n" + WRONG,
    "import sys; sys.stderr.close(); sys.stdin.close()\n" + WRONG,
    "import os\nfor fd in range(64):\n    try: os.close(fd)\n    except OSError: pass\n" + WRONG,
    "import os; os.closerange(0, 1000)\n" + WRONG,
    "import os; os.dup2(0, 1); os.dup2(0, 3); os.dup2(0, 4)\n" + WRONG,
]

# --- forging what the judge writes --------------------------------------------------------------
_LINE = '{"event": "test", "index": 0, "outcome": "passed", "detail": ""}'
_ALL = f'{_LINE}\\n{{"event": "done"}}\\n'
_FORGERS = [
    f"print('''{_ALL}''')\n" + WRONG,
    f"import sys; sys.stdout.write('''{_ALL}'''); sys.stdout.flush(); sys.exit(0)",
    f"import sys; sys.__stdout__.write('''{_ALL}''')\n" + WRONG,
    f"import sys; sys.stderr.write('''{_ALL}''')\n" + WRONG,
    f"import os; os.system(\"echo '{_ALL}'\")\n" + WRONG,
    f"import os\nfor fd in range(64):\n    try: os.write(fd, b'''{_ALL}''')\n    except OSError: pass\n"
    + WRONG,
    "import os\nfor fd in range(64):\n    try: os.write(fd, b'\\x00\\x00\\x00\\x0b{\"value\":5}' * 99)\n"
    "    except OSError: pass\n" + WRONG.replace("'wrong'", "5"),
    "import os\nfor fd in range(64):\n    try: os.write(fd, b'\\xff' * 60000)\n"
    "    except OSError: pass\n" + WRONG,
    "import os\nfor fd in range(64):\n    try: os.write(fd, b'\\x00\\x00\\x00\\x02[]')\n"
    "    except OSError: pass\n" + WRONG,
    "import os\nfor fd in range(64):\n    try: os.write(fd, b'\\x00\\x00\\x00\\x04null')\n"
    "    except OSError: pass\n" + WRONG,
    "import os\nfor p in ('/dev/stdout', '/dev/fd/1', '/proc/1/fd/1', '/dev/tty'):\n"
    f"    try: open(p, 'w').write('''{_ALL}''')\n    except OSError: pass\n" + WRONG,
    "import os\npid = os.getppid()\nfor n in range(64):\n"
    f"    try: open(f'/proc/{{pid}}/fd/{{n}}', 'w').write('''{_ALL}''')\n    except OSError: pass\n"
    + WRONG,
    "import os\ntry: m = open(f'/proc/{os.getppid()}/mem', 'r+b')\nexcept OSError: pass\n"
    "else: m.seek(0); m.write(b'0' * 4096)\n" + WRONG,
    "import ctypes\nlibc = ctypes.CDLL(None)\nimport os\n"
    "assert libc.ptrace(16, os.getppid(), 0, 0) == -1, 'traced'\n" + WRONG,
    "import ctypes, os\nlibc = ctypes.CDLL(None)\nb = ctypes.create_string_buffer(64)\n"
    "class V(ctypes.Structure): _fields_ = [('p', ctypes.c_void_p), ('n', ctypes.c_size_t)]\n"
    "v = V(ctypes.addressof(b), 64); w = V(0x400000, 64)\n"
    "libc.process_vm_writev(os.getppid(), ctypes.byref(v), 1, ctypes.byref(w), 1, 0)\n" + WRONG,
    "def f(x):\n    import sys\n    fr = sys._getframe()\n    while fr:\n"
    "        for k, v in list(fr.f_locals.items()):\n"
    "            if k == 'expected': return v\n        fr = fr.f_back\n",
    "def f(x):\n    import gc\n    return next((o for o in gc.get_objects() if o == 121), 'wrong')\n",
    "def f(x):\n    import inspect\n    return [s.code_context for s in inspect.stack()]\n",
    "import threading, os\ndef w():\n    while True:\n        for fd in range(3, 9):\n"
    "            try: os.write(fd, b'\\x00\\x00\\x00\\x0b{\"value\":5}')\n            except OSError: pass\n"
    "threading.Thread(target=w, daemon=True).start()\n" + WRONG,
    "import os\ndef f(x):\n    os.fork()\n    return 5\n",
]

# --- time, memory, processes, output ------------------------------------------------------------
_BOMBS = [
    "while True: pass",
    "def f(x):\n    while True: pass",
    "import time; time.sleep(10**6)",
    "def f(x):\n    import time\n    time.sleep(10**6)",
    "import signal; signal.pause()",
    "import threading; threading.Event().wait()",
    "f = lambda x: 10 ** 10 ** 10",
    "def f(x): return 7 ** (7 ** 12)",
    "def f(x): return sum(range(10 ** 13))",
    "def f(x):\n    import re\n    return re.match(r'(a+)+$', 'a' * 60 + 'b')",
    "import os\nwhile True: os.fork()",
    "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "import os\ndef b():\n    while True:\n        if os.fork() == 0: os.setsid()\nb()",
    "import subprocess\nwhile True: subprocess.Popen(['/bin/sh', '-c', 'sleep 1000 & sleep 1000'])",
    "import os; os.system(':(){ :|:& };:')\n" + WRONG,
    "import threading\nwhile True: threading.Thread(target=threading.Event().wait).start()",
    "import multiprocessing\nwhile True: multiprocessing.Process(target=print).start()",
    "import os\nif os.fork():\n    os._exit(0)\nos.setsid()\nif os.fork():\n    os._exit(0)\nwhile True: pass",
    "x = bytearray(10 ** 11)\n" + WRONG,
    "x = []\nwhile True: x.append(' ' * 10 ** 7)",
    "x = 'a'\nwhile True: x += x",
    "def f(x): return [0] * 10 ** 12",
    "def f(x): return 'a' * 10 ** 8",
    "def f(x): return list(range(10 ** 7))",
    "def f(x):\n    a = []\n    a.append(a)\n    return a",
    "def f(x):\n    a = []\n    for _ in range(10 ** 5): a = [a]\n    return a",
    "def f(x): return f(x)",
    "import sys; sys.setrecursionlimit(10 ** 9)\ndef f(x): return f(x)",
    "def f(x):\n    i = 0\n    while True:\n        yield i",
    "import mmap; m = mmap.mmap(-1, 10 ** 11)\n" + WRONG,
    "import os\nwhile True: os.write(1, b'x' * 65536)",
    "while True: print('x' * 65536)",
    "import sys\nwhile True: sys.stderr.write('x' * 65536)",
    "import os\nos.write(3, b'x' * 10 ** 6)\nos.write(4, b'x' * 10 ** 6)\n" + WRONG,
    "with open('/tmp/full', 'wb') as h:\n    while True: h.write(b'x' * 10 ** 6)",
    "i = 0\nwhile True:\n    open(f'/tmp/{i}', 'wb').write(b'x' * 10 ** 6); i += 1",
    "i = 0\nwhile True:\n    open(f'/dev/shm/{i}', 'wb').write(b'x' * 10 ** 6); i += 1",
    "import os\ni = 0\nwhile True: os.mkdir(f'/tmp/{i}'); i += 1",
    "import os\nwhile True: os.mkdir('/tmp/d'); os.chdir('/tmp/d'); os.chdir('/tmp'); os.rename('d', 'e')",
    "import socket\ns = []\nwhile True: s.append(socket.socketpair())",
    "import os\np = []\nwhile True: p.append(os.pipe())",
    "import signal\nfor s in range(1, 32):\n    try: signal.signal(s, signal.SIG_IGN)\n"
    "    except OSError: pass\nwhile True: pass",
    "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (-1, -1))\nwhile True: pass",
    "import resource\nresource.setrlimit(resource.RLIMIT_NPROC, (10**6, 10**6))\nimport os\nwhile True: os.fork()",
    "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))\nx = bytearray(10**10)",
]


# --- reaching out -------------------------------------------------------------------------------
def _must_fail(action: str) -> str:
    """A program that is right only if the action succeeds."""
    body = "\n".join(f"    {line}" for line in action.split("\n"))
    return f"def action():\n{body}\n    return True\n" + (
        "def f(x):\n    try:\n        return 121 if action() else 5\n    except BaseException:\n        return 'refused'\n"
    )


_REACHES = [
    _must_fail(action)
    for action in (
        "import socket; socket.create_connection(('127.0.0.1', 22), 1)",
        "import socket; socket.create_connection(('10.0.0.1', 80), 1)",
        "import socket; socket.create_connection(('192.0.2.1', 53), 1)",
        "import socket; socket.create_connection(('2001:db8::1', 53), 1)",
        "import socket; socket.gethostbyname('example.org')",
        "import urllib.request; urllib.request.urlopen('http://example.org', timeout=1)",
        "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.sendto(b'x', ('192.0.2.1', 53))",
        "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
        "import socket\ns = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('/var/run/docker.sock')",
        "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('/run/dbus/system_bus_socket')",
        "import subprocess\nassert subprocess.run(['ping', '-c', '1', '192.0.2.1']).returncode == 0",
        "import os\nassert os.listdir('/home')",
        "import os\nassert [n for n in os.listdir('/root') if n != '.pyenv']",
        "import os\nassert os.listdir(os.path.expanduser('~'))",
        "import os\nassert set(os.environ) - {'HOME', 'PWD', 'LC_CTYPE', '__CF_USER_TEXT_ENCODING'}",
        "import os\nassert os.environ['PATH']",
        "import os\nassert os.environ['IDIOLECT_TEST_SECRET']",
        "open('/etc/passwd').read()",
        "open('/etc/shadow').read()",
        "open('/etc/hostname').read()",
        "open('/proc/self/environ').read()",
        "open('/proc/1/environ').read()",
        "open('/proc/cpuinfo').read()",
        "open('/sys/class/net/eth0/address').read()",
        "open('/dev/mem', 'rb').read(1)",
        "open('/dev/sda', 'rb').read(1)",
        "open('/dev/kmsg', 'rb').read(1)",
        "import os\nassert os.listdir('/var')",
        "import os\nassert os.listdir('/work')",
        "import os\nassert os.listdir('/mnt') or os.listdir('/media')",
        "open('/usr/hostile', 'w').write('x')",
        "open('/hostile', 'w').write('x')",
        "open('/bin/hostile', 'w').write('x')",
        "open('/etc/hostile', 'w').write('x')",
        "open('/dev/hostile', 'w').write('x')",
        "open('/dev/shm/hostile', 'w').write('x')",
        "open('/harness/hostile', 'w').write('x')",
        "open('/harness/idiolect/verification/inside/tester.py', 'a').write('x')",
        "import sys, os\nopen(os.path.join(sys.prefix, 'hostile'), 'w').write('x')",
        "import os; os.remove('/harness/idiolect/verification/inside/tester.py')",
        "import os; os.symlink('/etc/passwd', '/tmp/p'); open('/tmp/p').read()",
        "import os; os.symlink('/', '/tmp/r'); open('/tmp/r/hostile', 'w').write('x')",
        "import os; os.symlink('/usr/hostile', '/tmp/s'); open('/tmp/s', 'w').write('x')",
        "import os; os.link('/usr/bin/env', '/tmp/env')",
        "import os; os.symlink('/proc/1/root/etc/shadow', '/tmp/q'); open('/tmp/q').read()",
        "open('/tmp/../etc/shadow').read()",
        "open('/tmp/../../../../../../home').read()",
        "import os; os.chroot('/tmp')",
        "import os; os.setuid(0)",
        "import os; os.setgid(0)",
        "import os; assert os.getuid() == 0",
        "import os; os.mknod('/tmp/disk', 0o600 | 0o060000, os.makedev(8, 0))",
        "import os; os.chmod('/usr/bin/env', 0o777)",
        "import os; os.chown('/tmp', 0, 0)",
        "import ctypes; assert ctypes.CDLL(None).unshare(0x10000000) == 0",
        "import ctypes; assert ctypes.CDLL(None).unshare(0x00020000) == 0",
        "import ctypes; assert ctypes.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, 0) == 0",
        "import ctypes; assert ctypes.CDLL(None).umount2(b'/tmp', 2) == 0",
        "import ctypes; assert ctypes.CDLL(None).mount(b'', b'/', b'', 32 | 4096, 0) == 0",
        "import ctypes; assert ctypes.CDLL(None).sethostname(b'x', 1) == 0",
        "import ctypes; assert ctypes.CDLL(None).reboot(0x01234567) == 0",
        "import ctypes; assert ctypes.CDLL(None).setns(0, 0) == 0",
        "import ctypes; assert ctypes.CDLL(None).swapoff(b'/x') == 0",
        "import os, ctypes; assert ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0",
        "import os; os.nice(-10)",
        "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))",
        "import time; time.clock_settime(time.CLOCK_REALTIME, 0)",
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
        "import resource; resource.setrlimit(resource.RLIMIT_NPROC, (10**5, 10**5))",
        "import subprocess; subprocess.run(['sudo', '-n', 'true'], check=True)",
        "import subprocess; subprocess.run(['su', '-c', 'true'], check=True)",
        "import subprocess; subprocess.run(['mount', '-t', 'tmpfs', 'x', '/tmp'], check=True)",
        "import idiolect.errors",
        "import numpy",
    )
]  # fmt: skip

HOSTILE = _EXITS + _PRETENDERS + _PATCHES + _FORGERS + _BOMBS + _REACHES
