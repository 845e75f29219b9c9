// The page of results: a chart of a metric against the bit rate, a table that sorts, the score's parts, the errors.
const rateName = "bits_per_second";
const value = (system, metric) => system.summary[metric]?.value ?? null;
const scored = data.systems.some((system) => system.score);
const columns = [
  ...(scored ? [{ name: "score", title: "Hybrid score", better: "higher", unit: "", about: "Quality against bits; its parts are below." }] : []),
  ...data.metrics.filter((metric) => data.systems.some((system) => value(system, metric.name) !== null)),
];
const figureOf = (system, name) =>
  name === "score" ? (system.score ? { value: system.score.value, low: system.score.value, high: system.score.value } : null) : system.summary[name] ?? null;
const signs = { higher: 1, lower: -1 }; // "neither" has no better and no best
const sign = (metric) => signs[metric.better] ?? 0;
const preference = (metric) => (sign(metric) ? `${metric.better} is better` : "");

// --- Chart ------------------------------------------------------------------------------------------------------------

const size = { width: 1180, height: 400, left: 64, right: 130, top: 16, bottom: 46 };

function niceStep(range) {
  const rough = range / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough);
}
function drawChart() {
  const metric = columns.find((one) => one.name === $("metric").value);
  const about = metric.about && metric.about[0].toUpperCase() + metric.about.slice(1).replace(/\.?$/, ".");
  $("about").textContent = [about, { higher: "Higher is better.", lower: "Lower is better." }[metric.better]].filter(Boolean).join(" ");
  const points = data.systems
    .map((system) => ({ system, rate: value(system, rateName), figure: figureOf(system, metric.name) }))
    .filter((one) => one.rate > 0 && one.figure && one.figure.value !== null);
  const title = `${metric.title} against bits per second`;
  const image = svg("svg", { viewBox: `0 0 ${size.width} ${size.height}`, role: "img", "aria-label": title });
  if (!points.length) {
    $("chart").replaceChildren(element("p", "No system has both a bit rate and this metric.", { class: "muted" }));
    return;
  }
  const rates = points.map((one) => one.rate);
  const [lowRate, highRate] = [Math.min(...rates) / 1.35, Math.max(...rates) * 1.35];
  const bounds = points.flatMap(({ figure }) => [figure.low ?? figure.value, figure.high ?? figure.value]);
  let [low, high] = [Math.min(...bounds), Math.max(...bounds)];
  const pad = (high - low || Math.abs(high) || 1) * 0.08;
  const nonNegative = low >= 0;
  [low, high] = [nonNegative ? Math.max(0, low - pad) : low - pad, high + pad];
  const x = (rate) => size.left + ((Math.log(rate) - Math.log(lowRate)) / (Math.log(highRate) - Math.log(lowRate))) * (size.width - size.left - size.right);
  const y = (one) => size.height - size.bottom - ((one - low) / (high - low)) * (size.height - size.top - size.bottom);
  const step = niceStep(high - low);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  for (let tick = Math.ceil(low / step); tick * step <= high; tick++) {
    image.append(svg("line", { x1: size.left, x2: size.width - size.right, y1: y(tick * step), y2: y(tick * step), class: "grid" }));
    image.append(svg("text", { x: size.left - 8, y: y(tick * step) + 4, "text-anchor": "end" }, (tick * step).toFixed(digits)));
  }
  const base = size.height - size.bottom;
  image.append(svg("line", { x1: size.left, x2: size.width - size.right, y1: base, y2: base, class: "axis" }));
  for (let decade = 1; decade < 1e8; decade *= 10)
    for (const tick of [decade, 2 * decade, 5 * decade]) {
      if (tick < lowRate || tick > highRate) continue;
      image.append(svg("line", { x1: x(tick), x2: x(tick), y1: base, y2: base + 5, class: "axis" }));
      image.append(svg("text", { x: x(tick), y: base + 19, "text-anchor": "middle" }, tick.toLocaleString("en")));
    }
  image.append(svg("text", { x: (size.left + size.width - size.right) / 2, y: size.height - 6, "text-anchor": "middle" }, "bits per second (log scale)"));
  image.append(svg("text", { x: 14, y: (size.top + base) / 2, "text-anchor": "middle", transform: `rotate(-90 14 ${(size.top + base) / 2})` }, metric.title + (metric.unit ? ` (${metric.unit})` : "")));
  const taken = points.map(({ rate, figure }) => ({ left: x(rate) - 7, right: x(rate) + 7, top: y(figure.value) - 7, bottom: y(figure.value) + 7 }));
  for (const { system, rate, figure } of points) {
    const kind = system.ours ? "ours" : "peer";
    const [px, py] = [x(rate), y(figure.value)];
    if (figure.low !== null && figure.high !== null && figure.high > figure.low)
      image.append(svg("line", { x1: px, x2: px, y1: y(figure.low), y2: y(figure.high), class: kind }));
    const dot = system.ours
      ? svg("circle", { cx: px, cy: py, r: 6, class: `dot ${kind}` })
      : svg("rect", { x: px - 5.5, y: py - 5.5, width: 11, height: 11, class: `dot ${kind}` });
    dot.append(svg("title", {}, `${system.title}: ${amount(figure.value)} at ${amount(rate)} bits/s`));
    image.append(dot);
  }
  for (const { system, rate, figure } of points) {
    const [px, py] = [x(rate), y(figure.value)];
    const long = system.title.length * 6.4;
    // The first place beside the mark that nothing else has.
    const places = [[10, 0], [-10 - long, 0], [10, -13], [10, 13], [-10 - long, -13], [-10 - long, 13], [-long / 2, -17], [-long / 2, 18], [10, -26], [10, 26]];
    const boxes = places.map(([dx, dy]) => ({ left: px + dx, right: px + dx + long, top: py + dy - 7, bottom: py + dy + 7 }));
    const free = (one) => one.left > size.left && one.right < size.width && one.top > 4 && one.bottom < base && !taken.some((other) => one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom);
    const chosen = boxes.find(free);
    if (!chosen) continue; // the mark's own title and the table name it
    taken.push(chosen);
    image.append(svg("text", { x: chosen.left, y: chosen.top + 11, class: "label" }, system.title));
  }
  $("chart").replaceChildren(image);
}

// --- Table --------------------------------------------------------------------------------------------------------------

let sorted = { name: columns[0]?.name ?? "", descending: columns[0]?.better !== "lower" };

function better(metric, figure, other) {
  if (!figure || !other || figure.value === null || other.value === null) return 0;
  if (!(figure.recordings > 1 && other.recordings > 1)) return 0; // no interval: one recording, or the score
  if (figure.low > other.high) return sign(metric);
  if (figure.high < other.low) return 0 - sign(metric);
  return 0;
}
function systemHeader(system) {
  const header = element("th", "", { scope: "row" });
  header.append(element("span", "", { class: `swatch ${system.ours ? "ours" : "peer"}` }), system.title);
  if (system.timing === "free") header.append(element("span", " free timing", { class: "muted" }));
  header.title = system.name;
  return header;
}
function drawTable() {
  const table = $("systems");
  const baseline = data.systems.find((system) => system.name === $("baseline").value);
  const order = [...data.systems];
  const key = (system) => (sorted.name === "system" ? system.title : figureOf(system, sorted.name)?.value ?? null);
  order.sort((a, b) => {
    const [one, two] = [key(a), key(b)];
    if (one === null || two === null) return (one === null) - (two === null);
    const compared = typeof one === "string" ? one.localeCompare(two) : one - two;
    return sorted.descending ? -compared : compared;
  });
  table.replaceChildren(element("thead"), element("tbody"));
  const head = element("tr");
  head.append(heading({ name: "system", title: "System" }));
  for (const metric of columns) head.append(heading(metric));
  table.tHead.append(head);
  for (const system of order) {
    const row = element("tr");
    row.append(systemHeader(system));
    for (const metric of columns) row.append(cell(system, metric, baseline));
    table.tBodies[0].append(row);
  }
}
function heading(metric) {
  const header = element("th", "", { scope: "col", ...(metric.name === "system" ? {} : { class: "number" }) });
  const active = sorted.name === metric.name;
  header.setAttribute("aria-sort", active ? (sorted.descending ? "descending" : "ascending") : "none");
  const button = element("button", metric.title, { type: "button", "data-column": metric.name });
  button.append(element("span", active ? (sorted.descending ? " ↓" : " ↑") : "", { "aria-hidden": "true" }));
  if (metric.about) button.title = metric.about;
  button.addEventListener("click", () => {
    sorted = { name: metric.name, descending: active ? !sorted.descending : metric.better === "higher" };
    drawTable();
    $("systems").querySelector(`[data-column="${CSS.escape(metric.name)}"]`).focus();
  });
  header.append(button);
  if (metric.name !== "system") header.append(element("span", [metric.unit, preference(metric)].filter(Boolean).join(", "), { class: "unit" }));
  return header;
}
function cell(system, metric, baseline) {
  const figure = figureOf(system, metric.name);
  const made = element("td", "", { class: "number" });
  if (!figure || figure.value === null) {
    made.textContent = "-";
    return made;
  }
  const values = data.systems.map((one) => figureOf(one, metric.name)?.value ?? null).filter((one) => one !== null);
  const best = metric.better === "lower" ? Math.min(...values) : Math.max(...values);
  const compared = system === baseline ? 0 : better(metric, figure, baseline && figureOf(baseline, metric.name));
  if (compared) {
    const word = compared > 0 ? "better" : "worse";
    made.append(element("span", compared > 0 ? "▲" : "▼", { class: word, "aria-hidden": "true" }), element("span", word, { class: "hidden" }), " ");
  }
  if (figure.value === best && values.length > 1 && sign(metric)) made.append(element("span", "●", { class: "best", "aria-hidden": "true" }), element("span", "best", { class: "hidden" }), " ");
  made.append(amount(figure.value));
  if (figure.low !== null && figure.high !== null && figure.high > figure.low)
    made.append(element("span", `${amount(figure.low)} to ${amount(figure.high)}`, { class: "interval" }));
  return made;
}

// --- Score, errors, run ---------------------------------------------------------------------------------------------------

function drawScore() {
  const systems = data.systems.filter((system) => system.score).sort((a, b) => b.score.value - a.score.value);
  $("score").hidden = !systems.length;
  const parts = [...new Set(systems.flatMap((system) => Object.keys(system.score.parts)))];
  const table = $("parts");
  table.append(element("thead"), element("tbody"));
  const head = element("tr");
  head.append(element("th", "System", { scope: "col" }));
  for (const name of ["Score", "Quality", "bits/s"]) head.append(element("th", name, { scope: "col", class: "number" }));
  for (const part of parts) {
    const header = element("th", part, { scope: "col", class: "number" });
    const weights = new Set(systems.map((system) => system.score.parts[part]?.weight).filter((one) => one !== undefined));
    if (weights.size === 1) header.append(element("span", `weight ${amount([...weights][0])}`, { class: "unit" }));
    head.append(header);
  }
  table.tHead.append(head);
  for (const system of systems) {
    const row = element("tr");
    row.append(systemHeader(system));
    for (const one of [system.score.value, system.score.quality, system.score.bits]) row.append(element("td", amount(one), { class: "number" }));
    for (const part of parts) {
      const found = system.score.parts[part];
      const made = element("td", amount(found?.value), { class: "number" });
      if (found && found.value !== null) {
        const meter = element("span", "", { class: "meter", "aria-hidden": "true" });
        const filled = element("span");
        filled.style.width = `${100 * Math.max(0, Math.min(1, found.value))}%`;
        meter.append(filled);
        made.append(meter);
      }
      row.append(made);
    }
    table.tBodies[0].append(row);
  }
}
function drawErrors() {
  if (!data.errors.length) {
    $("errors").append(element("p", "None: every system measured every recording.", { class: "muted" }));
    return;
  }
  const list = element("table", "", { class: "figures" });
  list.append(element("thead"), element("tbody"));
  const head = element("tr");
  for (const name of ["Recording", "System", "Error"]) head.append(element("th", name, { scope: "col" }));
  list.tHead.append(head);
  const titles = new Map(data.systems.map((system) => [system.name, system.title]));
  for (const [recording, system, error] of data.errors) {
    const row = element("tr");
    for (const one of [recording, titles.get(system) ?? system, error]) row.append(element("td", one));
    list.tBodies[0].append(row);
  }
  const wide = element("div", "", { class: "wide tall", tabindex: "0", role: "group", "aria-labelledby": "errors-title" });
  wide.append(list);
  $("errors").append(element("p", `${data.errors.length} of ${data.recordings * data.systems.length} failed; they are in none of the figures.`), wide);
}
function drawRun() {
  const facts = {
    Suite: data.suite,
    Folder: data.folder,
    Recordings: `${data.recordings.toLocaleString("en")}, ${clock(data.seconds)} in all`,
    Seed: String(data.seed),
    Machine: Object.entries(data.machine).map(([name, one]) => `${name} ${one}`).join(", "),
    Versions: Object.entries(data.versions).map(([name, one]) => `${name} ${one}`).join(", "),
  };
  for (const [name, one] of Object.entries(facts)) {
    const group = element("div");
    group.append(element("dt", name), element("dd", one));
    $("run").append(group);
  }
}

$("lead").textContent = `Suite ${data.suite}: ${data.systems.length} systems on ${data.recordings.toLocaleString("en")} recording${data.recordings === 1 ? "" : "s"}, ${clock(data.seconds)} in all`;
for (const metric of columns.filter((one) => one.name !== rateName)) $("metric").append(new Option(metric.title, metric.name));
for (const system of data.systems) $("baseline").append(new Option(system.title, system.name));
$("baseline").value = (data.systems.find((system) => system.ours) ?? data.systems[0])?.name ?? "";
$("metric").addEventListener("change", drawChart);
$("baseline").addEventListener("change", drawTable);
themeChanged();
if (columns.some((one) => one.name !== rateName)) drawChart();
drawTable();
drawScore();
drawErrors();
drawRun();
document.documentElement.dataset.ready = "yes";
