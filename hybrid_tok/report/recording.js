// The page of a recording. One canvas shows what is visible of the time axis; the elements over it (the stretch in
// focus, the one under the pointer, the place that plays) move without drawing it again.
const frameRate = data.frameRate;
const words = data.words.map(([start, end, text, confidence, speaker]) => ({ start, end, text, confidence, speaker }));
const events = data.events.map(([start, end, label, confidence]) => ({ start, end, label, confidence }));
const forms = data.forms.map((form) => ({
  ...form,
  segments: form.segments.map(([start, end, kind, speaker, label, reason, cost, alternative, own, under]) => ({
    start, end, kind, speaker, label, cost, alternative,
    reason: reason === null ? null : data.reasons[reason],
    words: own.map((index) => words[index]),
    under: under.map((index) => words[index]),
  })),
}));
const speakers = [...new Set([...words, ...forms.flatMap((form) => form.segments)].map((one) => one.speaker))].sort((a, b) => a - b);
const total = Math.max(data.seconds, ...data.tracks.map((track) => track.seconds), 0.01);
const kindText = { text: "text", units: "units", event: "labelled event", tag: "label alone", pause: "pause" };
let form = forms[data.chosen];

// --- The arrays, which are deflated -----------------------------------------------------------------------------

function bytes(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
async function inflate(base64) {
  const stream = new Blob([bytes(base64)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
function halvedPeaks(peaks) {
  const count = Math.ceil(peaks.length / 4);
  const half = new Int8Array(2 * count);
  for (let index = 0; index < count; index++) {
    const [a, b] = [4 * index, Math.min(4 * index + 2, peaks.length - 2)];
    half[2 * index] = Math.min(peaks[a], peaks[b]);
    half[2 * index + 1] = Math.max(peaks[a + 1], peaks[b + 1]);
  }
  return half;
}
function halvedColumns(levels, bands) {
  const count = Math.ceil(levels.length / bands / 2);
  const half = new Uint8Array(count * bands);
  for (let column = 0; column < count; column++) {
    const a = 2 * column * bands;
    const b = Math.min(a + bands, levels.length - bands);
    for (let band = 0; band < bands; band++) half[column * bands + band] = (levels[a + band] + levels[b + band] + 1) >> 1;
  }
  return half;
}
function pyramid(first, halve, least) {
  const levels = [first];
  while (levels[levels.length - 1].length > least) levels.push(halve(levels[levels.length - 1]));
  return levels;
}
async function unpack(track) {
  const { bands } = track.spectrogram;
  track.peakLevels = pyramid(new Int8Array((await inflate(track.peaks.data)).buffer), halvedPeaks, 2048);
  track.loudest = track.peakLevels[track.peakLevels.length - 1].reduce((most, peak) => Math.max(most, Math.abs(peak)), 1);
  track.columnLevels = pyramid(await inflate(track.spectrogram.data), (one) => halvedColumns(one, bands), 512 * bands);
}

// --- Rows -------------------------------------------------------------------------------------------------------

const rows = [];
let height = 0;
function addRow(kind, size, about, gap = 0) {
  height += gap;
  rows.push({ kind, top: height, height: size, ...about });
  height += size;
}
function label(top, size, text, kind) {
  const span = element("span", text, { class: kind });
  span.style.top = `${top + 1}px`;
  span.style.lineHeight = `${size}px`;
  $("gutter").append(span);
}
function layOut() {
  addRow("ruler", 22, {});
  data.tracks.forEach((track, number) => {
    addRow("wave", 50, { track, number }, number ? 10 : 2);
    label(height - 50, 18, track.name, "name");
    addRow("spectrogram", 88, { track, number }, 2);
    label(height - 88, 14, "8 kHz", "part");
    label(height - 15, 14, "50 Hz", "part");
  });
  if (events.length) {
    addRow("events", 22, {}, 10);
    label(height - 22, 22, "Events", "name");
  }
  for (const speaker of speakers) {
    addRow("words", 26, { speaker }, 12);
    label(height - 26, 26, `Speaker ${speaker}`, "name");
    addRow("forms", 18, { speaker }, 2);
    label(height - 18, 18, "written as", "part");
  }
  height += 6;
}

// --- Time axis --------------------------------------------------------------------------------------------------

const canvas = $("canvas");
const context = canvas.getContext("2d");
let width = 0;
let scale = 0; // pixels per second
const most = 1500;
const legible = 140; // words can be read from here on
const least = () => Math.min(width / total, most);

function resize() {
  const [first, fitted] = [width === 0, scale <= least() * 1.001];
  width = $("scroll").clientWidth;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  $("content").style.height = `${height}px`;
  $("gutter").style.height = `${height}px`;
  if (first) setScale(total > 120 ? 0 : legible, 0, 0);
  else setScale(fitted ? 0 : scale, $("scroll").scrollLeft / scale, 0);
}
function setScale(wanted, time, x) {
  scale = Math.min(most, Math.max(least(), wanted));
  $("content").style.width = `${Math.max(width, Math.floor(total * scale))}px`;
  $("scroll").scrollLeft = time * scale - x;
  place($("cursor"), form.segments[focused]);
  $("hover").hidden = true;
  movePlayhead();
  draw();
}
function zoom(factor, x = width / 2) {
  setScale(scale * factor, ($("scroll").scrollLeft + x) / scale, x);
}
function show(seconds) {
  const x = seconds * scale - $("scroll").scrollLeft;
  if (x < 0 || x > width - 8) $("scroll").scrollLeft = seconds * scale - width * 0.1;
}

// --- Drawing ----------------------------------------------------------------------------------------------------

let colours = {};
let ramp = new Uint32Array(64);
let tiles = new Map();
const tileColumns = 256;

function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["ink", "soft", "line", "shade", "card", "words", "units", "events", "voice", "structure", "wave", "low", "mid", "high"])
    colours[name] = style.getPropertyValue(`--${name}`).trim();
  const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const stops = [colours.low, colours.mid, colours.high].map(rgb);
  const { levels } = data.tracks[0].spectrogram;
  for (let level = 0; level <= levels; level++) {
    const place = 2 * Math.pow(level / levels, 1.25);
    const from = Math.min(1, Math.floor(place));
    const [r, g, b] = stops[from].map((value, index) => Math.round(value + (stops[from + 1][index] - value) * (place - from)));
    ramp[level] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
  tiles = new Map();
  hatch = null;
}
function tile(number, level, index) {
  const key = `${number}/${level}/${index}`;
  let made = tiles.get(key);
  if (made) {
    tiles.delete(key);
  } else {
    const { bands } = data.tracks[number].spectrogram;
    const levels = data.tracks[number].columnLevels[level];
    const columns = Math.min(tileColumns + 1, levels.length / bands - index * tileColumns); // one more to blend into
    made = document.createElement("canvas");
    [made.width, made.height] = [columns, bands];
    const image = new ImageData(columns, bands);
    const pixels = new Uint32Array(image.data.buffer);
    for (let column = 0; column < columns; column++) {
      const from = (index * tileColumns + column) * bands;
      for (let band = 0; band < bands; band++) pixels[(bands - 1 - band) * columns + column] = ramp[levels[from + band]];
    }
    made.getContext("2d").putImageData(image, 0, 0);
  }
  tiles.set(key, made);
  if (tiles.size > 240) tiles.delete(tiles.keys().next().value);
  return made;
}

let waiting = false;
function draw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    drawNow();
  });
}
function drawNow() {
  const ratio = canvas.width / Math.max(width, 1);
  const from = $("scroll").scrollLeft / scale;
  const to = Math.min(total, from + width / scale);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = colours.card;
  context.fillRect(0, 0, width, height);
  context.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  context.textBaseline = "middle";
  for (const row of rows) drawers[row.kind](row, from, to);
}
const drawers = {
  ruler(row, from, to) {
    const step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600].find((one) => one * scale >= 80) || 1800;
    context.fillStyle = colours.soft;
    for (let tick = Math.ceil(from / step); tick * step <= to; tick++) {
      const x = (tick * step - from) * scale;
      context.fillRect(Math.round(x), row.height - 5, 1, 5);
      const text = step < 1 ? clock(tick * step) : clock(tick * step).slice(0, -3);
      if (x + 44 < width) context.fillText(text, x + 4, row.height / 2);
    }
  },
  wave(row, from, to) {
    const { track } = row;
    const middle = row.top + row.height / 2;
    context.fillStyle = colours.line;
    context.fillRect(0, middle, (to - from) * scale, 0.5);
    if (!track.peakLevels) return;
    let level = Math.max(0, Math.floor(Math.log2(track.peaks.rate / scale)));
    level = Math.min(level, track.peakLevels.length - 1);
    const peaks = track.peakLevels[level];
    const rate = track.peaks.rate / 2 ** level;
    const first = Math.max(0, Math.floor(from * rate));
    const last = Math.min(peaks.length / 2 - 1, Math.ceil(to * rate));
    const half = row.height / 2 / Math.max(...data.tracks.map((one) => one.loudest ?? 1)); // one scale for all tracks
    const x = (index) => (index / rate - from) * scale;
    context.beginPath();
    for (let index = first; index <= last; index++) context.lineTo(x(index), middle - peaks[2 * index + 1] * half - 0.3);
    for (let index = last; index >= first; index--) context.lineTo(x(index), middle - peaks[2 * index] * half + 0.3);
    context.fillStyle = colours.wave;
    context.fill();
  },
  spectrogram(row, from, to) {
    const { track } = row;
    context.fillStyle = colours.low;
    context.fillRect(0, row.top, (Math.min(to, track.seconds) - from) * scale, row.height);
    if (!track.columnLevels) return;
    const { hop, bands } = track.spectrogram;
    let level = Math.max(0, Math.floor(Math.log2(1 / (scale * hop))));
    level = Math.min(level, track.columnLevels.length - 1);
    const seconds = hop * 2 ** level;
    const columns = track.columnLevels[level].length / bands;
    const first = Math.max(0, Math.floor(from / seconds / tileColumns));
    const last = Math.min(Math.ceil(columns / tileColumns) - 1, Math.floor(to / seconds / tileColumns));
    context.imageSmoothingEnabled = true;
    for (let index = first; index <= last; index++) {
      const made = tile(row.number, level, index);
      const shown = Math.min(tileColumns, columns - index * tileColumns);
      const x = (index * tileColumns * seconds - from) * scale;
      context.drawImage(made, 0, 0, shown, bands, x, row.top, shown * seconds * scale, row.height);
    }
  },
  events(row, from, to) {
    for (const event of visible(events, from, to)) {
      const [x, size] = extent(event, from);
      context.globalAlpha = 0.12 + 0.5 * event.confidence;
      box(x, row.top, size, row.height, colours.events);
      context.globalAlpha = 1;
      text(event.label, x, row.top, size, row.height);
    }
  },
  words(row, from, to) {
    context.fillStyle = colours.shade;
    context.fillRect(0, row.top, (to - from) * scale, row.height);
    for (const word of visible(words, from, to)) {
      if (word.speaker !== row.speaker) continue;
      const [x, size] = extent(word, from);
      context.globalAlpha = word.confidence === null ? 0.25 : 0.06 + 0.5 * word.confidence ** 2;
      box(x, row.top, size, row.height, colours.words);
      context.globalAlpha = 1;
      text(word.text, x, row.top, size, row.height);
    }
  },
  forms(row, from, to) {
    for (const segment of visible(form.segments, from, to)) {
      if (segment.speaker !== row.speaker) continue;
      const [x, size] = extent(segment, from);
      const middle = row.top + row.height / 2;
      if (segment.kind === "pause") {
        context.fillStyle = colours.structure;
        context.fillRect(x, middle - 1, size, 2);
      } else if (segment.kind === "units") {
        box(x, row.top, size, row.height, hatched());
      } else if (segment.kind === "tag") {
        context.strokeStyle = colours.events;
        context.lineWidth = 1.5;
        context.strokeRect(x + 0.75, row.top + 0.75, Math.max(size - 1.5, 1), row.height - 1.5);
        text(segment.label, x, row.top, size, row.height);
      } else {
        box(x, row.top, size, row.height, segment.kind === "text" ? colours.words : colours.events);
        if (segment.label) text(segment.label, x, row.top, size, row.height, colours.card);
      }
    }
  },
};
let hatch = null;
function hatched() {
  if (!hatch) {
    const made = document.createElement("canvas");
    made.width = made.height = 6;
    const pen = made.getContext("2d");
    pen.fillStyle = colours.units;
    pen.globalAlpha = 0.45;
    pen.fillRect(0, 0, 6, 6);
    pen.globalAlpha = 1;
    pen.strokeStyle = colours.units;
    pen.lineWidth = 2;
    for (const shift of [-6, 0, 6]) {
      pen.beginPath();
      pen.moveTo(shift - 1, 7);
      pen.lineTo(shift + 7, -1);
      pen.stroke();
    }
    hatch = context.createPattern(made, "repeat");
  }
  return hatch;
}
// In order of start, but the ends are not: a long one may still be visible when later ones are over.
function* visible(list, from, to) {
  for (const one of list) {
    if (one.start / frameRate > to) return;
    if (one.end / frameRate >= from) yield one;
  }
}
function extent(one, from) {
  return [(one.start / frameRate - from) * scale, Math.max(1, ((one.end - one.start) / frameRate) * scale)];
}
function box(x, y, size, tall, fill) {
  context.fillStyle = fill;
  const gap = size > 4 ? 1 : 0;
  context.beginPath();
  context.roundRect(x + gap / 2, y, size - gap, tall, size > 6 ? 2 : 0);
  context.fill();
}
function text(what, x, y, size, tall, fill = colours.ink) {
  const room = size - 4;
  if (room < 10) return;
  let shown = what;
  if (context.measureText(shown).width * 0.78 > room) {
    while (shown.length && context.measureText(shown + "…").width * 0.78 > room) shown = shown.slice(0, -1);
    if (!shown.length) return;
    shown += "…";
  }
  // A long run stays named where it is entered.
  const left = Math.max(x + 2.5, Math.min(3, x + size - 3 - context.measureText(shown).width));
  context.fillStyle = fill;
  context.fillText(shown, left, y + tall / 2 + 0.5, room);
}

// --- Stretches: focus, pointer, and why ---------------------------------------------------------------------------

let focused = 0;
function laneOf(segment) {
  return rows.find((row) => row.kind === "forms" && row.speaker === segment.speaker);
}
function place(mark, segment) {
  if (!segment) return;
  const lane = laneOf(segment);
  mark.style.left = `${(segment.start / frameRate) * scale}px`;
  mark.style.width = `${Math.max(3, ((segment.end - segment.start) / frameRate) * scale)}px`;
  mark.style.top = `${lane.top - 28}px`;
  mark.style.height = `${lane.height + 28}px`;
}
function span(one) {
  return `${clock(one.start / frameRate)} to ${clock(one.end / frameRate)}`;
}
function said(list) {
  return list.map((word) => (word.confidence === null ? word.text : `${word.text} (${word.confidence.toFixed(2)})`)).join(" ");
}
function describe(segment) {
  const label = segment.label ? ` ${segment.label}` : "";
  const heard = segment.reason ?? said(segment.words);
  return `${span(segment)}, speaker ${segment.speaker}, ${kindText[segment.kind]}${label}. ${heard}`;
}
function focusOn(index) {
  focused = Math.max(0, Math.min(form.segments.length - 1, index));
  const segment = form.segments[focused];
  const cursor = $("cursor");
  cursor.setAttribute("aria-valuemin", 0);
  cursor.setAttribute("aria-valuemax", Math.max(0, form.segments.length - 1));
  cursor.setAttribute("aria-valuenow", focused);
  cursor.setAttribute("aria-valuetext", segment ? describe(segment) : "no stretches");
  place(cursor, segment);
  inspect(segment);
}
const oneForm = "(?:as text with the label over it|as text|inside the text run|as units|as a labelled event|as a label alone|as a pause) [\\d.]+ words lost and \\d+ tokens";
const reasonShape = new RegExp(`^(.*): (${oneForm}(?:, ${oneForm})*)$`, "s");
function inspect(segment) {
  const [what, why] = [$("what"), $("why")];
  what.replaceChildren();
  why.replaceChildren();
  if (!segment) {
    what.textContent = data.timing === "free" ? "In free timing tokens have no places, so that there are no lanes." : "Nothing is written.";
    return;
  }
  const swatch = element("span", "", { class: `swatch ${segment.kind}` });
  what.append(swatch, " ", element("strong", kindText[segment.kind] + (segment.label ? `: ${segment.label}` : "")), element("br"));
  what.append(element("span", `${span(segment)}, speaker ${segment.speaker}`, { class: "muted" }));
  if (segment.words.length) what.append(element("br"), said(segment.words));
  if (segment.under.length) what.append(element("br"), `with, of another speaker: ${said(segment.under)}`);
  const found = segment.reason === null ? null : segment.reason.match(reasonShape);
  if (!found) {
    why.append(element("p", segment.reason ?? "A token file holds no reasons: make the page from the recording to see them.", { class: "muted" }));
    return;
  }
  if (!segment.words.length) what.append(element("br"), found[1]);
  const table = element("table");
  const head = element("tr");
  head.append(element("th", "could be written", { scope: "col" }), element("th", "words lost", { scope: "col", class: "number" }), element("th", "tokens", { scope: "col", class: "number" }));
  table.append(element("thead"), element("tbody"));
  table.tHead.append(head);
  for (const [index, part] of found[2].split(/, (?=as |inside )/).entries()) {
    const [, name, lost, tokens] = part.match(/^(.*) ([\d.]+) words lost and (\d+) tokens$/);
    const row = element("tr", "", index ? {} : { class: "chosen" });
    row.append(element("td", index ? name : `${name}, chosen`), element("td", lost, { class: "number" }), element("td", tokens, { class: "number" }));
    table.tBodies[0].append(row);
  }
  why.append(table);
  if (segment.alternative !== null && segment.alternative !== undefined)
    why.append(element("p", `The next best form would cost the recording ${(segment.alternative - segment.cost).toFixed(2)} words more.`, { class: "muted" }));
}
function at(clientX, clientY) {
  const bounds = canvas.getBoundingClientRect();
  const seconds = ($("scroll").scrollLeft + clientX - bounds.left) / scale;
  const row = rows.find((one) => clientY - bounds.top >= one.top && clientY - bounds.top < one.top + one.height);
  const frame = seconds * frameRate;
  const inside = (one) => one.start <= frame && frame < one.end;
  let index = -1;
  if (row && "speaker" in row) index = form.segments.findIndex((one) => inside(one) && one.speaker === row.speaker);
  if (row && index < 0) index = form.segments.findIndex(inside);
  return { seconds, row, index };
}
canvas.addEventListener("pointermove", (event) => {
  const { index } = at(event.clientX, event.clientY);
  $("hover").hidden = index < 0;
  if (index < 0) return;
  place($("hover"), form.segments[index]);
  inspect(form.segments[index]);
});
canvas.addEventListener("pointerleave", () => {
  $("hover").hidden = true;
  inspect(form.segments[focused]);
});
canvas.addEventListener("click", (event) => {
  const { seconds, row, index } = at(event.clientX, event.clientY);
  if (index >= 0) focusOn(index);
  if (row && "number" in row) choose(row.number);
  playFrom(seconds);
});
$("cursor").addEventListener("keydown", (event) => {
  const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity };
  if (event.key in steps) {
    focusOn(focused + steps[event.key]);
    if (form.segments[focused]) show(form.segments[focused].start / frameRate);
  } else if (event.key === "Enter" && form.segments[focused]) {
    playFrom(form.segments[focused].start / frameRate);
  } else {
    return;
  }
  event.preventDefault();
});

// --- Sound --------------------------------------------------------------------------------------------------------

const players = data.tracks.map((track, number) => {
  const player = element("audio", "", { id: `audio-${number}`, preload: "auto", "aria-label": track.name });
  player.src = URL.createObjectURL(new Blob([bytes(track.audio.data)], { type: track.audio.type }));
  $("players").append(player);
  for (const happened of ["play", "pause", "ended", "seeked"]) player.addEventListener(happened, playingChanged);
  return player;
});
let current = 0;
const player = () => players[current];

function playingChanged() {
  const playing = !player().paused;
  $("play-mark").textContent = playing ? "❚❚" : "▶";
  $("play-text").textContent = playing ? "Pause" : "Play";
  if (playing) requestAnimationFrame(follow);
  movePlayhead();
}
function follow() {
  movePlayhead();
  if (player().paused) return;
  show(player().currentTime);
  requestAnimationFrame(follow);
}
function movePlayhead() {
  $("now").textContent = clock(player().currentTime);
  $("playhead").style.transform = `translateX(${player().currentTime * scale}px)`;
}
function start() {
  player().play().catch(() => say("The browser cannot play this sound"));
}
function toggle() {
  if (player().paused) start();
  else player().pause();
}
function seek(seconds) {
  player().currentTime = Math.max(0, Math.min(seconds, data.tracks[current].seconds));
  show(player().currentTime);
  movePlayhead();
}
function playFrom(seconds) {
  seek(seconds);
  start();
}
function choose(number) {
  if (number === current || !players[number]) return;
  const [seconds, playing] = [player().currentTime, !player().paused];
  player().pause();
  current = number;
  player().currentTime = Math.min(seconds, data.tracks[number].seconds);
  if (playing) start();
  $(`track-${number}`).checked = true;
  say(data.tracks[number].name);
  playingChanged();
}
data.tracks.forEach((track, number) => {
  const choice = element("label");
  const input = element("input", "", { type: "radio", name: "track", id: `track-${number}`, "aria-keyshortcuts": "x" });
  input.checked = number === 0;
  input.addEventListener("change", () => choose(number));
  choice.append(input, track.name);
  $("tracks").append(choice);
});
$("play").addEventListener("click", toggle);
$("in").addEventListener("click", () => zoom(1.6));
$("out").addEventListener("click", () => zoom(1 / 1.6));
$("fit").addEventListener("click", () => zoom(0));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const busy = event.target.closest("button, input, select, summary, textarea");
  const actions = {
    " ": busy && busy.type !== "radio" ? null : toggle,
    x: () => choose((current + 1) % players.length),
    ",": () => seek(player().currentTime - 1),
    ".": () => seek(player().currentTime + 1),
    "+": () => zoom(1.6),
    "=": () => zoom(1.6),
    "-": () => zoom(1 / 1.6),
    0: () => zoom(0),
  };
  const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action) return;
  event.preventDefault();
  action();
});
$("scroll").addEventListener("scroll", draw);
$("scroll").addEventListener("wheel", (event) => {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 200), event.clientX - canvas.getBoundingClientRect().left);
}, { passive: false });

// --- Rate weight, tokens, table -------------------------------------------------------------------------------------

const percent = (share) => `${Math.round(100 * share)}%`;
const named = (weight) => (weight === null ? "∞" : String(weight));
function figures({ weight, summary }) {
  return `${named(weight)}: ${summary.tokensPerSecond.toFixed(1)} tokens/s, ${Math.round(summary.bitsPerSecond)} bits/s; time as text ${percent(summary.textShare)}, units ${percent(summary.unitShare)}, silence ${percent(summary.silenceShare)}`;
}
function showForm() {
  $("figures").textContent = figures(form) + (form === forms[data.chosen] && forms.length > 1 ? " (as written)" : "");
  $("weight").setAttribute("aria-valuetext", figures(form));
  showKinds();
  if ($("stretches").open) showRows();
  focusOn(focused);
  draw();
}
$("weight").addEventListener("input", () => {
  const seconds = form.segments[focused] ? form.segments[focused].start : 0;
  form = forms[Number($("weight").value)];
  focused = Math.max(0, form.segments.findIndex((one) => one.end > seconds));
  showForm();
});
function showKinds() {
  const count = form.kinds.reduce((sum, one) => sum + one, 0);
  $("stack").replaceChildren();
  const table = $("kinds");
  table.replaceChildren(element("thead"), element("tbody"));
  const head = element("tr");
  for (const [index, name] of ["Kind", "Tokens", "per second", "share"].entries())
    head.append(element("th", name, { scope: "col", ...(index ? { class: "number" } : {}) }));
  table.tHead.append(head);
  data.kindNames.forEach((name, index) => {
    const part = element("span", "", { class: `swatch ${name}` });
    part.style.width = `${(100 * form.kinds[index]) / Math.max(count, 1)}%`;
    $("stack").append(part);
    addKind(name, form.kinds[index], element("span", "", { class: `swatch ${name}` }));
  });
  addKind("all", count);
  function addKind(name, tokens, swatch) {
    const row = element("tr", "", swatch ? {} : { class: "chosen" });
    const title = element("th", "", { scope: "row" });
    title.append(swatch ?? "", swatch ? " " : "", name);
    row.append(title);
    for (const value of [tokens.toLocaleString("en"), (tokens / Math.max(data.seconds, 1e-9)).toFixed(1), percent(tokens / Math.max(count, 1))])
      row.append(element("td", value, { class: "number" }));
    table.tBodies[0].append(row);
  }
}
function showSequence() {
  $("sequence-note").textContent = `As written${forms.length > 1 ? `, at rate weight ${named(forms[data.chosen].weight)}` : ""}; runs of units and voice codes are one entry each.`;
  const all = document.createDocumentFragment();
  for (const [kind, name, count] of data.tokens) {
    const shown = count > 1 ? `${name} ×${count}` : name.replaceAll("▁", " ").replace(/^<\|(.*)\|>$/s, "$1").replace(/^ $/, "␣");
    all.append(element("span", shown, { class: `chip ${data.kindNames[kind]}` }), " ");
  }
  $("chips").append(all);
}
function showRows() {
  const table = $("rows");
  table.replaceChildren(element("thead"), element("tbody"));
  const head = element("tr");
  for (const name of ["From", "To", "Speaker", "Written as", "Words, with confidence", "Why"]) head.append(element("th", name, { scope: "col" }));
  table.tHead.append(head);
  const body = document.createDocumentFragment();
  for (const segment of form.segments) {
    const row = element("tr");
    const cells = [clock(segment.start / frameRate), clock(segment.end / frameRate), String(segment.speaker), kindText[segment.kind] + (segment.label ? `: ${segment.label}` : ""), said([...segment.words, ...segment.under]), segment.reason ?? "-"];
    for (const cell of cells) row.append(element("td", cell));
    body.append(row);
  }
  table.tBodies[0].append(body);
}
$("stretches").addEventListener("toggle", () => $("stretches").open && showRows());

// --- Start ----------------------------------------------------------------------------------------------------------

function showLegend() {
  for (const [kind, name] of [["sure", "words, by confidence"], ["text", "text"], ["units", "units"], ["event", "labelled event"], ["tag", "label alone"], ["pause", "pause"]]) {
    const item = element("li");
    item.append(element("span", "", { class: `swatch ${kind}` }), name);
    $("legend").append(item);
  }
}
function lead() {
  const { summary } = forms[data.chosen];
  const timing = data.timing === "free" ? "; free timing: the decoded speech keeps its own pace, and the lanes those of the original" : "";
  return `${clock(data.seconds)}, ${summary.tokens.toLocaleString("en")} tokens, ${summary.words} words as text; ${data.layout} layout, ${data.codebooks} codebook${data.codebooks === 1 ? "" : "s"}${timing}`;
}
$("lead").textContent = lead();
$("length").textContent = clock(total);
if (forms.length > 1) {
  $("weight").max = forms.length - 1;
  $("weight").value = data.chosen;
} else {
  $("gate").hidden = true;
}
layOut();
showLegend();
readColours();
themeListeners.push(() => {
  readColours();
  draw();
});
themeChanged();
resize();
showForm();
new ResizeObserver(resize).observe($("scroll"));
Promise.all(data.tracks.map(unpack)).then(() => {
  draw();
  showSequence();
  document.documentElement.dataset.ready = "yes";
});
