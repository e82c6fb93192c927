"""What VENDORED.md says of the copied files is true."""

import hashlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "static" / "vendor"
LISTED = dict(re.findall(r"^\| `([^`]+)` \|.*\| ([0-9a-f]{64}) \|$", (VENDOR / "VENDORED.md").read_text(), re.M))


@pytest.mark.parametrize("name", sorted(LISTED))
def test_a_vendored_file_is_the_one_that_was_published(name: str) -> None:
    place = VENDOR if (VENDOR / name).exists() else ROOT / "tests" / "data"
    assert hashlib.sha256((place / name).read_bytes()).hexdigest() == LISTED[name]


def test_every_vendored_file_is_listed_with_its_licence() -> None:
    files = {path.name for path in VENDOR.iterdir()} - {"VENDORED.md"}
    licences = set(re.findall(r"`([\w-]+\.LICENSE)`", (VENDOR / "VENDORED.md").read_text()))
    assert {name for name in files if not name.endswith(".LICENSE")} <= set(LISTED)
    assert {name for name in files if name.endswith(".LICENSE")} <= licences
