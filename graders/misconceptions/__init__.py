"""Known wrong variants of each task, with a name, an explanation and a hint for whoever wrote one."""

from .bank import Asked, Bank, NoAnswer, Probe, banks, named

__all__ = ["Asked", "Bank", "NoAnswer", "Probe", "banks", "named"]
