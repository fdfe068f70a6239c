"""The judges: one test file per task, and the machinery that runs their checks against a submission."""
