"""Mutants of Solidity sources, from the compiler's syntax tree: one small mistake each. Pure.

What is mutated: comparisons, `&&` and `||`, arithmetic and bit operators (also compound ones), conditions (negated),
`!` and `~` (left out), number literals (one more), true and false; and what is left out: guards (an `if` whose only
work is to revert or to return), writes to storage, events, calls whose result nobody takes, modifiers.
Assembly is left alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

Node = dict[str, Any]

OPERATORS: Mapping[str, tuple[str, ...]] = {
    "<": ("<=", ">="),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    ">=": (">", "<"),
    "==": ("!=",),
    "!=": ("==",),
    "&&": ("||",),
    "||": ("&&",),
    "+": ("-",),
    "-": ("+",),
    "*": ("/",),
    "/": ("*",),
    "%": ("*",),
    "&": ("|",),
    "|": ("&",),
    "^": ("&",),
    "<<": (">>",),
    ">>": ("<<",),
    "+=": ("-=",),
    "-=": ("+=",),
    "|=": ("&=",),
    "&=": ("|=",),
    "++": ("--",),
    "--": ("++",),
}
NUMBER = re.compile(r"(0x[0-9a-fA-F_]+|[0-9_]+)(.*)", re.DOTALL)
SKIPPED = ("InlineAssembly", "ImportDirective", "PragmaDirective", "UsingForDirective", "StructuredDocumentation")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake in one file.

    Attributes:
        file: the file's name as the compiler was told it.
        start: where the replaced bytes begin.
        length: how many bytes are replaced.
        replacement: by what.
        operator: the kind of mistake.
        where: Contract.function, or the contract for what stands outside functions.
        before: the replaced text, in one line.
        nth: which one of the same kind, text and replacement in the same function it is, from 1.
    """

    file: str
    start: int
    length: int
    replacement: str
    operator: str
    where: str
    before: str
    nth: int = 1

    @property
    def place(self) -> str:
        """Say which mutant it is in words that outlive changes of the lines around it."""
        nth = f" ({self.nth})" if self.nth > 1 else ""
        return f"{self.where}: {self.before} -> {' '.join(self.replacement.split()) or 'nothing'}{nth}"

    @property
    def key(self) -> str:
        """A short name that is another for every other mutant."""
        return hashlib.sha256(f"{self.file}\0{self.start}\0{self.length}\0{self.replacement}".encode()).hexdigest()[:16]

    def apply(self, source: bytes) -> bytes:
        """Return the file with the mistake in it."""
        return source[: self.start] + self.replacement.encode() + source[self.start + self.length :]


def mutants(file: str, source: bytes, tree: Node) -> list[Mutant]:
    """Return every mutant of one file, in the order of the places that they change.

    Args:
        file: the file's name.
        source: its bytes, which the tree's offsets count.
        tree: the compiler's syntax tree of it, with declarations resolved.
    """
    found = sorted(set(_Walk(file, source, _storage(tree)).visit(tree, "")), key=lambda m: (m.start, m.replacement))
    seen: dict[str, int] = {}
    numbered = []
    for each in found:
        seen[each.place] = nth = seen.get(each.place, 0) + 1
        numbered.append(replace(each, nth=nth))
    return numbered


def _children(node: Node) -> Iterator[Node]:
    for value in node.values():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict) and "nodeType" in each:
                yield each


def _storage(tree: Node) -> set[int]:
    """Return the declarations that live in storage: state variables, and what points to storage."""
    found, waiting = set(), [tree]
    while waiting:
        node = waiting.pop()
        if node["nodeType"] == "VariableDeclaration" and (
            (node.get("stateVariable") and node.get("mutability") == "mutable")
            or node.get("storageLocation") == "storage"
        ):
            found.add(int(node["id"]))
        waiting += _children(node)
    return found


class _Walk:
    """One walk over a file's tree."""

    def __init__(self, file: str, source: bytes, storage: set[int]) -> None:
        self.file, self.source, self.storage = file, source, storage

    def visit(self, node: Node, where: str) -> Iterator[Mutant]:
        """Yield the mutants of a node and of everything in it."""
        name = node["nodeType"]
        if name in SKIPPED:
            return
        if name == "ContractDefinition" and node["contractKind"] == "interface":
            return
        if name in ("ContractDefinition", "FunctionDefinition", "ModifierDefinition"):
            where = f"{where}.{node['name'] or node['kind']}" if where else str(node["name"])
        rule = getattr(self, f"_{name}", None)
        for start, length, replacement, operator in rule(node) if rule else ():
            before = " ".join(self.source[start : start + length].decode().split())
            yield Mutant(self.file, start, length, replacement, operator, where, before)
        for child in _children(node):
            yield from self.visit(child, where)

    def _text(self, node: Node) -> str:
        start, length = _span(node)
        return self.source[start : start + length].decode()

    def _BinaryOperation(self, node: Node) -> Iterator[tuple[int, int, str, str]]:
        left, right = self._text(node["leftExpression"]), self._text(node["rightExpression"])
        if node["operator"] in ("<<", ">>") and right == "0":
            return  # the same either way
        for other in OPERATORS.get(node["operator"], ()):
            yield *_span(node), f"{left} {other} {right}", "operator"

    def _Assignment(self, node: Node) -> Iterator[tuple[int, int, str, str]]:
        left, right = self._text(node["leftHandSide"]), self._text(node["rightHandSide"])
        for other in OPERATORS.get(node["operator"], ()):
            yield *_span(node), f"{left} {other} {right}", "operator"

    def _UnaryOperation(self, node: Node) -> Iterator[tuple[int, int, str, str]]:
        inner = self._text(node["subExpression"])
        if node["operator"] in ("!", "~"):
            yield *_span(node), inner, "negation"
        for other in OPERATORS.get(node["operator"], ()):
            if node["operator"] in ("++", "--"):
                yield *_span(node), f"{other}{inner}" if node["prefix"] else f"{inner}{other}", "operator"

    def _IfStatement(self, node: Node) -> Iterator[tuple[int, int, str, str]]:
        yield from self._negated(node["condition"])
        if not node.get("falseBody") and _leaves(node["trueBody"]):
            block = node["trueBody"]["nodeType"] == "Block"
            yield *(_span(node) if block else _statement(node, self.source)), "{ }", "guard"

    def _Conditional(self, node: Node) -> Iterator[tuple[int, int, str, str]]:
        yield from self._negated(node["condition"])

    def _negated(self, condition: Node) -> Iterator[tuple[int, int, str, str]]:
        simple = condition["nodeType"] == "BinaryOperation" and condition["operator"] in ("==", "!=")
        if not simple and condition["nodeType"] != "UnaryOperation":  # those are negated by their own operator
            yield *_span(condition), f"!({self._text(condition)})", "condition"

    def _Literal(self, node: Node) -> Iterator[tuple[int, int, str, str]]:
        text = self._text(node)
        if node["kind"] == "bool":
            yield *_span(node), "false" if text == "true" else "true", "literal"
        elif node["kind"] == "number" and (number := NUMBER.fullmatch(text)) and "e" not in number[2]:
            digits = number[1].replace("_", "")
            value = int(digits, 0 if digits.startswith("0x") else 10) + 1
            # as wide as before: 0x00ff is a bytes2, too
            more = f"0x{value:0{len(digits) - 2}x}" if digits.startswith("0x") else str(value)
            yield *_span(node), more + number[2], "literal"

    def _EmitStatement(self, node: Node) -> Iterator[tuple[int, int, str, str]]:
        yield *_statement(node, self.source), "{ }", "event"

    def _ModifierInvocation(self, node: Node) -> Iterator[tuple[int, int, str, str]]:
        if node.get("kind") == "modifierInvocation":
            yield *_span(node), "", "modifier"

    def _ExpressionStatement(self, node: Node) -> Iterator[tuple[int, int, str, str]]:
        expression = node["expression"]
        if expression["nodeType"] == "FunctionCall":
            yield *_statement(node, self.source), "{ }", "call"
        elif self._writes(expression):
            yield *_statement(node, self.source), "{ }", "write"

    def _writes(self, expression: Node) -> bool:
        """Whether an expression changes something in storage."""
        target = expression.get("leftHandSide") or expression.get("subExpression")
        if expression["nodeType"] not in ("Assignment", "UnaryOperation") or target is None:
            return False
        waiting = [target]
        while waiting:
            node = waiting.pop()
            if node["nodeType"] == "TupleExpression":
                waiting += [each for each in node["components"] if each]
            elif node["nodeType"] in ("IndexAccess", "MemberAccess"):
                waiting.append(node.get("baseExpression") or node["expression"])
            elif node["nodeType"] == "Identifier" and node.get("referencedDeclaration") in self.storage:
                return True
        return False


def _span(node: Node) -> tuple[int, int]:
    start, length, _ = node["src"].split(":")
    return int(start), int(length)


def _statement(node: Node, source: bytes) -> tuple[int, int]:
    """Return the span of a statement with its semicolon, which the compiler does not count."""
    start, length = _span(node)
    return start, source.index(b";", start + length - 1) + 1 - start


def _leaves(body: Node) -> bool:
    """Whether a statement does nothing but revert or return."""
    if body["nodeType"] == "Block":
        return len(body["statements"]) == 1 and _leaves(body["statements"][0])
    return body["nodeType"] in ("RevertStatement", "Return", "Continue")
