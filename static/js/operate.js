// Around operators' forms: copy buttons, and what happens on the page once a command was written.
const drawer = document.getElementById("drawer");

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  const code = button.parentElement.querySelector("code");
  try {
    await navigator.clipboard.writeText(code.textContent);
    flash(button, "Copied");
  } catch {
    getSelection().selectAllChildren(code); // no permission, or not a secure context: selected, ready for Ctrl-C
    flash(button, "Selected");
  }
});

function flash(button, text) {
  const before = button.dataset.label ?? (button.dataset.label = button.textContent);
  button.textContent = text;
  setTimeout(() => {
    button.textContent = before;
  }, 1500);
}

// htmx turns the answer's HX-Trigger header into this event. The clients' progress is on the page, live.
document.addEventListener("lbdash:written", () => {
  if (drawer?.open) drawer.close();
  redraw();
});

document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-redraw]")) redraw();
});

// The forms of the Routing tab hold the generation they were drawn at; after a change they are drawn anew.
async function redraw() {
  const from = document.querySelector("[data-redraw-from]")?.dataset.redrawFrom;
  if (!from) return;
  const answer = await fetch(from, { headers: { "HX-Request": "true" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const name of ["versions", "policy"]) {
    const place = document.getElementById(`${name}-place`);
    place.replaceChildren(...fresh.getElementById(`${name}-fresh`).childNodes);
    window.htmx.process(place);
  }
  document.dispatchEvent(new CustomEvent("lbdash:redrawn"));
}

// The answer to a command takes the place of its impact. An edit just before must not fetch the impact over the answer:
// after a submit it is asked for again only when somebody types.
const touched = new WeakMap(); // form -> [last edit, last submit]

function note(form, place) {
  const times = touched.get(form) ?? [0, 0];
  times[place] = performance.now();
  touched.set(form, times);
}

// The name typed to go past an objection changes nothing that could be foreseen; fetching the impact anew would take
// the field away under the typing hand.
for (const kind of ["input", "change"]) {
  document.addEventListener(kind, (event) => event.target.matches?.("[data-quiet]") && event.stopImmediatePropagation(), true);
}
document.addEventListener("input", (event) => event.target.form && note(event.target.form, 0));
document.addEventListener("lbdash:edited", (event) => note(event.target.closest("form"), 0));
document.addEventListener("submit", (event) => note(event.target, 1), true);
document.addEventListener("htmx:before:request", (event) => {
  const form = event.target.matches?.(".impact") && event.target.closest("form");
  const [edited, submitted] = (form && touched.get(form)) || [0, 0];
  if (submitted > edited) event.preventDefault();
});

// A toast leaves by itself; what it says is in the banner too.
new MutationObserver((changes) => {
  for (const change of changes) {
    for (const node of change.addedNodes) if (node.matches?.("[data-toast]")) setTimeout(() => node.remove(), 6000);
  }
}).observe(document.getElementById("toasts"), { childList: true });
