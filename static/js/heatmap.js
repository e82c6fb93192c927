// The SubConns heat map: takes frames from the live socket, follows mouse and keys, and shows one SubConn beside it.
// The words for shades are the legend's, so that they are said in one place, on the server.
import { GUTTER, ROW, headHeight, paint } from "./heatdraw.js";
import { ADMIN, NONE, STATES, cellOf, parse } from "./heatframe.js";

const canvas = document.getElementById("heat");
const scroller = document.getElementById("heat-scroll");
const space = document.getElementById("heat-space");
const said = document.getElementById("heat-cell");
const panel = document.getElementById("subconn");
const shades = [...document.querySelectorAll(".heat-legend .swatch")].map((swatch) => swatch.parentElement.textContent.trim());
const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-20, 0], PageDown: [20, 0], Home: [0, -1e6], End: [0, 1e6] };
const TALLEST = 560;

let map = null;
let column = 40; // width of one, pixels
let head = 30; // height of the columns' names
let at = { row: 0, column: 0 }; // where the keyboard is
let chosen = null; // { client, address }: by name, because rows come and go
let waiting = false;
let asking = false;

function receive(event) {
  const fresh = parse(event.detail);
  if (!fresh) return;
  const same = map && map.rows === fresh.rows && map.columns === fresh.columns;
  map = fresh;
  at = clamp(at);
  if (!same) layout();
  draw();
  if (document.activeElement === canvas && map.rows) say(at);
  if (chosen) show(); // the panel keeps up with the picture, once a second
}

function clamp({ row, column: place }) {
  return { row: Math.max(0, Math.min(map.rows - 1, row)), column: Math.max(0, Math.min(map.columns - 1, place)) };
}

function layout() {
  const empty = !map.rows || !map.columns;
  const wait = document.getElementById("heat-wait");
  scroller.hidden = empty;
  wait.hidden = !empty;
  wait.textContent = "No SubConn to show: no client reports, or the filter leaves none.";
  const more = map.leftOut ? `; ${map.leftOut} more clients: filter to see them` : "";
  document.getElementById("heat-size").textContent = `${map.rows} clients × ${map.columns} backends${more}`;
  if (!empty) measure();
}

function measure() {
  const room = scroller.clientWidth - GUTTER - 2;
  column = Math.max(14, Math.min(112, Math.floor(room / map.columns)));
  head = headHeight(map.names, column);
  const whole = { width: GUTTER + column * map.columns, height: head + ROW * map.rows };
  const shown = { width: Math.min(scroller.clientWidth, whole.width), height: Math.min(TALLEST, whole.height) };
  const ratio = window.devicePixelRatio || 1;
  space.style.width = `${whole.width}px`;
  space.style.height = `${whole.height}px`;
  scroller.style.height = `${shown.height + (whole.width > scroller.clientWidth ? 14 : 0)}px`;
  canvas.style.width = `${shown.width}px`;
  canvas.style.height = `${shown.height}px`;
  canvas.width = Math.round(shown.width * ratio);
  canvas.height = Math.round(shown.height * ratio);
}

function draw() {
  if (waiting || !map?.rows || !map.columns) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    const focus = document.activeElement === canvas ? at : null;
    const { scrollLeft: left, scrollTop: top } = scroller;
    paint(canvas, { map, mode: canvas.dataset.mode, column, head, left, top, focus, chosen: placeOf(chosen) });
  });
}

function placeOf(wanted) {
  if (!wanted) return null;
  const row = map.clients.findIndex(([id]) => id === wanted.client);
  const place = map.addresses.indexOf(wanted.address);
  return row < 0 || place < 0 ? null : { row, column: place };
}

function describe(cell) {
  const { state, shade } = cellOf(map, cell);
  const admin = ADMIN[map.admin[cell.column]];
  const words = [`${map.clients[cell.row][1]} → ${map.addresses[cell.column]}`, state === NONE ? "not in subset, or unknown" : STATES[state]];
  if (state !== NONE && canvas.dataset.mode === "picks") words.push(`${shades[shade]} picks`);
  if (state !== NONE && canvas.dataset.mode === "lag") words.push(`lag ${shades[shade]}`);
  if (admin) words.push(`${admin} by an operator`);
  return words.join(" · ");
}

// Only what is new: a screen reader says every change.
function say(cell) {
  const text = describe(cell);
  if (said.textContent !== text) said.textContent = text;
}

function under(event) {
  const box = canvas.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left - GUTTER, event.clientY - box.top - head];
  const cell = { row: Math.floor((y + scroller.scrollTop) / ROW), column: Math.floor((x + scroller.scrollLeft) / column) };
  return x > 0 && y > 0 && cell.row < map.rows && cell.column < map.columns ? cell : null;
}

function move(cell) {
  at = clamp(cell);
  reveal();
  say(at);
  draw();
}

function reveal() {
  const [x, y] = [at.column * column, at.row * ROW];
  const [width, height] = [canvas.clientWidth - GUTTER, canvas.clientHeight - head];
  scroller.scrollLeft = Math.min(x, Math.max(scroller.scrollLeft, x + column - width));
  scroller.scrollTop = Math.min(y, Math.max(scroller.scrollTop, y + ROW - height));
}

async function show() {
  if (asking) return;
  asking = true;
  try {
    await window.htmx.ajax("GET", `${canvas.dataset.panel}?${new URLSearchParams(chosen)}`, { target: panel, swap: "innerHTML" });
  } finally {
    asking = false;
  }
}

async function choose(cell) {
  chosen = { client: map.clients[cell.row][0], address: map.addresses[cell.column] };
  draw();
  panel.setAttribute("aria-live", "polite");
  await show();
  panel.setAttribute("aria-live", "off"); // said once, not once a second
}

function key(event) {
  if (!map?.rows || !map.columns) return;
  const step = MOVES[event.key];
  if (step) move({ row: at.row + step[0], column: at.column + step[1] });
  else if (event.key === "Enter" || event.key === " ") choose(at);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

document.addEventListener("live:binary", receive);
scroller.addEventListener("scroll", draw);
canvas.addEventListener("focus", () => map?.rows && move(at));
canvas.addEventListener("blur", draw);
canvas.addEventListener("keydown", key);
canvas.addEventListener("pointermove", (event) => {
  const cell = map && under(event);
  canvas.classList.toggle("on-cell", Boolean(cell));
  if (cell) say(cell);
});
canvas.addEventListener("click", (event) => {
  const cell = map && under(event);
  if (!cell) return;
  at = cell;
  choose(cell);
});
new ResizeObserver(() => {
  if (!map) return;
  layout();
  draw();
}).observe(scroller.parentElement);
new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
