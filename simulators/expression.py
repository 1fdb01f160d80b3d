"""Conditions in scenarios: comparisons and sums over plain data, in Python's notation and nothing more of it.

A text is parsed, never executed: whatever is not listed here is refused.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

LONGEST = 500
DEEPEST = 50
LARGEST = 1e12
"""Numbers beyond it are nobody's business here."""

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_ORDER: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {"abs": abs, "len": len, "max": max, "min": min, "sum": sum}
_WORDS = {"true": True, "false": False, "null": None}


class ExpressionError(ValueError):
    """What a text says is not allowed, or cannot be computed."""


class Expression:
    """A condition, for example ``S001.ready < 2 and time > 60``.

    Names stand for plain data; ``a.b`` and ``a["b"]`` look into it. Nothing is smaller or larger than ``null``.
    """

    def __init__(self, text: str) -> None:
        """Raises ``ExpressionError``."""
        self.text = text
        if len(text) > LONGEST:
            raise ExpressionError(f"is longer than {LONGEST} characters")
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            raise ExpressionError(f"is no condition: {getattr(error, 'msg', error)}") from error
        self.names: set[str] = set()
        self._check(self._tree, DEEPEST)
        self.names -= _WORDS.keys()

    def __call__(self, data: Mapping[str, Any]) -> Any:
        """Its value. Raises ``ExpressionError`` where a name is unknown or types do not fit."""
        try:
            return self._value(self._tree, data)
        except (TypeError, ZeroDivisionError, ValueError) as error:
            raise ExpressionError(f"{self.text!r} cannot be computed: {error}") from error

    def _check(self, node: ast.expr, depth: int) -> None:
        if depth == 0:
            raise ExpressionError("is nested too deeply")
        match node:
            case ast.Constant(value=bool() | int() | float() | str() | None as value):
                if isinstance(value, int | float) and not abs(value) <= LARGEST:
                    raise ExpressionError(f"has a number beyond {LARGEST:g}")
                return
            case ast.Name(id=name):
                self.names.add(name)
                return
            case ast.Attribute(value=holder):
                inner = [holder]
            case ast.Subscript(value=holder, slice=ast.Constant(value=str() | int())):
                inner = [holder]
            case ast.BoolOp(values=values):
                inner = values
            case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
                inner = [operand]
            case ast.BinOp(op=op, left=left, right=right) if type(op) in _BINARY:
                inner = [left, right]
            case ast.Compare(left=left, ops=ops, comparators=others) if all(_known(op) for op in ops):
                inner = [left, *others]
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
                inner = arguments
            case _:
                raise ExpressionError(
                    f"has {ast.unparse(node)!r}, which is not allowed: "
                    f"use names, numbers, texts, and or not, == != < <= > >= in, + - * /, {', '.join(_FUNCTIONS)}"
                )
        for each in inner:
            self._check(each, depth - 1)

    def _value(self, node: ast.expr, data: Mapping[str, Any]) -> Any:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                if name in _WORDS:
                    return _WORDS[name]
                return _member(data, name)
            case ast.Attribute(value=holder, attr=name):
                return _member(self._value(holder, data), name)
            case ast.Subscript(value=holder, slice=ast.Constant(value=str() | int() as key)):
                return _member(self._value(holder, data), key)
            case ast.BoolOp(op=ast.And(), values=values):
                return all(self._value(each, data) for each in values)
            case ast.BoolOp(values=values):
                return any(self._value(each, data) for each in values)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self._value(operand, data)
            case ast.UnaryOp(operand=operand):
                return -self._value(operand, data)
            case ast.BinOp(op=op, left=left, right=right):
                return self._sum(op, self._value(left, data), self._value(right, data))
            case ast.Compare(left=left, ops=ops, comparators=others):
                values = [self._value(each, data) for each in (left, *others)]
                return all(_compare(op, a, b) for op, a, b in zip(ops, values, values[1:], strict=False))
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return _FUNCTIONS[name](*(self._value(each, data) for each in arguments))
        raise ExpressionError(f"{ast.unparse(node)!r} is not allowed")

    def _sum(self, op: ast.operator, left: Any, right: Any) -> Any:
        if not all(isinstance(each, int | float) for each in (left, right)):
            raise TypeError(f"{left!r} and {right!r} are not both numbers")
        return _BINARY[type(op)](left, right)


def _known(op: ast.cmpop) -> bool:
    return type(op) in _ORDER or isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn)


def _compare(op: ast.cmpop, left: Any, right: Any) -> bool:
    match op:
        case ast.Eq():
            return bool(left == right)
        case ast.NotEq():
            return bool(left != right)
        case ast.In():
            return left in (right or ())
        case ast.NotIn():
            return left not in (right or ())
    return left is not None and right is not None and _ORDER[type(op)](left, right)


def _member(holder: Any, key: str | int) -> Any:
    if isinstance(holder, Mapping) and key in holder:
        return holder[key]
    if isinstance(holder, list | tuple) and isinstance(key, int) and -len(holder) <= key < len(holder):
        return holder[key]
    if isinstance(holder, Mapping):
        raise ExpressionError(f"{key!r} is unknown; there are {', '.join(map(str, list(holder)[:20]))}")
    raise ExpressionError(f"there is no {key!r} in {holder!r:.40}")
