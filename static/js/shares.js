// Linked share sliders: whole numbers that always sum to 100. Moving one takes from or gives to the others that are not
// locked, in proportion to what they have. The rule editor's buttons are here too. The form works without any of it.
const CHANGED = "lbdash:edited";

// What the others get when `moved` becomes `wanted`: largest remainders, so that the sum is exact.
export function spread(values, locked, moved, wanted) {
  const free = values.map((_, place) => place !== moved && !locked[place]);
  const fixed = values.reduce((sum, value, place) => sum + (locked[place] && place !== moved ? value : 0), 0);
  if (!free.some(Boolean)) return [...values]; // nobody to take from or give to
  const own = Math.max(0, Math.min(100 - fixed, Math.round(wanted)));
  const rest = 100 - fixed - own;
  const had = values.reduce((sum, value, place) => sum + (free[place] ? value : 0), 0);
  const ideal = values.map((value, place) => (free[place] ? (had ? (rest * value) / had : rest / free.filter(Boolean).length) : value));
  const next = ideal.map((value, place) => (free[place] ? Math.floor(value) : value));
  next[moved] = own;
  const order = values.map((_, place) => place).filter((place) => free[place]);
  order.sort((a, b) => ideal[b] - Math.floor(ideal[b]) - (ideal[a] - Math.floor(ideal[a])) || a - b);
  let missing = 100 - next.reduce((sum, value) => sum + value, 0);
  for (const place of order) {
    if (missing <= 0) break;
    next[place] += 1;
    missing -= 1;
  }
  return next;
}

function link(box) {
  const rows = [...box.querySelectorAll(".share-row")].map((row) => ({
    slider: row.querySelector("[data-slider]"),
    number: row.querySelector("[data-share]"),
    lock: row.querySelector("[data-lock]"),
  }));
  const sum = box.querySelector("[data-sum]");
  const hint = box.querySelector("[data-sum-hint]");

  const values = () => rows.map(({ number }) => Number(number.value) || 0);
  const locked = () => rows.map(({ lock }) => lock.getAttribute("aria-pressed") === "true");

  function put(next) {
    rows.forEach(({ slider, number }, place) => {
      slider.value = number.value = String(next[place]);
    });
    total();
    box.dispatchEvent(new CustomEvent(CHANGED, { bubbles: true }));
  }

  function total() {
    const all = values().reduce((a, b) => a + b, 0);
    sum.textContent = String(all);
    hint.hidden = all === 100;
  }

  rows.forEach(({ slider, number, lock }, place) => {
    slider.hidden = lock.hidden = rows.length < 2;
    slider.addEventListener("input", () => put(spread(values(), locked(), place, Number(slider.value))));
    // A number is taken when it is typed to its end: in the middle of "75" there is a 7.
    number.addEventListener("change", () => {
      const before = rows.map((row) => Number(row.slider.value));
      put(spread(before, locked(), place, Number(number.value) || 0));
    });
    lock.addEventListener("click", () => {
      const on = lock.getAttribute("aria-pressed") !== "true";
      lock.setAttribute("aria-pressed", String(on));
      lock.textContent = on ? "Locked" : "Lock";
      slider.disabled = on;
      number.readOnly = on;
    });
  });

  const even = box.querySelector("[data-even]");
  even.hidden = rows.length < 2;
  even.addEventListener("click", () => put(rows.map((_, place) => Math.floor(100 / rows.length) + (place < 100 % rows.length ? 1 : 0))));
  box.form?.addEventListener("reset", () => setTimeout(() => put(rows.map(({ number }) => Number(number.dataset.was)))));
  total();
}

function rules(list) {
  const add = list.parentElement.querySelector("[data-add-rule]");
  const edited = () => list.dispatchEvent(new CustomEvent(CHANGED, { bubbles: true }));
  const blank = list.lastElementChild.cloneNode(true);
  add.hidden = false;
  const arm = (row) => {
    for (const button of row.querySelectorAll("button")) button.hidden = false;
  };
  [...list.children].forEach(arm);
  add.addEventListener("click", () => {
    const row = blank.cloneNode(true);
    arm(row);
    list.append(row);
    row.querySelector("input").focus();
  });
  list.addEventListener("click", (event) => {
    const row = event.target.closest("li");
    const button = event.target.closest("button");
    if (!row || !button) return;
    if (button.matches("[data-up]") && row.previousElementSibling) row.previousElementSibling.before(row);
    else if (button.matches("[data-down]") && row.nextElementSibling) row.nextElementSibling.after(row);
    else if (button.matches("[data-remove]")) remove(list, row, add);
    if (row.isConnected) button.focus();
    edited();
  });
}

function remove(list, row, add) {
  (row.nextElementSibling ?? row.previousElementSibling)?.querySelector("input")?.focus();
  if (list.children.length > 1) row.remove();
  else for (const input of row.querySelectorAll("input")) input.value = "";
  if (!list.contains(document.activeElement)) add.focus();
}

export function arm(root) {
  for (const box of root.querySelectorAll("[data-shares]:not([data-armed])")) {
    box.dataset.armed = "";
    link(box);
  }
  for (const list of root.querySelectorAll("[data-rules]:not([data-armed])")) {
    list.dataset.armed = "";
    rules(list);
  }
}

arm(document);
document.addEventListener("lbdash:redrawn", () => arm(document));
