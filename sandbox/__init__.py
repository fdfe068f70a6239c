"""Where student code runs: intake, zygote, worker, and the judge's end of the wire.

`wire`, `worker`, `loading`, `confine` and `zygote` also live inside the zygote, which gets their source text through a
pipe: it never learns where the checkout lies. They import nothing from this project but each other.
"""
