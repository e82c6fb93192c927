// Draws the part of the heat map that is in view. `scene`: { map, mode, column, head, left, top, focus, chosen }, sizes in
// pixels, `focus` and `chosen` cells or null. Colours are the stylesheet's.
import { NONE } from "./heatframe.js";

export const GUTTER = 132; // clients' names
export const ROW = 18;

const GLYPH = 7.3; // width of a letter, 12 px mono
const FILLS = ["--idle-fill", "--wait-fill", "--up-fill", "--down-fill", "--idle-soft"];
const [CONNECTING, READY, FAILING, IDLE] = [1, 2, 3, 0];

export function fits(length, column) {
  return length * GLYPH + 8 <= column;
}

// Names stand upright where columns are narrow.
export function headHeight(names, column) {
  const longest = Math.max(...names.map((name) => name.length));
  return fits(longest, column) ? 30 : Math.ceil(GLYPH * Math.min(longest, 14)) + 24;
}

export function paint(canvas, scene) {
  const ratio = window.devicePixelRatio || 1;
  const pen = canvas.getContext("2d");
  const look = palette(canvas);
  const size = { width: canvas.width / ratio, height: canvas.height / ratio };
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, size.width, size.height);
  pen.textBaseline = "middle";
  pen.font = `12px ${look.mono}`;
  const seen = view(scene, size);
  cells(pen, look, scene, seen);
  ring(pen, scene, scene.chosen, look.ink, 2);
  ring(pen, scene, scene.focus, look.focus, 3);
  clients(pen, look, scene, seen, size);
  backends(pen, look, scene, seen, size);
}

function palette(canvas) {
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(name).trim();
  const named = Object.fromEntries(["ink", "panel", "focus", "mono"].map((name) => [name, colour(`--${name}`)]));
  return {
    ...named,
    muted: colour("--ink-3"),
    line: colour("--line-strong"),
    admin: ["", colour("--drain-fill"), colour("--maint-fill")],
    glyph: colour("--heat-glyph"),
    fills: FILLS.map(colour),
    shades: Array.from({ length: 8 }, (_, step) => colour(`--heat-${step}`)),
  };
}

function view({ map, column, head, left, top }, { width, height }) {
  return {
    rows: [Math.floor(top / ROW), Math.min(map.rows, Math.ceil((top + height - head) / ROW))],
    columns: [Math.floor(left / column), Math.min(map.columns, Math.ceil((left + width - GUTTER) / column))],
  };
}

function cells(pen, look, scene, { rows, columns }) {
  const { map, column, head, left, top, mode } = scene;
  for (let i = rows[0]; i < rows[1]; i += 1) {
    for (let j = columns[0]; j < columns[1]; j += 1) {
      const byte = map.cells[i * map.columns + j];
      const [x, y] = [GUTTER + j * column - left, head + i * ROW - top];
      if ((byte & 7) === NONE) stroke(pen, look, x, y, column);
      else cell(pen, look, byte, x, y, column, mode);
    }
  }
}

function cell(pen, look, byte, x, y, column, mode) {
  const state = byte & 7;
  pen.fillStyle = mode !== "state" && state === READY ? look.shades[byte >> 3] : look.fills[state];
  pen.beginPath();
  pen.roundRect(x + 1, y + 1, column - 2, ROW - 2, 2);
  pen.fill();
  if (state !== READY) glyph(pen, look, state, x + column / 2, y + ROW / 2);
}

function stroke(pen, look, x, y, column) {
  pen.strokeStyle = look.line;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(x + column / 2 - 4, y + ROW / 2 + 4);
  pen.lineTo(x + column / 2 + 4, y + ROW / 2 - 4);
  pen.stroke();
}

// The legend's shapes: half circle connecting, cross failing, ring idle, square shut down; READY is plain.
function glyph(pen, look, state, x, y) {
  pen.strokeStyle = pen.fillStyle = look.glyph;
  pen.lineWidth = 1.75;
  pen.beginPath();
  if (state === FAILING) {
    for (const side of [-1, 1]) {
      pen.moveTo(x - 3.5, y - 3.5 * side);
      pen.lineTo(x + 3.5, y + 3.5 * side);
    }
  } else if (state === CONNECTING) {
    pen.arc(x, y, 4, Math.PI / 2, -Math.PI / 2);
    pen.fill();
  } else if (state === IDLE) {
    pen.arc(x, y, 3.5, 0, 2 * Math.PI);
  } else {
    pen.rect(x - 3, y - 3, 6, 6);
  }
  pen.stroke();
}

function ring(pen, { column, head, left, top }, cell, colour, width) {
  if (!cell) return;
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.strokeRect(GUTTER + cell.column * column - left, head + cell.row * ROW - top, column, ROW);
}

function clients(pen, look, { map, head, top, focus }, { rows }, { height }) {
  pen.fillStyle = look.panel;
  pen.fillRect(0, 0, GUTTER - 1, height);
  pen.textAlign = "left";
  for (let i = rows[0]; i < rows[1]; i += 1) {
    pen.fillStyle = i === focus?.row ? look.ink : look.muted;
    pen.fillText(cut(map.clients[i][1], Math.floor((GUTTER - 12) / GLYPH)), 2, head + i * ROW - top + ROW / 2);
  }
}

function backends(pen, look, scene, { columns }, { width }) {
  const { head, column, left } = scene;
  pen.fillStyle = look.panel;
  pen.fillRect(0, 0, width, head - 1);
  for (let j = columns[0]; j < columns[1]; j += 1) backend(pen, look, scene, j, GUTTER + j * column - left);
  pen.fillStyle = look.panel;
  pen.fillRect(0, 0, GUTTER - 1, head - 1);
}

function backend(pen, look, { map, column, head, focus }, j, x) {
  const name = map.names[j];
  const upright = !fits(name.length, column);
  if (map.admin[j]) badge(pen, look.admin[map.admin[j]], map.admin[j] === 1, x, head, column);
  pen.fillStyle = j === focus?.column ? look.ink : look.muted;
  pen.save();
  pen.translate(x + column / 2, head - 16);
  if (upright) pen.rotate(-Math.PI / 2);
  pen.textAlign = upright ? "left" : "center";
  pen.fillText(name.length > 14 ? `…${name.slice(-13)}` : name, 0, 0); // addresses differ at their end
  pen.restore();
}

// What the legend calls a drained or maint column: its colour, and a diamond or a square on it.
function badge(pen, colour, diamond, x, head, column) {
  pen.fillStyle = colour;
  pen.fillRect(x + 1, head - 5, column - 2, 3);
  pen.save();
  pen.translate(x + column / 2, head - 4);
  if (diamond) pen.rotate(Math.PI / 4);
  pen.fillRect(-3.5, -3.5, 7, 7);
  pen.restore();
}

function cut(text, length) {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
