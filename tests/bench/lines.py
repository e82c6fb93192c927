"""The one line a benchmark prints per budget of DESIGN 12."""

from __future__ import annotations


def report(name: str, value: float, unit: str, ratio: float | None, budget: str) -> None:
    """`name value unit ratio budget`; `ratio` against a bare baseline of the same run, None = there is none."""
    spelt = f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"
    print(f"{name} {spelt} {unit} {'-' if ratio is None else f'{ratio:.3f}'} {budget}", flush=True)
