// `<a href="…" data-drawer>` opens what the link leads to in the drawer; without JavaScript it is a page. Forms in it
// are htmx's. `data-drawer-close` or Escape closes it.
const drawer = document.getElementById("drawer");
const content = document.getElementById("drawer-body");

export async function open(href) {
  content.replaceChildren(Object.assign(document.createElement("div"), { className: "skeleton" }));
  if (!drawer.open) drawer.showModal();
  await window.htmx.ajax("GET", href, { target: content, swap: "innerHTML" });
  (content.querySelector("[autofocus]") ?? content.querySelector("h2"))?.focus();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-drawer]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
    event.preventDefault();
    if (link.getAttribute("aria-disabled") !== "true") open(link.href);
  } else if (event.target.closest?.("[data-drawer-close]") || event.target === drawer) {
    drawer.close();
  }
});

export function toast(text) {
  const element = Object.assign(document.createElement("div"), { className: "toast", textContent: text });
  document.getElementById("toasts").append(element);
  setTimeout(() => element.remove(), 6000);
}

drawer?.addEventListener("close", () => content.replaceChildren());
