"""A failing case as code that repeats it without the grader (docs/feedback.md)."""

from .writing import snippet_of

__all__ = ["snippet_of"]
