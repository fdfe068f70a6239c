"""Gradescope's side: results.json, and the entry point that its container calls."""
