// Filters of tables: text and "only problems", kept in the URL. Rows stay on the page and are hidden.
const inputs = [...document.querySelectorAll("[data-filter]")];
let last = 0;

function tableOf(element, name) {
  return document.querySelector(`[data-table="${element.dataset[name]}"]`);
}

function filter(input) {
  const table = tableOf(input, "filter");
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of table?.querySelectorAll(".rows > .row") ?? []) {
    const text = words.length ? row.textContent.toLowerCase() : "";
    row.hidden = !words.every((word) => text.includes(word));
  }
  if (table) count(table);
}

function count(table) {
  const none = table.querySelector(".no-match");
  const rows = [...table.querySelectorAll(".rows > .row")];
  if (none) none.hidden = rows.length === 0 || rows.some((row) => row.checkVisibility());
}

function keep(name, value) {
  const url = new URL(location.href);
  if (value) url.searchParams.set(name, value);
  else url.searchParams.delete(name);
  history.replaceState(null, "", url);
}

for (const input of inputs) {
  input.value = new URLSearchParams(location.search).get("q") ?? "";
  if (input.value) filter(input);
  input.addEventListener("input", () => {
    filter(input);
    keep("q", input.value);
  });
}

for (const box of document.querySelectorAll("[data-problems]")) {
  const apply = () => {
    const table = tableOf(box, "problems");
    table?.toggleAttribute("data-only-problems", box.checked);
    if (table) count(table);
  };
  box.checked = new URLSearchParams(location.search).get("problems") === "1";
  apply();
  box.addEventListener("change", () => {
    apply();
    keep("problems", box.checked ? "1" : "");
  });
}

// Cells change four times a second; looking once a second is enough to catch rows that came or changed their words.
document.addEventListener("live:rows", () => {
  if (Date.now() - last < 1000) return;
  last = Date.now();
  for (const input of inputs) if (input.value) filter(input);
});
