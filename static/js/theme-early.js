// Before the first paint: the theme chosen on this browser, else the system's (tokens.css).
try {
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is refused: the system's theme it is.
}
