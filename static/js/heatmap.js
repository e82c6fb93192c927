// The SubConns heat map: draws the newest frame (lbdash/web/live/heatmap.py) on a canvas, only the cells in view.
// Texts of states and shades come from the legend, so that they are said in one place, on the server.
const canvas = document.getElementById("heat");

if (canvas) {
  const scroller = document.getElementById("heat-scroll");
  const space = document.getElementById("heat-space");
  const said = document.getElementById("heat-cell");
  const panel = document.getElementById("subconn");
  const context = canvas.getContext("2d");
  const GUTTER = 132;
  const ROW = 18;
  const STATES = ["IDLE", "CONNECTING", "READY", "TRANSIENT_FAILURE", "SHUTDOWN"];
  const FILLS = ["--idle-fill", "--wait-fill", "--up-fill", "--down-fill", "--idle-soft"];
  const ADMIN = ["", "drain", "maint"];
  const NONE = 7;
  const shades = [...document.querySelectorAll(".heat-legend .swatch")].map((swatch) => swatch.parentElement.textContent.trim());

  let map = null;
  let column = 40; // width of one, pixels
  let HEAD = 56; // height of the backends' names: upright where columns are narrow
  let names = []; // of the columns, without what all of them share
  let at = { row: 0, column: 0 };
  let chosen = null;
  let drawing = false;
  let asking = false;

  function parse(buffer) {
    const view = new DataView(buffer);
    if (view.getUint8(0) !== 72 || view.getUint8(1) !== 1) return null;
    const [rows, columns] = [view.getUint16(2, true), view.getUint16(4, true)];
    const size = view.getUint32(12, true);
    const labels = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 16, size)));
    const admin = new Uint8Array(buffer, 16 + size, columns);
    const cells = new Uint8Array(buffer, 16 + size + columns, rows * columns);
    return { rows, columns, leftOut: view.getUint32(8, true), ...labels, admin, cells };
  }

  function receive(event) {
    const fresh = parse(event.detail);
    if (!fresh) return;
    const first = !map;
    const resized = first || fresh.rows !== map.rows || fresh.columns !== map.columns;
    map = fresh;
    at = { row: Math.min(at.row, map.rows - 1), column: Math.min(at.column, map.columns - 1) };
    if (resized) layout();
    draw();
    if (chosen) show(chosen); // the panel keeps up with the picture, once a second
  }

  function layout() {
    const empty = !map.rows || !map.columns;
    scroller.hidden = empty;
    const wait = document.getElementById("heat-wait");
    wait.hidden = !empty;
    wait.textContent = "No SubConn to show: no client reports, or the filter leaves none.";
    const more = map.leftOut ? `, ${map.leftOut} more clients: filter to see them` : "";
    document.getElementById("heat-size").textContent = `${map.rows} clients × ${map.columns} backends${more}`;
    if (empty) return;
    const room = scroller.clientWidth - GUTTER - 2;
    column = Math.max(14, Math.min(112, Math.floor(room / map.columns)));
    names = short(map.addresses);
    const longest = Math.max(...names.map((name) => name.length));
    HEAD = fits(longest) ? 30 : Math.min(120, Math.ceil(7.3 * Math.min(longest, 14)) + 20);
    space.style.width = `${GUTTER + column * map.columns}px`;
    space.style.height = `${HEAD + ROW * map.rows}px`;
    const width = Math.min(scroller.clientWidth, GUTTER + column * map.columns);
    const height = Math.min(560, HEAD + ROW * map.rows);
    const ratio = window.devicePixelRatio || 1;
    scroller.style.height = `${height + (column * map.columns > room ? 14 : 0)}px`;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }

  function draw() {
    if (drawing || !map?.rows || !map.columns) return;
    drawing = true;
    requestAnimationFrame(() => {
      drawing = false;
      paint();
    });
  }

  function palette() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const own = getComputedStyle(canvas);
    return {
      fills: FILLS.map(colour),
      shades: Array.from({ length: 8 }, (_, step) => own.getPropertyValue(`--heat-${step}`).trim()),
      ink: colour("--ink"),
      muted: colour("--ink-3"),
      panel: colour("--panel"),
      track: colour("--sunken"),
      line: colour("--line-strong"),
      focus: colour("--focus"),
      drain: colour("--drain-fill"),
      maint: colour("--maint-fill"),
      glyph: own.getPropertyValue("--heat-glyph").trim(),
      sans: colour("--sans"),
      mono: colour("--mono"),
    };
  }

  function paint() {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [canvas.width / ratio, canvas.height / ratio];
    const [left, top] = [scroller.scrollLeft, scroller.scrollTop];
    const look = palette();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const from = { row: Math.floor(top / ROW), column: Math.floor(left / column) };
    const to = {
      row: Math.min(map.rows, Math.ceil((top + height - HEAD) / ROW)),
      column: Math.min(map.columns, Math.ceil((left + width - GUTTER) / column)),
    };
    for (let i = from.row; i < to.row; i += 1) {
      for (let j = from.column; j < to.column; j += 1) {
        cell(look, map.cells[i * map.columns + j], GUTTER + j * column - left, HEAD + i * ROW - top);
      }
    }
    ring(look, left, top);
    clients(look, from.row, to.row, top, height);
    backends(look, from.column, to.column, left, width);
  }

  function cell(look, byte, x, y) {
    const state = byte & 7;
    const [w, h] = [column - 2, ROW - 2];
    if (state === NONE) return hatch(look, x, y, w, h);
    const shaded = canvas.dataset.mode !== "state" && state === 2;
    context.fillStyle = shaded ? look.shades[byte >> 3] : look.fills[state];
    context.beginPath();
    context.roundRect(x + 1, y + 1, w, h, 2);
    context.fill();
    if (state !== 2) glyph(look, state, x + column / 2, y + ROW / 2);
  }

  function hatch(look, x, y, w, h) {
    context.strokeStyle = look.line;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x + w / 2 - 4, y + h / 2 + 5);
    context.lineTo(x + w / 2 + 4, y + h / 2 - 3);
    context.stroke();
  }

  // The legend's shapes: half circle connecting, cross failing, ring idle, square shut down; READY is plain.
  function glyph(look, state, x, y) {
    context.strokeStyle = context.fillStyle = look.glyph;
    context.lineWidth = 1.75;
    context.beginPath();
    if (state === 3) {
      for (const side of [-1, 1]) {
        context.moveTo(x - 3.5, y - 3.5 * side);
        context.lineTo(x + 3.5, y + 3.5 * side);
      }
    } else if (state === 1) {
      context.arc(x, y, 4, Math.PI / 2, -Math.PI / 2);
      context.fill();
    } else if (state === 0) {
      context.arc(x, y, 3.5, 0, 2 * Math.PI);
    } else {
      context.rect(x - 3, y - 3, 6, 6);
    }
    context.stroke();
  }

  function ring(look, left, top) {
    for (const [spot, colour, width] of [[chosen, look.ink, 2], [document.activeElement === canvas && at, look.focus, 3]]) {
      if (!spot) continue;
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.strokeRect(GUTTER + spot.column * column - left, HEAD + spot.row * ROW - top, column, ROW);
    }
  }

  function clients(look, from, to, top, height) {
    context.fillStyle = look.panel;
    context.fillRect(0, 0, GUTTER - 1, height);
    context.font = `12px ${look.mono}`;
    context.textBaseline = "middle";
    context.textAlign = "left";
    for (let i = from; i < to; i += 1) {
      context.fillStyle = i === at.row && document.activeElement === canvas ? look.ink : look.muted;
      context.fillText(fit(map.clients[i][1], GUTTER - 12), 2, HEAD + i * ROW - top + ROW / 2);
    }
  }

  function backends(look, from, to, left, width) {
    context.fillStyle = look.panel;
    context.fillRect(0, 0, width, HEAD - 1);
    context.font = `12px ${look.mono}`;
    for (let j = from; j < to; j += 1) backend(look, j, GUTTER + j * column - left);
    context.fillStyle = look.panel;
    context.fillRect(0, 0, GUTTER - 1, HEAD - 1);
  }

  function backend(look, j, x) {
    const admin = map.admin[j];
    const middle = x + column / 2;
    if (admin) badge(admin === 1 ? look.drain : look.maint, admin === 1, middle, x);
    context.fillStyle = j === at.column && document.activeElement === canvas ? look.ink : look.muted;
    context.save();
    context.translate(middle, HEAD - 16);
    const upright = !fits(names[j].length);
    if (upright) context.rotate(-Math.PI / 2);
    context.textAlign = upright ? "left" : "center";
    context.fillText(upright ? tail(names[j], 14) : names[j], 0, 0);
    context.restore();
  }

  // What the legend calls a drained or maint column: its colour, and a diamond or a square on it.
  function badge(colour, diamond, middle, x) {
    context.fillStyle = colour;
    context.fillRect(x + 1, HEAD - 5, column - 2, 3);
    context.save();
    context.translate(middle, HEAD - 4);
    if (diamond) context.rotate(Math.PI / 4);
    context.fillRect(-3.5, -3.5, 7, 7);
    context.restore();
  }

  function fits(length) {
    return length * 7.3 + 8 <= column;
  }

  // A port that all have says nothing; nor does what all of them begin with, up to a dot.
  function short(addresses) {
    const port = /:\d+$/.exec(addresses[0])?.[0] ?? "";
    const same = port && addresses.every((address) => address.endsWith(port));
    const bare = same ? addresses.map((address) => address.slice(0, -port.length)) : addresses;
    let start = bare.length > 1 ? bare[0].lastIndexOf(".") : 0;
    while (start > 0 && !bare.every((address) => address.startsWith(bare[0].slice(0, start)))) start = bare[0].lastIndexOf(".", start - 1);
    return start > 0 ? bare.map((address) => `…${address.slice(start)}`) : bare;
  }

  // Addresses differ at their end.
  function tail(text, length) {
    return text.length > length ? `…${text.slice(1 - length)}` : text;
  }

  function fit(text, width) {
    const room = Math.floor(width / 7.3);
    return text.length > room ? `${text.slice(0, room - 1)}…` : text;
  }

  function describe({ row, column: j }) {
    const byte = map.cells[row * map.columns + j];
    const state = byte & 7;
    const words = [`${map.clients[row][1]} → ${map.addresses[j]}`];
    words.push(state === NONE ? "not in subset, or unknown" : STATES[state]);
    if (canvas.dataset.mode === "picks" && state !== NONE) words.push(`${shades[byte >> 3]} picks`);
    if (canvas.dataset.mode === "lag" && state !== NONE) words.push(`lag ${shades[byte >> 3]}`);
    if (map.admin[j]) words.push(`${ADMIN[map.admin[j]]} by an operator`);
    return words.join(" · ");
  }

  function spot(event) {
    const box = canvas.getBoundingClientRect();
    const row = Math.floor((event.clientY - box.top - HEAD + scroller.scrollTop) / ROW);
    const j = Math.floor((event.clientX - box.left - GUTTER + scroller.scrollLeft) / column);
    const inside = event.clientY - box.top > HEAD && event.clientX - box.left > GUTTER;
    return inside && row >= 0 && row < map.rows && j >= 0 && j < map.columns ? { row, column: j } : null;
  }

  function move(row, j) {
    at = { row: Math.max(0, Math.min(map.rows - 1, row)), column: Math.max(0, Math.min(map.columns - 1, j)) };
    reveal();
    said.textContent = describe(at);
    draw();
  }

  function reveal() {
    const [x, y] = [at.column * column, at.row * ROW];
    const [width, height] = [canvas.clientWidth - GUTTER, canvas.clientHeight - HEAD];
    if (x < scroller.scrollLeft) scroller.scrollLeft = x;
    if (x + column > scroller.scrollLeft + width) scroller.scrollLeft = x + column - width;
    if (y < scroller.scrollTop) scroller.scrollTop = y;
    if (y + ROW > scroller.scrollTop + height) scroller.scrollTop = y + ROW - height;
  }

  function choose(cell) {
    const page = Math.max(1, Math.floor((canvas.clientHeight - HEAD) / ROW));
    const moves = {
      ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
      PageUp: [-page, 0], PageDown: [page, 0], Home: [0, -map.columns], End: [0, map.columns],
    };
    return moves[cell];
  }

  async function show(cell) {
    if (asking) return;
    const client = map.clients[cell.row]?.[0];
    const address = map.addresses[cell.column];
    if (client === undefined || address === undefined) return;
    asking = true;
    try {
      const query = new URLSearchParams({ client, address });
      await window.htmx.ajax("GET", `${canvas.dataset.panel}?${query}`, { target: panel, swap: "innerHTML" });
    } finally {
      asking = false;
    }
  }

  function select(cell) {
    chosen = { ...cell };
    panel.setAttribute("aria-live", "polite");
    show(chosen).then(() => panel.setAttribute("aria-live", "off")); // said once, not once a second
    draw();
  }

  document.addEventListener("live:binary", receive);
  scroller.addEventListener("scroll", draw);
  canvas.addEventListener("focus", () => map && move(at.row, at.column));
  canvas.addEventListener("blur", draw);
  canvas.addEventListener("keydown", (event) => {
    if (!map) return;
    const step = choose(event.key);
    if (step) move(at.row + step[0], at.column + step[1]);
    else if (event.key === "Enter" || event.key === " ") select(at);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  canvas.addEventListener("pointermove", (event) => {
    const cell = map && spot(event);
    canvas.classList.toggle("on-cell", Boolean(cell));
    if (cell) said.textContent = describe(cell);
  });
  canvas.addEventListener("click", (event) => {
    const cell = map && spot(event);
    if (!cell) return;
    at = cell;
    select(cell);
  });
  new ResizeObserver(() => {
    if (!map) return;
    layout();
    draw();
  }).observe(scroller.parentElement);
  new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
