// Puts a frame on the page (see lbdash/web/live/frames.py): regions are morphed, cells and rows replaced.
import { morph } from "./morph.js";

const tables = new Map(); // name -> { body, columns: name -> place, rows: key -> element }
const template = document.createElement("template");

export function applyFrame(frame) {
  if (frame.title) document.title = document.title.replace(/^[^·]*/, `${frame.title} `);
  for (const [name, html] of Object.entries(frame.r ?? {})) {
    for (const element of document.querySelectorAll(`[data-region="${name}"]`)) morph(element, html);
  }
  for (const [name, change] of Object.entries(frame.t ?? {})) applyTable(name, change);
  if (frame.t) document.dispatchEvent(new CustomEvent("live:rows"));
}

function tableOf(name) {
  if (tables.has(name)) return tables.get(name);
  const element = document.querySelector(`[data-table="${name}"]`);
  if (!element) return null;
  const head = element.querySelector(".head");
  const body = element.querySelector(".rows");
  const table = {
    body,
    columns: new Map([...head.children].map((cell, place) => [cell.dataset.col, place])),
    rows: new Map([...body.children].map((row) => [row.dataset.row, row])),
  };
  tables.set(name, table);
  return table;
}

function applyTable(name, change) {
  const table = tableOf(name);
  if (!table) return;
  for (const [key, html] of Object.entries(change.x ?? {})) addRow(table, key, html);
  for (const [key, cells] of Object.entries(change.c ?? {})) applyCells(table, key, cells);
  for (const [key, css] of Object.entries(change.k ?? {})) {
    const row = table.rows.get(key);
    if (row) row.className = `row ${css}`;
  }
  if (change.o) reorder(table, change.o);
}

function addRow(table, key, html) {
  template.innerHTML = html;
  const row = template.content.firstElementChild;
  table.rows.get(key)?.replaceWith(row);
  table.rows.set(key, row);
}

function applyCells(table, key, cells) {
  const row = table.rows.get(key);
  if (!row) return;
  for (const [column, html] of Object.entries(cells)) {
    const cell = row.children[table.columns.get(column)];
    if (!cell) continue; // a row may know more than the table shows
    if (/[<&]/.test(html)) cell.innerHTML = html;
    else cell.textContent = html;
  }
}

function reorder(table, order) {
  let next = table.body.firstElementChild;
  for (const key of order) {
    const row = table.rows.get(key);
    if (!row) continue;
    if (row === next) next = next.nextElementSibling;
    else table.body.insertBefore(row, next);
  }
  const kept = new Set(order);
  for (const [key, row] of table.rows) {
    if (kept.has(key)) continue;
    row.remove();
    table.rows.delete(key);
  }
}
