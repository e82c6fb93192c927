"""Templates and static files lie outside the package: the wheel carries them only where pyproject.toml says so."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("top", ["templates", "static"])
def test_every_file_of_templates_and_static_is_packaged(top: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packaged = {
        (target, path.relative_to(ROOT).as_posix())
        for target, patterns in project["tool"]["setuptools"]["data-files"].items()
        for pattern in patterns
        for path in ROOT.glob(pattern)
    }
    for path in (ROOT / top).rglob("*"):
        if path.is_file():
            name = path.relative_to(ROOT).as_posix()
            assert (f"share/lbdash/{Path(name).parent.as_posix()}", name) in packaged
