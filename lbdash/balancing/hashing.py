"""The hash functions by which others place keys: XXH64 (gRPC), murmur3 x64-128 (go-zero), fnv1a-32 (kratos).

In pure Python, about 2 to 4 us for an address: rings are hashed when they are built and a call hashes one key, so a
compiled wheel would be a dependency of every client for nothing it could notice.
"""

from __future__ import annotations

from struct import unpack_from

_M64 = 0xFFFFFFFFFFFFFFFF
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def _rotl(x: int, r: int) -> int:
    return ((x << r) | (x >> (64 - r))) & _M64


def xxh64(data: bytes, seed: int = 0) -> int:
    """XXH64 as gRPC uses it for rings and subsets; `seed` 0..2^64-1."""
    at, size = 0, len(data)
    if size >= 32:
        acc, at = _xxh64_stripes(data, seed)
    else:
        acc = seed + _P5
    acc = (acc + size) & _M64
    while at + 8 <= size:
        acc = (_rotl(acc ^ _round(0, unpack_from("<Q", data, at)[0]), 27) * _P1 + _P4) & _M64
        at += 8
    if at + 4 <= size:
        acc = (_rotl(acc ^ (unpack_from("<I", data, at)[0] * _P1 & _M64), 23) * _P2 + _P3) & _M64
        at += 4
    for byte in data[at:]:
        acc = _rotl(acc ^ (byte * _P5 & _M64), 11) * _P1 & _M64
    return _avalanche(acc)


def _round(acc: int, lane: int) -> int:
    return _rotl((acc + lane * _P2) & _M64, 31) * _P1 & _M64


def _xxh64_stripes(data: bytes, seed: int) -> tuple[int, int]:
    """The state after all whole stripes of 32 bytes, and where they end."""
    end = len(data) & ~31
    lanes = [(seed + _P1 + _P2) & _M64, (seed + _P2) & _M64, seed, (seed - _P1) & _M64]
    for at in range(0, end, 32):
        lanes = [_round(acc, lane) for acc, lane in zip(lanes, unpack_from("<4Q", data, at), strict=True)]
    acc = sum(_rotl(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & _M64
    for lane in lanes:
        acc = ((acc ^ _round(0, lane)) * _P1 + _P4) & _M64
    return acc, end


def _avalanche(acc: int) -> int:
    acc = (acc ^ (acc >> 33)) * _P2 & _M64
    acc = (acc ^ (acc >> 29)) * _P3 & _M64
    return acc ^ (acc >> 32)


_C1, _C2 = 0x87C37B91114253D5, 0x4CF5AD432745937F


def murmur3_64(data: bytes) -> int:
    """The first 64 bits of murmur3 x64-128 with seed 0."""
    h1 = h2 = 0
    end = len(data) & ~15
    for at in range(0, end, 16):
        k1, k2 = unpack_from("<2Q", data, at)
        h1 = (_rotl(h1 ^ _mix1(k1), 27) + h2) * 5 + 0x52DCE729 & _M64
        h2 = (_rotl(h2 ^ _mix2(k2), 31) + h1) * 5 + 0x38495AB5 & _M64
    tail = data[end:]
    h2 ^= _mix2(int.from_bytes(tail[8:], "little"))
    h1 ^= _mix1(int.from_bytes(tail[:8], "little"))
    h1, h2 = h1 ^ len(data), h2 ^ len(data)
    h1 = (h1 + h2) & _M64
    h2 = (h2 + h1) & _M64
    return (_fmix(h1) + _fmix(h2)) & _M64


def _mix1(k: int) -> int:
    return _rotl(k * _C1 & _M64, 31) * _C2 & _M64


def _mix2(k: int) -> int:
    return _rotl(k * _C2 & _M64, 33) * _C1 & _M64


def _fmix(k: int) -> int:
    k = (k ^ (k >> 33)) * 0xFF51AFD7ED558CCD & _M64
    k = (k ^ (k >> 33)) * 0xC4CEB9FE1A85EC53 & _M64
    return k ^ (k >> 33)


def fnv1a_32(data: bytes) -> int:
    acc = 0x811C9DC5
    for byte in data:
        acc = (acc ^ byte) * 0x01000193 & 0xFFFFFFFF
    return acc
