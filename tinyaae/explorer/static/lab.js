// The lab: send what is pressed, and draw what the server answers. No number of a model is computed here.

const SIDE = 560; // pixels of a plane
const EDGE = 1.5; // what the plane of x reaches to
const HUES = ["#0f8a5f", "#c4317f", "#6d52c9"]; // of labels, unlike the colours of D's map
const LINES = { apart: "q(z) from p(z)", off: "samples from data", error: "x̂ from x" };
const PAUSES = { slow: 1000, round: 120, fast: 20 }; // ms between the steps of Play
const hue = (k) => HUES[k] ?? colourOf(k);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const short = (value) => (Number.isFinite(value) ? Number(value.toPrecision(3)).toString() : "–");
const lab = { tab: null, state: null, places: [], cursor: [0, 0], rows: [], playing: null, queue: Promise.resolve() };

// Asking ------------------------------------------------------------------------------------------------------------

function post(asked, more = {}) {
  const body = JSON.stringify({ ...asked, ...(lab.tab && { tab: lab.tab }) });
  return fetch("./", { method: "POST", headers: { "Content-Type": "application/json" }, body, ...more });
}

/** Ask the server for an action, after those that were asked before; return its answer, or nothing if it is refused. */
function ask(action, more) {
  const job = async () => {
    const answer = await post({ do: action, ...more });
    if (answer.ok) return answer.json();
    throw new Error(await answer.text());
  };
  lab.queue = lab.queue.then(job).catch((error) => {
    play(false);
    const ended = "The lab does not answer. If it was ended, tinyaae lab starts another.";
    byId("said").textContent = error instanceof TypeError ? ended : error.message;
  });
  return lab.queue;
}

async function act(action, more) {
  const state = await ask(action, more);
  if (state) show(state);
  return Boolean(state);
}

/** Return the choices of the form, and the drawing that goes with them. */
function chosen() {
  const given = Object.fromEntries(new FormData(byId("choices")));
  const drawing = given.data === "drawing" ? lab.places : [];
  return { ...given, z: Number(given.z), seed: Number(given.seed), drawing };
}

async function change(keep) {
  const asked = chosen();
  if (!byId("choices").reportValidity()) return;
  if (asked.data === "drawing" && lab.places.length < 3) {
    byId("said").textContent = "Click into the left plane, three times at least. Then press Use this drawing.";
    draw();
  } else if (!(await act("change", { ...asked, keep }))) fill(lab.state.settings);
}

/** Put settings into the form; what is no choice of it is left out. */
function fill(settings) {
  for (const [name, value] of Object.entries(settings)) {
    const field = byId("choices").elements.namedItem(name);
    const listed = [...(field?.options ?? [])].some((option) => option.value === String(value));
    const fits = listed || (name === "seed" && /^\d{1,6}$/.test(value));
    if (fits) field.value = value;
  }
}

// What is pressed ---------------------------------------------------------------------------------------------------

/** Start or end Play: the next step is asked for when the answer to the last one is drawn. */
async function play(on) {
  const mine = (lab.playing = on ? {} : null);
  byId("play").textContent = on ? "Pause" : "Play";
  while (mine && mine === lab.playing) {
    const speed = byId("speed").value;
    const done = speed === "slow" ? act("next") : act("rounds", { times: speed === "fast" ? 10 : 1 });
    if (!(await done)) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSES[speed]));
  }
}

async function check(phase) {
  const found = await ask("check", { phase });
  if (!found) return;
  const row = (cells, tag) => el("tr", {}, ...cells.map((cell) => el(tag, {}, cell)));
  const slopes = found.slopes.map(([name, ...pair]) => row([name, ...pair.map((slope) => slope.toPrecision(6))], "td"));
  const table = el("table", {}, row(["slope of", "by backward", "by differences"], "th"), ...slopes);
  all(`[data-phase="${phase}"] .checked`)[0].replaceChildren(table, el("p", {}, found.verdict));
}

const PRESSED = {
  again: () => change(false),
  use: () => change(byId("keep").checked),
  play: () => play(!lab.playing),
  check,
  clear: () => {
    lab.places = [];
    draw();
  },
};

document.addEventListener("click", ({ target }) => {
  const data = target.closest("button[data-do]")?.dataset;
  if (!data) return;
  const phase = target.closest("[data-phase]")?.dataset.phase;
  if (PRESSED[data.do]) PRESSED[data.do](phase);
  else act(data.do, { ...(phase && { phase }), ...(data.times && { times: Number(data.times) }) });
});

document.addEventListener("change", ({ target }) => {
  const card = target.closest("[data-phase]");
  if (card && target.reportValidity()) {
    const [times, lr] = all("[data-set]", card).map((field) => Number(field.value));
    act("set", { phase: card.dataset.phase, times, lr });
  } else if (target.name) change(byId("keep").checked);
  else if (target.id === "label" || (target.id === "arrows" && target.value)) {
    act("show", { arrows: byId("arrows").value || lab.state.arrows_of, label: Number(byId("label").value) });
  } else if (lab.state) draw();
});

byId("choices").addEventListener("submit", (event) => event.preventDefault());

/** Let places be added to a drawing, by pointer, or by arrow keys and Space. */
function drawable(canvas) {
  const within = (value) => Number(Math.max(-1.4, Math.min(1.4, value)).toFixed(3));
  const add = ([x, y]) => {
    if (lab.places.length < 400) lab.places.push([within(x), within(y), Number(byId("pen").value)]);
    draw();
  };
  canvas.onpointerdown = ({ clientX, clientY }) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    if (canvas.tabIndex === 0)
      add([EDGE * ((2 * (clientX - left)) / width - 1), EDGE * (1 - (2 * (clientY - top)) / height)]);
  };
  canvas.onkeydown = (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1], " ": [0, 0] }[
      event.key
    ];
    if (!step || canvas.tabIndex !== 0) return;
    event.preventDefault();
    lab.cursor = lab.cursor.map((value, k) => within(value + step[k] / 10));
    if (event.key === " ") add(lab.cursor);
    else draw();
  };
}

// What is shown -----------------------------------------------------------------------------------------------------

function show(state) {
  const total = state.phases.reduce((sum, phase) => sum + phase.steps, 0);
  if (state.session !== lab.state?.session) lab.rows = [];
  lab.state = state;
  fill(state.settings);
  history.replaceState(null, "", `#${new URLSearchParams(state.settings)}`);
  byId("said").textContent = state.said;
  byId("counted").textContent = `${state.round} rounds, ${state.batch} points a batch`;
  byId("harm").hidden = !state.harm;
  byId("harm").textContent = state.harm;
  for (const card of all("[data-phase]")) {
    const phase = state.phases.find(({ name }) => name === card.dataset.phase);
    card.hidden = !phase;
    if (phase) showPhase(card, phase, state.next);
  }
  for (const option of all("#arrows option"))
    option.hidden = option.disabled = option.value && !state.phases.some(({ name }) => name === option.value);
  if (byId("arrows").value) byId("arrows").value = state.arrows_of;
  byId("labels").hidden = state.label === null;
  if (byId("label").length !== state.classes.length + 1) {
    const names = [...state.classes, "unlabelled"];
    byId("label").replaceChildren(...names.map((name, value) => el("option", { value }, name)));
  }
  byId("label").value = state.label ?? state.classes.length;
  if (lab.rows.at(-1)?.total !== total) lab.rows.push(Object.assign({ total }, ...state.values, state.numbers));
  if (lab.rows.length > 800) lab.rows = lab.rows.filter((_, i) => i % 2 === 0);
  draw();
}

function showPhase(card, phase, next) {
  const [times, lr] = all("[data-set]", card);
  times.value = phase.times;
  if (document.activeElement !== lr) lr.value = phase.lr;
  card.toggleAttribute("data-next", phase.name === next);
  all(".count", card)[0].textContent = `${phase.steps} steps`;
  const roles = Object.entries(phase.roles).map(([name, role]) => {
    const norm = phase.norms[name] === undefined ? "" : `, ‖gradient‖ = ${short(phase.norms[name])}`;
    return el("li", { className: role === "moves" ? "moves" : "" }, el("span", {}, name), el("span", {}, role + norm));
  });
  all(".roles", card)[0].replaceChildren(...roles);
}

function draw() {
  drawX(lab.state);
  drawZ(lab.state);
  all("[data-lines]").forEach(drawChart);
}

/** Return a cleared plane that reaches to `reach`, and what draws on it. */
function planeOf(id, reach) {
  const context = byId(id).getContext("2d");
  context.clearRect(0, 0, SIDE, SIDE);
  const at = ([u, v]) => [(SIDE / 2) * (1 + u / reach), (SIDE / 2) * (1 - v / reach)];
  const dot = (point, radius, inside, stroke) => {
    context.beginPath();
    context.arc(...at(point), radius, 0, 7);
    Object.assign(context, { fillStyle: inside, strokeStyle: stroke, lineWidth: 1.2 });
    if (inside) context.fill();
    if (stroke) context.stroke();
  };
  return { context, at, dot };
}

function key(place, entries) {
  place.replaceChildren(
    ...entries.map(([background, text]) => (background ? swatched(background, text) : el("li", {}, text))),
  );
}

function drawX(state) {
  const { context, at, dot } = planeOf("x", EDGE);
  const drawing = chosen().data === "drawing";
  const hint = ": click, or move the circle with the arrow keys and press Space";
  Object.assign(byId("x"), { tabIndex: drawing ? 0 : -1, ariaLabel: `the plane of x${drawing ? hint : ""}` });
  byId("drawing").hidden = !drawing;
  byId("x-title").textContent = state.images ? "Images" : "The plane of x";
  const { error, off } = state.numbers;
  const made = `x̂ = P(Q(x)), mean error ${short(error)}`;
  const samples = `P(z), z drawn from the prior; distance from the data ${short(off)}`;
  if (state.images) {
    drawImages(state.images, context);
    return key(byId("x-key"), [
      ["", "first row: x"],
      ["", `second row: ${made}`],
      ["", `below: ${samples}`],
    ]);
  }
  key(byId("x-key"), [
    [colour("unsure"), "x"],
    [hue(0), made],
    ["", `✕ ${samples}`],
  ]);
  if (state.settings.data === chosen().data) {
    for (const point of state.points.x) dot(point, 3, colour("unsure"));
    for (const [u, v] of state.points.samples.map(at)) cross(context, u, v);
    state.points.made.forEach((point, i) => dot(point, 3.2, hue(state.labels[i])));
  }
  for (const [x, y, label] of drawing ? lab.places : []) dot([x, y], 6, hue(label), colour("card"));
  if (drawing) dot(lab.cursor, 9, "", colour("accent"));
}

function cross(context, u, v) {
  context.beginPath();
  for (const side of [4, -4]) {
    context.moveTo(u - 4, v - side);
    context.lineTo(u + 4, v + side);
  }
  Object.assign(context, { strokeStyle: colour("ink"), lineWidth: 1.3 });
  context.stroke();
}

/** Draw images of 28 × 28 in rows of ten: x, then x̂, then samples a little below. */
function drawImages(text, context) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const small = el("canvas", { width: 28, height: 28 });
  const pixels = small.getContext("2d").createImageData(28, 28);
  for (let i = 0; 784 * i < bytes.length; i++) {
    for (let j = 0; j < 784; j++) pixels.data.set([...new Array(3).fill(bytes[784 * i + j]), 255], 4 * j);
    small.getContext("2d").putImageData(pixels, 0, 0);
    const row = Math.floor(i / 10);
    context.drawImage(small, (i % 10) * 56, 90 + row * 66 + (row > 1 ? 60 : 0), 53, 53);
  }
}

function drawZ(state) {
  const { context, at, dot } = planeOf("z", state.reach);
  if (state.heat) drawHeat(state, context);
  const band = (i) => (((i * 0.618034) % 1) * 0.8 + 0.1) * state.reach; // spreads codes of one dimension, to be seen
  const place = ([u, v = null], i, side) => [u, v ?? side * band(i)];
  const ink = colour("ink");
  state.prior.forEach((point, i) => dot(place(point, i, -1), 3.4, "", state.label === null ? ink : hue(state.turn[i])));
  const codes = state.z.map((point, i) => place(point, i, 1));
  codes.forEach((point, i) => dot(point, 3.6, hue((state.y ?? state.labels)[i]), colour("card")));
  for (const i of state.labelled) dot(codes[i], 8, "", ink);
  const entries = [
    [hue(0), `codes z = Q(x), together q(z)${state.y ? ", coloured by y" : ""}`],
    ["", "○ draws from the prior p(z)"],
  ];
  if (state.labelled.length) entries.push(["", "◯ its label is given"]);
  if (state.heat) {
    entries.push([colour("accent"), "D: a draw"], [colour("unsure"), "D cannot tell"], [colour("code"), "D: a code"]);
    entries.push(["", `D is right about ${Math.round(100 * state.numbers.right)} %`]);
  }
  if (state.arrows && byId("arrows").value) {
    const lengths = state.arrows.map((step) => Math.hypot(...step)).sort((a, b) => a - b);
    const typical = Math.max((lengths[Math.floor(lengths.length / 2)] * SIDE) / 2 / state.reach, 1e-9);
    const factor = Math.max(1, Math.min(1e4, Number((16 / typical).toPrecision(1))));
    context.globalAlpha = 0.6;
    state.arrows.forEach((step, i) =>
      arrow(context, at(codes[i]), at(codes[i].map((value, k) => value + factor * (step[k] ?? 0)))),
    );
    context.globalAlpha = 1;
    entries.push(["", `→ the step to come${factor > 1 ? `, drawn ${factor} times as long` : ""}`]);
  }
  key(byId("z-key"), entries);
}

/** Draw D's probability of "drawn from the prior": blue towards 1, orange towards 0, grey at ½. */
function drawHeat({ heat, cells }, context) {
  const rows = heat.length / cells;
  const small = el("canvas", { width: cells, height: rows });
  const pixels = small.getContext("2d").createImageData(cells, rows);
  const channels = (name) => [1, 3, 5].map((k) => parseInt(colour(name).slice(k, k + 2), 16));
  const [prior, unsure, code] = ["accent", "unsure", "code"].map(channels);
  heat.forEach((p, i) => {
    const target = p > 0.5 ? prior : code;
    const mixed = unsure.map((grey, c) => grey + Math.abs(2 * p - 1) * (target[c] - grey));
    pixels.data.set([...mixed, 130], 4 * ((rows - 1 - Math.floor(i / cells)) * cells + (i % cells)));
  });
  small.getContext("2d").putImageData(pixels, 0, 0);
  context.drawImage(small, 0, 0, SIDE, SIDE);
}

function arrow(context, from, to) {
  const [u, v] = [to[0] - from[0], to[1] - from[1]];
  const [angle, head] = [Math.atan2(v, u), Math.min(6, Math.hypot(u, v) / 2)];
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  for (const side of [2.6, -2.6]) {
    context.moveTo(...to);
    context.lineTo(to[0] + head * Math.cos(angle + side), to[1] + head * Math.sin(angle + side));
  }
  Object.assign(context, { strokeStyle: colour("ink"), lineWidth: 1 });
  context.stroke();
}

function drawChart(place) {
  const canvas = all("canvas", place)[0];
  const { width, height } = canvas;
  const context = canvas.getContext("2d");
  const level = Number(place.dataset.level ?? 0);
  const names = place.dataset.lines.split(" ").filter((name) => lab.rows.some((row) => Number.isFinite(row[name])));
  const values = (name) => lab.rows.filter((row) => Number.isFinite(row[name]));
  const scale = (value) => ("log" in place.dataset ? Math.log10(Math.max(value, 1e-4)) : value);
  const heights = [level, ...names.flatMap((name) => values(name).map((row) => row[name]))].map(scale);
  const [low, high] = [Math.min(...heights.slice(level ? 0 : 1)), Math.max(...heights) + 1e-9];
  const most = Math.max(1, lab.rows.at(-1)?.total ?? 1);
  const x = (total) => 70 + ((width - 80) * total) / most;
  const y = (value) => height - 40 - ((height - 54) * (scale(value) - low)) / (high - low);
  const line = (points, strokeStyle, dash = []) => {
    Object.assign(context, { strokeStyle, lineWidth: dash.length ? 2 : 4 }).setLineDash(dash);
    context.beginPath();
    for (const [u, v] of points) context.lineTo(u, v);
    context.stroke();
  };
  context.clearRect(0, 0, width, height);
  Object.assign(context, { font: "22px system-ui, sans-serif", fillStyle: colour("soft"), textAlign: "right" });
  for (const share of [0, 0.5, 1]) {
    const tick = low + share * (high - low);
    const value = "log" in place.dataset ? 10 ** tick : tick;
    line([[70, y(value)], [width, y(value)]], colour("line"), [1, 0]); // prettier-ignore
    context.fillText(short(value), 62, y(value) + 8);
  }
  context.fillText(`${most} steps`, width, height - 8);
  if (level)
    line(
      [
        [70, y(level)],
        [width, y(level)],
      ],
      colour("ink"),
      [6, 8],
    );
  names.forEach((name, k) =>
    line(
      values(name).map((row) => [x(row.total), y(row[name])]),
      hue(k),
    ),
  );
  const last = names.map((name, k) => [hue(k), `${LINES[name] ?? name}: ${short(values(name).at(-1)[name])}`]);
  key(all(".key", place)[0], last);
}

// The start ---------------------------------------------------------------------------------------------------------

async function start() {
  fill(Object.fromEntries(new URLSearchParams(location.hash.slice(1, 2000))));
  if (chosen().data === "drawing") fill({ data: "moons" });
  const state = await ask("open", chosen());
  if (!state) return;
  lab.tab = state.tab;
  byId("rounds").hidden = document.querySelector("main").hidden = false;
  drawable(byId("x"));
  show(state);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("pagehide", () => post({ do: "close" }, { keepalive: true }));
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  document.documentElement.dataset.ready = "yes";
}

window.tinyaae = lab;
start();
