// Charts of one subject: rps, latency, errors. uPlot draws; the numbers come as columns from the page's series address.
const box = document.querySelector("[data-charts]");

if (box) {
  const CHARTS = [
    { name: "Calls, rps", lines: [["rps", "rps", "--spark", 1]] },
    { name: "Latency, ms", lines: [["p50", "P50", "--v2", 1], ["p99", "P99", "--v3", 1]] },
    { name: "Errors, %", lines: [["error_ratio", "errors", "--down-fill", 100]] },
  ];
  const EVERY = { 60: 1000, 600: 2000, 3600: 10000 };
  const said = document.querySelector("[data-charts-note]");
  const spans = [...document.querySelectorAll("[data-span]")];
  let span = new URLSearchParams(location.search).get("span") ?? "600";
  if (!EVERY[span]) span = "600";
  let charts = [];
  let newest = null;
  let timer = 0;

  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function make() {
    for (const chart of charts) chart.destroy();
    box.replaceChildren();
    const axis = () => ({
      stroke: style("--ink-3"),
      grid: { stroke: style("--line"), width: 1 },
      ticks: { show: false },
      font: `12px ${style("--sans")}`,
    });
    const clock = (_, moments) => moments.map((at) => new Date(at * 1000).toISOString().slice(11, span === "60" ? 19 : 16));
    charts = CHARTS.map(({ name, lines }) => {
      const place = document.createElement("figure");
      place.append(Object.assign(document.createElement("figcaption"), { textContent: name }));
      box.append(place);
      const series = lines.map(([, label, colour]) => ({
        label, stroke: style(colour), width: 1.5, points: { show: false }, spanGaps: false,
        value: (_, number) => (number == null ? "–" : number.toPrecision(3)),
      }));
      return new window.uPlot({
        width: Math.max(240, place.clientWidth || box.clientWidth / 3 - 12),
        height: 180,
        tzDate: (at) => window.uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
        scales: { y: { range: (_, low, high) => [0, high > 0 ? high * 1.1 : 1] } },
        axes: [{ ...axis(), values: clock, space: 72 }, { ...axis(), size: 48 }],
        series: [{ label: "at", value: (_, at) => (at == null ? "–" : new Date(at * 1000).toISOString().slice(11, 19)) }, ...series],
        cursor: { sync: { key: "subject" }, drag: { x: false, y: false } },
      }, [[], ...lines.map(() => [])], place);
    });
    if (newest) put(newest);
  }

  function put(columns) {
    newest = columns;
    charts.forEach((chart, place) => {
      const data = CHARTS[place].lines.map(([key, , , factor]) => columns[key].map((value) => (value === null ? null : value * factor)));
      chart.setData([columns.t, ...data]);
    });
    const known = columns.rps.some((value) => value !== null);
    said.textContent = known ? `one point every ${columns.step} s; gaps were not known` : "nobody reported in this time";
  }

  async function load() {
    clearTimeout(timer);
    const paused = document.getElementById("pause")?.getAttribute("aria-pressed") === "true";
    if (!document.hidden && !paused) {
      try {
        const answer = await fetch(`${box.dataset.charts}&span=${span}`, { headers: { Accept: "application/json" } });
        if (answer.ok) put(await answer.json());
        else said.textContent = "history is not available now";
      } catch {
        said.textContent = "no answer from lbdash; trying again";
      }
    }
    timer = setTimeout(load, EVERY[span]);
  }

  function choose(wanted) {
    span = wanted;
    newest = null;
    for (const button of spans) button.setAttribute("aria-pressed", String(button.dataset.span === span));
    const url = new URL(location.href);
    url.searchParams.set("span", span);
    history.replaceState(null, "", url);
    load();
  }

  for (const button of spans) button.addEventListener("click", () => choose(button.dataset.span));
  for (const button of spans) button.setAttribute("aria-pressed", String(button.dataset.span === span));
  new MutationObserver(make).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", make);
  let width = 0;
  new ResizeObserver(() => {
    if (box.clientWidth === width) return;
    width = box.clientWidth;
    for (const chart of charts) chart.setSize({ width: Math.max(240, chart.root.parentElement.clientWidth), height: 180 });
  }).observe(box);
  make();
  load();
}
