from __future__ import annotations

import pytest

from lbdash.balancing.hashing import fnv1a_32, murmur3_64, xxh64
from tests.balancing.vectors import HASHING


@pytest.mark.parametrize(("text", "value"), HASHING["xxh64"].items())
def test_xxh64_agrees_with_the_vectors(text, value):
    assert xxh64(text.encode()) == value


@pytest.mark.parametrize(("text", "value"), HASHING["murmur3_64"].items())
def test_murmur3_agrees_with_the_vectors(text, value):
    assert murmur3_64(text.encode()) == value


@pytest.mark.parametrize(("text", "value"), HASHING["fnv1a32"].items())
def test_fnv1a_agrees_with_the_vectors(text, value):
    assert fnv1a_32(text.encode()) == value


@pytest.mark.parametrize(
    ("data", "seed", "value"),
    [
        (b"Nobody inspects the spammish repetition", 0, 0xFBCEA83C8A378BF1),  # longer than one stripe
        (b"I want an unsigned 64-bit seed!", 0, 0xD4CB0A70A2B8C7C1),
        (b"I want an unsigned 64-bit seed!", 1, 0xCE5087F12470D961),
    ],
)
def test_xxh64_agrees_with_published_values(data, seed, value):
    assert xxh64(data, seed) == value
