"""The names of all audit events in the source code."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = ("tenants", "accounts", "orders", "config")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Recorder:
    """A function that records an event; `position` is that of the name argument."""

    name: str
    position: int


# The functions of tenants/audit.py; functions that pass a name on to them are found.
FIRST = frozenset(
    Recorder(name, 0) for name in ("record", "build", "record_for_platform", "record_anonymous")
)


def names_in_code() -> tuple[set[str], set[str]]:
    """Return the audit event names in the code, and the source of each expression for a name."""
    given = collect_values(FIRST)
    recorders = FIRST
    while more := {each for each in given if isinstance(each, Recorder)} - recorders:
        recorders |= more
        given = collect_values(recorders)
    names = {each.value for each in given if isinstance(each, ast.Constant)}
    computed = {each for each in given if not isinstance(each, ast.Constant | Recorder)}
    return names, {ast.unparse(each) for each in computed}


def collect_values(recorders: frozenset[Recorder]) -> set[ast.expr | Recorder]:
    return {each for function in all_functions() for each in values_in(function, recorders)}


@cache
def trees() -> tuple[ast.Module, ...]:
    files = (path for package in OURS for path in sorted((ROOT / package).rglob("*.py")))
    return tuple(ast.parse(path.read_text()) for path in files if path.parts[-2:] != AUDIT)


AUDIT = ("tenants", "audit.py")


def all_functions() -> Iterator[Function]:
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, Function):
                yield node


def values_in(function: Function, recorders: frozenset[Recorder]) -> Iterator[ast.expr | Recorder]:
    """Yield the event names that a function passes to recorders.

    If the name is one of its own parameters, the function is a recorder as well.
    """
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and (recorder := find_recorder(node, recorders)):
            given = node.args[recorder.position] if len(node.args) > recorder.position else None
            keywords = [each.value for each in node.keywords if each.arg == "event"]
            for value in [given] if given is not None else keywords:
                yield from resolve(value, function)


def find_recorder(call: ast.Call, recorders: frozenset[Recorder]) -> Recorder | None:
    by_name = {recorder.name: recorder for recorder in recorders}
    match call.func:
        case ast.Name(id=name):
            return by_name.get(name)
        case ast.Attribute(value=ast.Name(id="audit"), attr=name):
            return by_name.get(name)
        # Other classes have methods with these names too.
        case ast.Attribute(attr=name) if name not in {"record", "build"}:
            return by_name.get(name)
    return None


def resolve(value: ast.expr, function: Function) -> Iterator[ast.expr | Recorder]:
    match value:
        case ast.Constant():
            yield value
        case ast.IfExp():
            yield from resolve(value.body, function)
            yield from resolve(value.orelse, function)
        case ast.Name(id=name) if name in parameters(function):
            yield Recorder(function.name, parameters(function).index(name))
        case ast.Name(id=name):
            assigned = list(assignments(name, function))
            assert assigned, f"{function.name} takes the name of an event from {name}"
            for each in assigned:
                yield from resolve(each, function)
        case _:
            yield value


def parameters(function: Function) -> list[str]:
    return [each.arg for each in function.args.args if each.arg not in {"self", "cls"}]


def assignments(name: str, function: Function) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == name for target in node.targets
        ):
            yield node.value
