"""The house in order: every test file has its module, no file grew too long, the pins are exact."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE, TESTS = ROOT / "lbdash", ROOT / "tests"
WHOLE = {"bench", "browser", "e2e"}  # these are about the whole, not about one module
MOST_LINES = 400


def mirrored() -> list[Path]:
    paths = (path.relative_to(TESTS) for path in TESTS.rglob("test_*.py"))
    return sorted(path for path in paths if len(path.parts) > 1 and path.parts[0] not in WHOLE)


def test_every_folder_of_tests_mirrors_one_of_the_package() -> None:
    assert [str(path) for path in mirrored() if not (PACKAGE / path.parent).is_dir()] == []


def test_no_file_is_too_long() -> None:
    sources = (path for path in PACKAGE.rglob("*.py") if not path.name.endswith("_pb2.py"))
    counted = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources}
    assert {path: lines for path, lines in counted.items() if lines > MOST_LINES} == {}


def test_every_dependency_is_pinned_exactly() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9A-Za-z.]*", line)] == []
    pinned = {re.sub("[-_.]+", "-", line.partition("==")[0]).lower() for line in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["dashboard"], *extras["demo"], *extras["test"]]
    names = {re.match(r"[A-Za-z0-9-]+", requirement)[0].lower() for requirement in wanted}  # type: ignore[index]
    assert names - pinned == set()
