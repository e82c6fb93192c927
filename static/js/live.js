// The page's socket. The server sends what changed; this applies it and, when it is painted, says so with the
// message's serial. Nothing is formatted here but the age of a lost or paused connection.
import { applyFrame } from "./apply.js";

const SILENT_MS = 12_000; // the server says something at least every 5 s
const body = document.body;
const bar = document.getElementById("stale-bar");
const pause = document.getElementById("pause");

let socket = null;
let token = body.dataset.live; // what the server knows this page has: its first paint, used once
let heard = Date.now(); // the newest message that is on the screen
let retry = 0;
let pausedAt = 0;
let held = null; // the one message that arrived while paused

function address() {
  const url = new URL("/ws/live", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.searchParams.set("path", location.pathname + location.search);
  if (token) url.searchParams.set("from", token);
  return url;
}

function connect() {
  socket = new WebSocket(address());
  socket.binaryType = "arraybuffer";
  token = "";
  socket.onmessage = receive;
  socket.onopen = () => {
    retry = 0;
  };
  socket.onclose = (event) => lost(event.code);
}

function lost(code) {
  socket = null;
  held = null;
  if (code === 4401) return location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  if (code === 4400) return tell("This page has no live data; reload it.");
  retry = Math.min(retry + 1, 6);
  setTimeout(connect, 250 * 2 ** retry * (0.75 + Math.random() / 2));
  showAge();
}

function receive(message) {
  if (pausedAt) held = message;
  else requestAnimationFrame(() => paint(message));
}

// The acknowledgement leaves after the paint: a task posted from an animation frame runs behind it. In a hidden tab
// there are no animation frames, so the server sends nothing more: one message waits here.
const afterPaint = new MessageChannel();
let painted = null; // [socket, serial]
afterPaint.port1.onmessage = () => {
  const [to, serial] = painted;
  if (to === socket && to.readyState === WebSocket.OPEN) to.send(serial);
};

function paint(message) {
  if (message.target !== socket) return;
  let serial = "b";
  if (typeof message.data === "string") {
    const frame = JSON.parse(message.data);
    applyFrame(frame);
    serial = String(frame.n);
    body.dataset.serial = serial;
  } else {
    document.dispatchEvent(new CustomEvent("live:binary", { detail: message.data }));
  }
  heard = Date.now();
  painted = [socket, serial];
  afterPaint.port2.postMessage(null);
  showAge();
}

function tell(text) {
  bar.textContent = text;
  bar.hidden = false;
}

function ageText(from) {
  const seconds = Math.max(0, Math.round((Date.now() - from) / 1000));
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
}

function showAge() {
  const silent = Date.now() - heard;
  const away = !socket || socket.readyState !== WebSocket.OPEN ? silent > 1500 : silent > SILENT_MS;
  const stale = away && !document.hidden && !pausedAt;
  if (stale) tell(`No word from lbdash for ${ageText(heard)}. What you see is from then; trying again.`);
  else if (pausedAt) tell(`Paused for ${ageText(pausedAt)}. What you see is from then.`);
  else bar.hidden = true;
  body.classList.toggle("is-stale", stale);
}

export function togglePause() {
  pausedAt = pausedAt ? 0 : Date.now();
  pause.setAttribute("aria-pressed", String(Boolean(pausedAt)));
  pause.textContent = pausedAt ? "Resume" : "Pause";
  if (!pausedAt && held) {
    const message = held;
    held = null;
    requestAnimationFrame(() => paint(message));
  }
  showAge();
}

if (body.dataset.live) {
  connect();
  pause.addEventListener("click", togglePause);
  setInterval(showAge, 1000);
  document.addEventListener("visibilitychange", showAge);
  // A page from the back/forward cache comes with a closed socket and old content.
  addEventListener("pagehide", () => socket?.close());
}
