"""`lab:teacher`: scripted and exact, with faults that can be switched on."""

from idiolect.lab.teacher.knobs import Knobs
from idiolect.lab.teacher.script import reply

__all__ = ["Knobs", "reply"]
