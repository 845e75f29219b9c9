// The page of a corpus: sums, shares of the time, histograms, tables of what is in it, failures, stages, cost.
const whole = (count) => count.toLocaleString("en");
const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.01 ? 2 : 1)}%`;
const hours = (seconds) => amount(seconds / 3600);
const sumOf = (rows, place) => rows.reduce((sum, row) => sum + row[place], 0);

function tableOf(table, titles, rows) {
  // The last columns, of numbers, stand right; a row ends with its share, which is drawn as well.
  table.className = "figures";
  table.replaceChildren(element("thead"), element("tbody"));
  const head = element("tr");
  for (const { title, number } of titles) head.append(element("th", title, { scope: "col", ...(number ? { class: "number" } : {}) }));
  table.tHead.append(head);
  for (const cells of rows) {
    const row = element("tr");
    titles.forEach(({ number, share }, place) => {
      const value = cells[place];
      const cell = place ? element("td", "", number ? { class: "number" } : {}) : element("th", "", { scope: "row" });
      cell.append(share ? percent(value) : value);
      if (share) cell.append(meter(value));
      row.append(cell);
    });
    table.tBodies[0].append(row);
  }
  return table;
}
function meter(share) {
  const made = element("span", "", { class: "meter", "aria-hidden": "true" });
  const filled = element("span");
  filled.style.width = `${100 * Math.max(0, Math.min(1, share))}%`;
  made.append(filled);
  return made;
}
function showTable(place, titles, rows, otherwise) {
  if (!rows.length) {
    $(place).append(element("p", otherwise, { class: "muted" }));
    return;
  }
  const tall = rows.length > 12 ? " tall" : "";
  const wide = element("div", "", { class: `wide${tall}`, tabindex: "0", role: "group", "aria-labelledby": `${place}-title` });
  wide.append(tableOf(element("table"), titles, rows));
  $(place).append(wide);
}
function showFacts(place, facts) {
  for (const [name, one] of Object.entries(facts)) {
    if (one === "") continue;
    const group = element("div");
    group.append(element("dt", name), element("dd", one));
    $(place).append(group);
  }
}

// --- Sums and shares ------------------------------------------------------------------------------------------------------

const failed = sumOf(data.failures, 2);

function showSums() {
  showFacts("sums", {
    Recordings: whole(data.rows),
    Hours: hours(data.seconds),
    Tokens: whole(data.tokens),
    "Tokens/s": amount(data.mean),
    Words: whole(data.words),
    Failures: whole(failed),
    Speed: data.run.speed === null ? "" : `${amount(data.run.speed)} hours in an hour`,
    Cost: data.run.cost === null ? "" : `${amount(data.run.cost)} per 1,000 hours`,
  });
}
function showTime() {
  const kinds = [["text", "text"], ["units", "units, events among them"], ["silence", "silence"]];
  const rows = kinds.map(([kind, title]) => {
    const part = element("span", "", { class: `swatch ${kind === "silence" ? "structure" : kind}` });
    part.style.width = percent(data.time[kind]);
    $("stack").append(part);
    const name = element("span");
    name.append(element("span", "", { class: part.className, "aria-hidden": "true" }), title);
    return [name, hours(data.time[kind] * data.seconds), data.time[kind]];
  });
  tableOf($("time"), [{ title: "Written as" }, { title: "Hours", number: true }, { title: "Share of the time", number: true, share: true }], rows);
}

// --- Histograms -------------------------------------------------------------------------------------------------------------

const size = { width: 1180, height: 320, left: 64, right: 16, top: 16, bottom: 46 };
const mostBars = 60;

function barsOf(distribution) {
  // Neighbouring bins in one bar where there are too many. Bins of a logarithmic scale are few, and stay as they are.
  const { edges, counts, scale } = distribution;
  if (scale !== "linear" || counts.length <= mostBars) return counts.map((count, place) => ({ low: edges[place], high: edges[place + 1], count }));
  const step = niceStep((edges[counts.length] - edges[0]) / mostBars, 1);
  const bars = new Map();
  counts.forEach((count, place) => {
    const number = Math.floor(edges[place] / step + 1e-9);
    const bar = bars.get(number) ?? { low: number * step, high: (number + 1) * step, count: 0 };
    bar.count += count;
    bars.set(number, bar);
  });
  return [...bars.values()];
}
function niceStep(range, steps) {
  const rough = range / steps;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough * (1 - 1e-9));
}
const edge = (value) => String(Number(value.toPrecision(6)));

function drawChart() {
  const chosen = data.distributions[$("figure").selectedIndex];
  const bars = barsOf(chosen);
  const shares = chosen.percentiles;
  $("bins").hidden = !bars.length;
  if (!chosen.rows) {
    $("spread").textContent = "";
    $("chart").replaceChildren(element("p", "No recording has this figure.", { class: "muted" }));
    return;
  }
  const outside = [[chosen.below, "below"], [chosen.above, "above"]].filter(([count]) => count).map(([count, word]) => ` ${whole(count)} are ${word} the chart.`);
  $("spread").textContent =
    `${whole(chosen.rows)} recordings, ${chosen.unit}. Median ${amount(shares[50])}; half of them between ${amount(shares[25])} and ` +
    `${amount(shares[75])}; nine of ten between ${amount(shares[5])} and ${amount(shares[95])}.${outside.join("")}`;
  const most = Math.max(...bars.map((bar) => bar.count), 1);
  const [right, base] = [size.width - size.right, size.height - size.bottom];
  const wide = (right - size.left) / Math.max(bars.length, 1);
  const y = (count) => base - (count / most) * (base - size.top);
  const title = `Recordings by ${chosen.title[0].toLowerCase()}${chosen.title.slice(1)}`;
  const image = svg("svg", { viewBox: `0 0 ${size.width} ${size.height}`, role: "img", "aria-label": title });
  const step = Math.max(1, niceStep(most, 4));
  for (let tick = 0; tick <= most; tick += step) {
    image.append(svg("line", { x1: size.left, x2: right, y1: y(tick), y2: y(tick), class: "grid" }));
    image.append(svg("text", { x: size.left - 8, y: y(tick) + 4, "text-anchor": "end" }, whole(tick)));
  }
  bars.forEach((bar, place) => {
    if (!bar.count) return;
    const box = svg("rect", { x: size.left + place * wide + 0.5, y: y(bar.count), width: Math.max(wide - 1, 0.5), height: base - y(bar.count), class: "ours bin" });
    box.append(svg("title", {}, `${edge(bar.low)} to ${edge(bar.high)}: ${whole(bar.count)}`));
    image.append(box);
  });
  image.append(svg("line", { x1: size.left, x2: right, y1: base, y2: base, class: "axis" }));
  const every = Math.ceil(bars.length / 16);
  for (let place = 0; place <= bars.length; place += every) {
    const x = size.left + place * wide;
    image.append(svg("line", { x1: x, x2: x, y1: base, y2: base + 5, class: "axis" }));
    if (bars.length) image.append(svg("text", { x, y: base + 19, "text-anchor": "middle" }, edge(place < bars.length ? bars[place].low : bars[place - 1].high)));
  }
  image.append(svg("text", { x: (size.left + right) / 2, y: size.height - 6, "text-anchor": "middle" }, `${chosen.unit}${chosen.scale === "linear" ? "" : " (log scale)"}`));
  image.append(svg("text", { x: 14, y: (size.top + base) / 2, "text-anchor": "middle", transform: `rotate(-90 14 ${(size.top + base) / 2})` }, "recordings"));
  $("chart").replaceChildren(image);
  tableOf(
    $("bars"),
    [{ title: chosen.unit }, { title: "Recordings", number: true }, { title: "Share", number: true, share: true }],
    bars.map((bar) => [`${edge(bar.low)} to ${edge(bar.high)}`, whole(bar.count), bar.count / chosen.rows])
  );
}

// --- Tables -----------------------------------------------------------------------------------------------------------------

function showLanguages() {
  const all = Math.max(data.seconds, 1e-9);
  showTable(
    "languages",
    [{ title: "Language" }, { title: "Code" }, { title: "Hours", number: true }, { title: "Share of the time", number: true, share: true }],
    data.languages.map(([title, code, seconds]) => [title, code === "none" || code === "unknown" ? "" : code, hours(seconds), seconds / all]),
    "No recordings."
  );
}
function showSpeakers() {
  const { count, more } = data.names;
  const distinct = `${whole(count)}${more ? " or more" : ""} different name${count === 1 && !more ? "" : "s"} in the manifest`;
  $("names").textContent = count ? `${distinct}.` : "The manifest names no speakers: they are told apart within each recording.";
  showTable(
    "speakers",
    [{ title: "Speakers in a recording" }, { title: "Recordings", number: true }, { title: "Share", number: true, share: true }],
    data.speakers.map(([number, rows]) => [number.replace("+", " or more"), whole(rows), rows / Math.max(data.rows, 1)]),
    "No recordings."
  );
}
function showEvents() {
  const all = sumOf(data.events, 1);
  const perHour = (count) => amount(count / Math.max(data.seconds / 3600, 1e-9));
  showTable(
    "events",
    [{ title: "Event" }, { title: "Count", number: true }, { title: "Per hour", number: true }, { title: "Share", number: true, share: true }],
    data.events.map(([label, count]) => [label, whole(count), perHour(count), count / all]),
    "None."
  );
}
function showFailures() {
  showTable(
    "failures",
    [{ title: "Reason" }, { title: "Meaning" }, { title: "Entries", number: true }, { title: "Share of all entries", number: true, share: true }],
    data.failures.map(([reason, about, count]) => [reason, about, whole(count), count / (failed + data.rows)]),
    "None: every entry has a row."
  );
  $("errors-card").hidden = !data.errors.length;
  if (!data.errors.length) return;
  const all = data.errors.length < failed ? `The first ${data.errors.length} of ${whole(failed)}; errors.jsonl has all of them.` : "All of them; errors.jsonl has them too.";
  $("errors").append(element("p", all, { class: "muted" }));
  showTable("errors", [{ title: "Entry" }, { title: "Reason" }, { title: "Error" }], data.errors);
}
function showStages() {
  const work = sumOf(data.run.stages, 1);
  const rows = [...data.run.stages].sort((one, other) => other[1] - one[1]);
  showTable(
    "stages",
    [{ title: "Stage" }, { title: "Hours", number: true }, { title: "Share of the work", number: true, share: true }],
    rows.map(([stage, seconds]) => [stage, hours(seconds), work ? seconds / work : 0]),
    "Nothing is known about the work."
  );
}

// --- Cost and run -------------------------------------------------------------------------------------------------------------

function showRun() {
  const { run } = data;
  if (run.machine_hours === null) $("cost").textContent = "Nothing is known about the time that it took.";
  else {
    const takes = `1,000 hours of audio take ${amount(run.machine_hours)} machine-hours`;
    $("cost").textContent =
      run.cost === null
        ? `${takes}. With --price, what a machine costs per hour, hybrid-tok corpus encode and stats say what they cost.`
        : `${takes}, which cost ${amount(run.cost)} at ${amount(run.price)} a machine-hour.`;
  }
  const listed = (facts) => Object.entries(facts).map(([name, one]) => `${name} ${one}`).join(", ");
  showFacts("run", {
    Time: run.wall ? `${hours(run.wall)} hours` : "",
    Machines: run.machine_seconds ? `${hours(run.machine_seconds)} machine-hours` : "",
    Workers: run.workers ? whole(run.workers) : "",
    Preset: data.preset,
    Fingerprint: data.fingerprint,
    Machine: listed(run.machine),
    Versions: listed(run.versions),
  });
}

$("lead").textContent =
  `Corpus: ${whole(data.rows)} recording${data.rows === 1 ? "" : "s"}, ${hours(data.seconds)} hours, ${whole(data.tokens)} tokens` +
  (failed ? `; ${whole(failed)} failed` : "");
for (const one of data.distributions) $("figure").append(new Option(one.title));
$("figure").addEventListener("change", drawChart);
themeChanged();
showSums();
showTime();
drawChart();
showLanguages();
showSpeakers();
showEvents();
showFailures();
showStages();
showRun();
document.documentElement.dataset.ready = "yes";
