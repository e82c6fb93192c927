"""The heat map on the wire: one binary frame that needs nothing before it. Little-endian.

    u8 'H'   u8 version 1   u16 rows   u16 columns   u16 0   u32 left out   u32 bytes of labels
    labels   UTF-8 JSON: {"clients": [[id, name], …], "addresses": [address, …]}
    admin    u8 a column: 0 ready, 1 drain, 2 maint
    cells    u8 a cell, row by row: `viewmodels.heat`

Whole frames, not differences: a cell is one byte, frames are made once for all viewers and bounded by
`heat.MAX_CELLS`, a frame equal to the last one is not sent, and a browser that was slow needs no catching up.
"""

from __future__ import annotations

import json
import struct

from lbdash.viewmodels.heat import Heat

HEADER = struct.Struct("<BBHHHII")
VERSION = 1


def encode(heat: Heat) -> bytes:
    labels = json.dumps(
        {"clients": heat.clients, "addresses": heat.addresses}, ensure_ascii=False, separators=(",", ":")
    ).encode()
    rows, columns = len(heat.clients), len(heat.addresses)
    header = HEADER.pack(ord("H"), VERSION, rows, columns, 0, heat.left_out, len(labels))
    return b"".join((header, labels, heat.admin, heat.cells.tobytes()))
