"""`study`: did it help, and what did it cost the model elsewhere?"""

from idiolect.pipeline.study.command import Study, study

__all__ = ["Study", "study"]
