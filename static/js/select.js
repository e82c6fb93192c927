// Bulk selection: row checkboxes feed one bar. Its links get the chosen rows, its <code> the equivalent command line.
const bar = document.querySelector("[data-bulk]");
const table = bar && document.querySelector(`[data-table="${bar.dataset.bulk}"]`);
const all = table?.querySelector("[data-pick-all]");
let anchor = null;

function boxes() {
  return [...table.querySelectorAll(".rows [data-pick]")];
}

function show() {
  const chosen = boxes().filter((box) => box.checked);
  for (const row of table.querySelectorAll(".rows > [data-picked]")) row.removeAttribute("data-picked");
  for (const box of chosen) box.closest(".row").setAttribute("data-picked", "");
  bar.hidden = chosen.length === 0;
  bar.querySelector("[data-bulk-count]").textContent = chosen.length;
  const backends = chosen.map((box) => `&backends=${encodeURIComponent(box.value)}`).join("");
  for (const link of bar.querySelectorAll("a[data-href]")) link.href = link.dataset.href + backends;
  for (const code of bar.querySelectorAll("[data-cli]")) {
    code.textContent = [code.dataset.cli, ...chosen.map((box) => box.dataset.cli)].join(" ");
  }
  if (all) {
    all.checked = chosen.length > 0 && chosen.length === boxes().length;
    all.indeterminate = chosen.length > 0 && !all.checked;
  }
}

function range(box, checked) {
  const shown = boxes().filter((other) => !other.closest(".row").hidden);
  const [from, to] = [shown.indexOf(anchor), shown.indexOf(box)].sort((a, b) => a - b);
  if (from >= 0) for (const other of shown.slice(from, to + 1)) other.checked = checked;
}

if (table) {
  table.addEventListener("click", (event) => {
    const box = event.target;
    if (!box.matches?.("[data-pick]")) return;
    if (event.shiftKey && anchor) range(box, box.checked);
    anchor = box;
    show();
  });
  all?.addEventListener("change", () => {
    // Only what the filter shows: nobody drains what they do not see.
    for (const box of boxes()) box.checked = all.checked && box.checkVisibility();
    show();
  });
  bar.querySelector("[data-bulk-clear]").addEventListener("click", () => {
    for (const box of boxes()) box.checked = false;
    show();
  });
  document.addEventListener("live:rows", () => {
    if (!bar.hidden) show();
  });
  show();
}
