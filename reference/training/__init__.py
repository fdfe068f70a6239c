"""Training of the answer key's models. docs/training.md says what each homework's recipe does and what it reaches."""
