// The button in the top bar: the other theme, remembered on this browser.
const system = matchMedia("(prefers-color-scheme: dark)");

export function current() {
  return document.documentElement.dataset.theme || (system.matches ? "dark" : "light");
}

export function toggle() {
  const next = current() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem("theme", next);
  } catch {
    // Not remembered, but switched.
  }
  document.dispatchEvent(new CustomEvent("theme", { detail: next })); // canvases repaint
}

document.getElementById("theme")?.addEventListener("click", toggle);
