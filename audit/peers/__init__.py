"""What weaker graders would have accepted: their kinds of checks, re-stated and run on the same chaffs as ours.

They are here to be compared with, and no homework uses them.
"""
