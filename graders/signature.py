"""Whether a function or class can be called the way the handout says."""

from sandbox.client import Remote

from .verdict import CheckFailed


def require_parameters(
    remote: Remote, file: str, needed: tuple[str, ...], optional: tuple[str, ...] = (), *, is_class: bool = False
) -> None:
    """Require that an object takes these positional arguments, whatever it calls them.

    Args:
        remote: the student's function or class.
        file: its file, for the message.
        needed: arguments that are always passed.
        optional: arguments that may follow; each must be accepted and must have a default.
        is_class: whether it must be a class.

    Raises:
        CheckFailed: it is not callable, is no class, takes fewer arguments, or needs more.
    """
    wanted = f"{remote.name}({', '.join([*needed, *(f'{name}=…' for name in optional)])})"
    facts = remote.describe()
    if facts.get("callable") is not True or (is_class and facts.get("class") is not True):
        kind = "a class" if is_class else "a function"
        raise CheckFailed(f"{file}: {remote.name} must be {kind}, called as {wanted}.")
    parameters = facts.get("parameters")
    if type(parameters) is not list:
        return  # no signature to be had: the call itself will tell
    found = ", ".join(str(name)[:40] + ("=…" if has_default else "") for name, _, has_default in parameters)
    positional = [has_default for _, kind, has_default in parameters if kind.startswith("POSITIONAL")]
    takes_any = any(kind == "VAR_POSITIONAL" for _, kind, _ in parameters)
    demanded_by_name = [kind for _, kind, has_default in parameters if kind == "KEYWORD_ONLY" and not has_default]
    too_few = len(positional) < len(needed) + len(optional) and not takes_any
    if too_few or positional.count(False) > len(needed) or demanded_by_name:
        raise CheckFailed(f"{file}: expected {wanted}, found {remote.name}({found}).")
