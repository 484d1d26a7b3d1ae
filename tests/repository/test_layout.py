"""What the code keeps to as a whole, so that the next person finds a room in a minute."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "pellucid"
MODULES = sorted(p for p in SOURCE.rglob("*.py") if "template" not in p.parts)


def lines_of(path: Path) -> int:
    return len(path.read_text().splitlines())


@pytest.mark.skipif(not MODULES, reason="the source tree is not beside the tests: the wheel is being tested")
class TestSourceTree:
    def test_no_module_is_longer_than_450_lines(self) -> None:
        assert {str(p): lines_of(p) for p in MODULES if lines_of(p) > 450} == {}

    def test_init_modules_hold_no_logic(self) -> None:
        allowed = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.Expr, ast.If)
        for path in MODULES:
            if path.name == "__init__.py":
                others = [type(n).__name__ for n in ast.parse(path.read_text()).body if not isinstance(n, allowed)]
                assert others == [], path

    def test_nothing_is_declared_global(self) -> None:
        globals_of = {
            str(path): [n.names for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Global)]
            for path in MODULES
        }
        assert {path: names for path, names in globals_of.items() if names} == {}

    def test_exceptions_to_the_checks_stay_few(self) -> None:
        mark = re.compile(r"# (noqa|type: ignore|pragma: no cover)|pytest\.(skip|mark\.(skip|xfail))")
        places = [
            f"{path.relative_to(ROOT)}:{number}"
            for folder in (SOURCE, ROOT / "tests")
            for path in sorted(folder.rglob("*.py"))
            for number, line in enumerate(path.read_text().splitlines(), start=1)
            if mark.search(line) and path != Path(__file__)
        ]
        assert len(places) < 30, places

    def test_no_path_of_a_machine_and_no_registry_is_in_the_tree(self) -> None:
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
        bad = re.compile(r"/home/[a-z]+/|/r[o]ot/|--(extra-)?index-url|://[^/ ]+/simple/")
        for name in listed.stdout.split():
            path = ROOT / name
            if path.suffix in {".py", ".md", ".toml", ".txt", ".yml", ""} and path != Path(__file__) and path.exists():
                assert not bad.search(path.read_text(errors="ignore")), name
