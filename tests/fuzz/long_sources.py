"""Source that is long or deep: what people do not write, and programs do."""


def write_long(kind: str, n: int) -> str:
    """Source that is long or deep in one way.

    Each magic line costs a parse of its cell, and each name in a chain of aliases a search: there are fewer of these.
    """
    few = min(n, 60)
    return {
        "sum": "x = " + " + ".join(["1"] * n),
        "elif": "if a: pass\n" + "".join(f"elif a == {i}: x = {i}\n" for i in range(n)),
        "attributes": "x = a" + ".b" * n,
        "calls": "x = a" + "()" * n,
        "brackets": "x = " + "[" * n + "]" * n,
        "blocks": "".join(" " * i + "if a:\n" for i in range(n)) + " " * n + "x = 1",
        "classes": "".join(" " * i + "class Head:\n" for i in range(n)) + " " * n + "x = 1",
        "lambdas": "x = " + "lambda: " * n + "1",
        "not": "x = " + "not " * n + "1",
        "statements": "x = 1\n" * n,
        "aliases": "import torch as x0\n" + "".join(f"x{i + 1} = x{i}.a\n" for i in range(few)),
        "magics": "!ls\n" * few + "x = 1",
        "spaces": "x" + " " * 300 * n + "?!",
        "quotes": "x = '" + "\\'" * n,
        "backslashes": "!ls \\\n" * n,
        "f-string": "x = f'{a}'" + " + f'{a}'" * n,
    }[kind]


LONG = (
    *("sum", "elif", "attributes", "calls", "brackets", "blocks", "classes", "lambdas", "not"),
    *("statements", "aliases", "magics", "spaces", "quotes", "backslashes", "f-string"),
)
