"""The differential oracle's drivers: one module per task of `core`, each with `observe(load, seed, journal)`.

A driver calls what docs/core.md promises, on inputs that it draws itself, and writes down all that can be observed. It
shares nothing with the checks: only then can it say which mutants the checks ought to reject. Inputs whose results
docs/core.md leaves open are not drawn, and of a random function only the distribution is looked at.
"""
