"""Graders of `attention` as a course would write them with other tools; they import nothing of ours. See `rivals.py`."""
