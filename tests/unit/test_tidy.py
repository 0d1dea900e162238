"""What the linters cannot say about our code, said as checks: size, narrow excepts, no sleeping tests."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("schemas", "receiver", "reconciler", "deploy")
FUNCTION_LINES_MAX = 50
MODULE_LINES_MAX = 400
BROAD = {"Exception", "BaseException"}

FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def modules(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, FUNCTION):
            yield node


def label(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", modules(*PRODUCT, "tests"), ids=label)
def test_a_function_fits_a_screen_and_a_module_a_sitting(path: Path) -> None:
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in functions(path)
        if node.end_lineno is not None and node.end_lineno - node.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert not long
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MODULE_LINES_MAX


@pytest.mark.parametrize("path", modules(*PRODUCT), ids=label)
def test_no_broad_except_swallows_an_error(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ExceptHandler) and is_broad(node):
            assert any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node)), (
                f"line {node.lineno}: a broad except must re-raise"
            )


def is_broad(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or any(
        isinstance(name, ast.Name) and name.id in BROAD for name in ast.walk(handler.type)
    )


@pytest.mark.parametrize("path", modules(*PRODUCT), ids=label)
def test_types_are_not_waved_through(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "type: ignore" not in text
    names = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    assert "Any" not in names


@pytest.mark.parametrize("path", modules("tests"), ids=label)
def test_tests_wait_for_conditions_and_never_sleep_for_luck(path: Path) -> None:
    """Some may wait: support inside a bounded poll, the simulator as ThingSpace does, faults by schedule."""
    if not {"simulator", "support", "bench", "faults"}.isdisjoint(path.parts):
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sleep":
            assert isinstance(node.args[0], ast.Constant), f"line {node.lineno}"
            assert node.args[0].value == 0, f"line {node.lineno}: wait for a condition instead"
