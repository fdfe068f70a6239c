"""What isolation and grading cost."""
