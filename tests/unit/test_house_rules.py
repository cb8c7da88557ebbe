"""Rules of CONTRIBUTING.md that can be read from the code. The lists of exceptions only get shorter."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from configparser import ConfigParser
from functools import cache

from pages import ROOT

MOST_LINES, MOST_PARAMETERS, MOST_FILE_LINES, MOST_IGNORED = 80, 25, 400, 2
#: Lines of a text that is filled in by Python; longer ones are files, such as those of `ernn_myhdl/convert/templates`.
MOST_TEXT_LINES = 45
FOLDERS = ("ernn_myhdl", "golden")
#: Methods in which an object's attributes may be born.
BIRTH = ("__init__", "__post_init__", "__new__", "__enter__", "__setstate__")
#: Functions that only declare: MyHDL's blocks, and options of commands.
DECLARING_NAMES = ("add_parser",)

#: Attributes born elsewhere, by class.
LATE_ATTRIBUTES: dict[str, set[str]] = {}
#: Functions with more lines than allowed, and how many they have.
LONG_FUNCTIONS: dict[str, int] = {}
#: Files with more lines than allowed, and how many they have.
LONG_FILES: dict[str, int] = {}
#: Blocks with more parameters than allowed, and how many they have.
WIDE_BLOCKS: dict[str, int] = {}

#: Public names of two classes, with what both stand for.
SHARED_CLASS_NAMES: dict[str, str] = {
    "FramesOut": "how frames of y become what a model gives: as imports find it, as hosts do it",
    "LastFrame": "the last frame of a sequence: as a graph of a model has it, and as a join of a core",
}
#: Modules that import from the package's root, and what.
FROM_ROOT = {
    "ernn_myhdl/cli/commands.py": {"__version__"},
    "ernn_myhdl/exchange/export_onnx.py": {"__version__"},
}


@cache
def trees() -> dict[str, ast.Module]:
    """Syntax trees of the package and of golden by file."""
    files = [f for folder in FOLDERS for f in sorted((ROOT / folder).rglob("*.py"))]
    unlinked = [f for f in files if f.resolve() == f]  # golden is linked into the package
    return {str(f.relative_to(ROOT)): ast.parse(f.read_text(encoding="utf-8")) for f in unlinked}


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """The statements right below a node, which is one or has some; functions and classes are in no expression."""
    for field in ("body", "handlers", "cases", "orelse", "finalbody"):
        yield from getattr(node, field, ())


def classes_in(node: ast.AST) -> Iterator[ast.ClassDef]:
    """All classes below a node."""
    for child in statements(node):
        if isinstance(child, ast.ClassDef):
            yield child
        yield from classes_in(child)


def functions(node: ast.AST, where: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """All functions below a node with their names, those of classes and inner ones too."""
    for child in statements(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            name = f"{where}{child.name}"
            if isinstance(child, ast.FunctionDef):
                yield name, child
            yield from functions(child, f"{name}.")
        else:
            yield from functions(child, where)


def is_block(function: ast.FunctionDef) -> bool:
    return any(isinstance(d, ast.Name) and d.id == "block" for d in function.decorator_list)


def own_attributes(target: ast.AST) -> Iterator[str]:
    """Attributes of self that an assignment to `target` sets."""
    if isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            yield from own_attributes(element)
    elif isinstance(target, ast.Starred):
        yield from own_attributes(target.value)
    elif (
        isinstance(target, ast.Attribute)
        and isinstance(target.value, ast.Name)
        and target.value.id == "self"
    ):
        yield target.attr


@cache
def set_in(function: ast.FunctionDef) -> set[str]:
    """Attributes of self that a method sets."""
    found: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.For | ast.NamedExpr):
            targets = [node.target]
        elif isinstance(node, ast.With):
            targets = [i.optional_vars for i in node.items if i.optional_vars]
        else:
            continue
        for target in targets:
            found.update(own_attributes(target))
    return found


def born(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> set[str]:
    """Attributes that a class has from the start, with those of its bases in the package."""
    found: set[str] = set()
    for item in node.body:
        if isinstance(item, ast.AnnAssign):
            found.add(item.target.id)  # type: ignore[union-attr]
        elif isinstance(item, ast.Assign):
            found.update(t.id for t in item.targets if isinstance(t, ast.Name))
        elif isinstance(item, ast.FunctionDef):
            found.add(item.name)  # a property with a setter
            if item.name in BIRTH:
                found |= set_in(item)
    for base in node.bases:
        name = base.id if isinstance(base, ast.Name) else getattr(base, "attr", "")
        if name in classes and classes[name] is not node:
            found |= born(classes[name], classes)
    return found


def late(tree: ast.Module, classes: dict[str, ast.ClassDef]) -> dict[str, set[str]]:
    """Class -> attributes that only a later method makes."""
    found = {}
    for node in classes_in(tree):
        methods = [m for m in node.body if isinstance(m, ast.FunctionDef)]
        given = set().union(*(set_in(m) for m in methods if m.name not in BIRTH), set())
        if missing := given - born(node, classes):
            found[node.name] = missing
    return found


def all_classes() -> dict[str, ast.ClassDef]:
    return {node.name: node for tree in trees().values() for node in classes_in(tree)}


def lines_of(function: ast.FunctionDef) -> int:
    """Lines of a function without its docstring."""
    first = function.body[0]
    told = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = first.end_lineno - first.lineno + 1 if told else 0  # type: ignore[operator]
    return function.end_lineno - function.lineno + 1 - docstring  # type: ignore[operator]


def parameters_of(function: ast.FunctionDef) -> int:
    given = function.args
    return len(given.posonlyargs + given.args + given.kwonlyargs)


def test_attributes_are_born_in_init():
    classes = all_classes()
    found = [late(tree, classes) for tree in trees().values()]
    assert {name: given for each in found for name, given in each.items()} == LATE_ATTRIBUTES


def test_functions_that_do_something_are_short():
    found = {
        f"{file}: {name}": lines_of(function)
        for file, tree in trees().items()
        for name, function in functions(tree)
        if not is_block(function) and function.name not in DECLARING_NAMES
    }
    assert {n: count for n, count in found.items() if count > MOST_LINES} == LONG_FUNCTIONS


def text_lines(text: ast.JoinedStr) -> int:
    return sum(str(v.value).count("\n") for v in text.values if isinstance(v, ast.Constant))


def test_long_texts_are_files():
    """The test benches were f-strings of 130 and 106 lines."""
    long = {
        f"{file}:{node.lineno}": text_lines(node)
        for file, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr) and text_lines(node) > MOST_TEXT_LINES
    }
    assert long == {}
    (node,) = [n for n in ast.walk(ast.parse(r"f'a\n{b}\nc\n'")) if isinstance(n, ast.JoinedStr)]
    assert text_lines(node) == 3


def test_blocks_have_few_parameters():
    found = {
        f"{file}: {name}": parameters_of(function)
        for file, tree in trees().items()
        for name, function in functions(tree)
        if is_block(function)
    }
    assert {n: count for n, count in found.items() if count > MOST_PARAMETERS} == WIDE_BLOCKS


def test_files_have_one_subject():
    written = [
        f
        for folder in (*FOLDERS, "tests", "benchmarks", "docs")
        for f in (ROOT / folder).rglob("*.py")
    ]
    lines = {
        str(f.relative_to(ROOT)): len(f.read_text(encoding="utf-8").splitlines()) for f in written
    }
    assert {n: count for n, count in lines.items() if count > MOST_FILE_LINES} == LONG_FILES


def test_files_are_named_by_nouns():
    """Nine were participles, such as `trained`, which does not say what was."""
    names = {file: file.rpartition("/")[2].removesuffix(".py") for file in trees()}
    participles = [file for file, name in names.items() if name.endswith("ed")]
    assert participles == []
    assert not {"utils", "util", "helpers", "common", "misc"} & set(names.values())


def test_a_class_name_stands_for_one_thing():
    """27 names stood for two or three classes, such as `Cell`: of a network, and of a netlist that was placed."""
    named: dict[str, list[str]] = {}
    for file, tree in trees().items():
        for node in classes_in(tree):
            named.setdefault(node.name, []).append(file)
    shared = {name for name, where in named.items() if len(where) > 1 and name[0] != "_"}
    assert shared == set(SHARED_CLASS_NAMES)


def called_with(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """(function, last argument) of every call below a node."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and call.args:
            function = call.func
            name = getattr(function, "id", getattr(function, "attr", ""))
            yield name, call.args[-1]


def checks_numbers(tree: ast.AST) -> list[int]:
    """Lines where a bool is told from a number by hand."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.BoolOp):
            kinds = {ast.unparse(a) for n, a in called_with(node) if n == "isinstance"}
            if "bool" in kinds and any("int" in kind for kind in kinds):
                found.append(node.lineno)
    return sorted(set(found))


def test_numbers_are_told_from_bools_in_one_place():
    found = {file: lines for file, tree in trees().items() if (lines := checks_numbers(tree))}
    assert set(found) == {"ernn_myhdl/whole_numbers.py"}
    assert checks_numbers(ast.parse("x = not isinstance(n, int | None) or isinstance(n, bool)"))


def test_what_mypy_is_told_to_ignore_has_a_reason():
    lines = [
        f"{file}: {line.strip()}"
        for file in trees()
        for line in (ROOT / file).read_text(encoding="utf-8").splitlines()
        if "# type: ignore" in line and not re.search(r"# type: ignore\[[\w-]+\]  # \w", line)
    ]
    assert lines == []


def roundabout(tree: ast.AST, file: str) -> set[str]:
    """Imports that the contracts do not see: through the package's root, which imports on first use, and by `import_module` of a text."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.level or node.module == "ernn_myhdl"):
            rooms = {p.name.removesuffix(".py") for p in (ROOT / "ernn_myhdl").iterdir()}
            names = {alias.name for alias in node.names} - (set() if node.level else rooms)
            found |= names - FROM_ROOT.get(file, set())
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name == "ernn_myhdl"}
    for name, given in called_with(tree):
        text = getattr(given, "value", None)
        if name in ("import_module", "__import__") and isinstance(text, str):
            found.add(text)
    return found


def test_no_import_goes_around_the_contracts():
    """`from ernn_myhdl import run_design` in golden passed all of them."""
    found = {file: names for file, tree in trees().items() if (names := roundabout(tree, file))}
    assert found == {}
    for text in (
        "def f():\n    from ernn_myhdl import run_design",
        "import ernn_myhdl",
        "from ..rtl import core",
        "importlib.import_module('ernn_myhdl.rtl')",
    ):
        assert roundabout(ast.parse(text), "golden/joins.py"), text
    assert not roundabout(ast.parse("from ernn_myhdl import sweep"), "ernn_myhdl/explore/x.py")


def test_no_third_import_is_excepted():
    """Every contract may leave out those of `ernn_myhdl/design/design.py` alone, which CONTRIBUTING.md names."""
    configuration = ConfigParser()
    configuration.read(ROOT / "setup.cfg", encoding="utf-8")
    ignored = {
        line
        for section in configuration.sections()
        if section.startswith("importlinter:contract:")
        for line in configuration[section].get("ignore_imports", "").splitlines()
        if line and not line.startswith("#")
    }
    assert len(ignored) <= MOST_IGNORED
    assert {line.split(" -> ")[0] for line in ignored} == {"ernn_myhdl.design.design"}


def test_the_rules_find_what_breaks_them():
    text = """
class Base:
    def __init__(self):
        self.a, self.b = 1, 2
class Late(Base):
    c: int = 0
    def build(self):
        self.a = self.c = 3
        self.d, (self.e, *self.f) = 1, (2, 3)
        for self.g in ():
            pass
        with open("x") as self.h:
            self.i: int = 2
"""
    tree = ast.parse(text)
    classes = {n.name: n for n in classes_in(tree)}
    assert late(tree, classes) == {"Late": set("defghi")}
    long = ast.parse("def f(x):\n    '''a\n    b'''\n" + "    x += 1\n" * 90).body[0]
    assert isinstance(long, ast.FunctionDef) and lines_of(long) == 91
    wide = ast.parse(f"@block\ndef b({', '.join(f'p{i}' for i in range(30))}, *, q): pass").body[0]
    assert isinstance(wide, ast.FunctionDef) and is_block(wide) and parameters_of(wide) == 31
