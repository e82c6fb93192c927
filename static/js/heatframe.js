// A frame of the heat map as lbdash/web/live/heatmap.py writes it, and what its bytes mean.
export const STATES = ["IDLE", "CONNECTING", "READY", "TRANSIENT_FAILURE", "SHUTDOWN"];
export const ADMIN = ["", "drain", "maint"];
export const NONE = 7;

const HEADER = 16;

export function parse(buffer) {
  const view = new DataView(buffer);
  if (view.getUint8(0) !== 72 || view.getUint8(1) !== 1) return null;
  const [rows, columns, size] = [view.getUint16(2, true), view.getUint16(4, true), view.getUint32(12, true)];
  const { clients, addresses } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, HEADER, size)));
  const admin = new Uint8Array(buffer, HEADER + size, columns);
  const cells = new Uint8Array(buffer, HEADER + size + columns, rows * columns);
  return { rows, columns, leftOut: view.getUint32(8, true), clients, addresses, names: short(addresses), admin, cells };
}

export function cellOf(map, { row, column }) {
  const byte = map.cells[row * map.columns + column];
  return { state: byte & 7, shade: byte >> 3 };
}

// A port that all have says nothing; nor does what all of them begin with, up to the last two parts.
function short(addresses) {
  if (!addresses.length) return [];
  const port = /:\d+$/.exec(addresses[0])?.[0] ?? "";
  const same = port && addresses.every((address) => address.endsWith(port));
  const bare = same ? addresses.map((address) => address.slice(0, -port.length)) : addresses;
  const start = bare[0].lastIndexOf(".", bare[0].lastIndexOf(".") - 1) + 1;
  const common = start > 0 && bare.every((address) => address.startsWith(bare[0].slice(0, start)));
  return common ? bare.map((address) => address.slice(start)) : bare;
}
