// Keys: / search, f filter, p pause, t theme, 1-9 tabs, Escape leaves a field or the search; arrows walk the results.
import { togglePause } from "./live.js";
import { toggle } from "./theme.js";

const search = document.getElementById("search");
const results = document.getElementById("search-results");

const KEYS = {
  "/": () => search?.focus(),
  f: () => document.querySelector("[data-filter]")?.focus(),
  p: () => document.body.dataset.live && togglePause(),
  t: toggle,
};

function typing(element) {
  return element.matches?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return leave(event.target);
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  const tab = /^[1-9]$/.test(event.key) && document.querySelectorAll(".tabs a")[event.key - 1];
  const act = tab ? () => tab.click() : KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

function leave(element) {
  if (element === search || results?.contains(element)) {
    search.value = "";
    results.replaceChildren();
    search.blur();
  } else if (typing(element)) {
    element.blur();
  }
}

document.querySelector(".search")?.addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  event.preventDefault();
  const stops = [search, ...results.querySelectorAll("a")];
  const step = event.key === "ArrowDown" ? 1 : -1;
  stops[Math.max(0, Math.min(stops.length - 1, stops.indexOf(document.activeElement) + step))].focus();
});

document.addEventListener("click", (event) => {
  if (results && !event.target.closest(".search")) results.replaceChildren();
});
