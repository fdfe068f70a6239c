"""Proving the graders: right submissions must be accepted, wrong ones rejected, and by the check that says why."""
