"""Small generated data sets, for whoever has no real ones at hand. docs/corpora.md says what each of them holds."""
