"""The lab: an embedded world where the truth is known.

Five families of problems, four ways of writing their solutions, two small targets that were
pretrained on them, a scripted teacher and a server with faults. It demonstrates and tests the
machinery; it is no evidence about large models.
"""

from idiolect.lab.idiolects import IDIOLECTS, render
from idiolect.lab.targets import TARGETS, target_folder
from idiolect.lab.tasks import SKILLS, Problem, problems, take

__all__ = [
    "IDIOLECTS",
    "SKILLS",
    "TARGETS",
    "Problem",
    "problems",
    "render",
    "take",
    "target_folder",
]
