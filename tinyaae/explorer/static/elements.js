// Elements of the page. Every text becomes a text node, so no name can become markup.

/** Return an element with properties (or attributes where there is a dash, or for role) and children. */
function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const byId = (id) => document.getElementById(id);
const div = (className, ...children) => el("div", { className }, ...children);
const part = (title, ...children) => el("div", {}, el("h3", {}, title), ...children);
const hint = (...children) => el("p", { className: "hint" }, ...children);
const spoken = (id = "") => el("p", { className: "hint", "aria-live": "polite", id });
const fold = (title, open, ...children) => el("details", { open }, el("summary", {}, title), ...children);

/** Return a box that scrolls, also by keyboard. */
function scrolling(name, className, ...children) {
  return el("div", { className, tabIndex: 0, role: "region", "aria-label": name }, ...children);
}

function button(content, onclick, properties = {}) {
  return el("button", { type: "button", onclick, ...properties }, content);
}

/** Return a button with an image, drawn by `show(row)`, and what else it holds. */
function imageButton(page, name, onclick, ...more) {
  const image = imageView(page, "", "");
  const element = button(image.element, onclick, { title: name, "aria-label": name });
  element.append(...more);
  return { element, show: image.show };
}

/** Return a button that calls `step` every `pause` ms, until it returns false or is pressed again; and `stop`. */
function player(name, step, pause) {
  let timer = 0;
  const play = (on) => {
    clearInterval(timer);
    timer = on ? setInterval(() => step() || play(false), pause) : 0;
    element.textContent = on ? "Pause" : name;
  };
  const element = button(name, () => play(!timer));
  return { element, stop: () => play(false) };
}

/** Return a function that does `action` before the next frame, once however often it is called. */
function onceAFrame(action) {
  let waiting = 0;
  return () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(action);
  };
}

/** Return an entry of a key: a coloured square and a text. */
function swatched(background, text) {
  const swatch = el("span", { className: "swatch" });
  swatch.style.background = background;
  return el("li", {}, swatch, text);
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

const PALETTE = "#4c78a8 #f58518 #e45756 #72b7b2 #54a24b #c9a800 #b279a2 #ff9da6 #9d755d #8c8c94".split(" ");

function colourOf(k) {
  if (k < 0) return colour("soft");
  return k < PALETTE.length ? PALETTE[k] : `hsl(${(k * 137.5) % 360} 55% 52%)`;
}

function percent(share) {
  return `${(100 * share).toFixed(share > 0.0005 && share < 0.1 ? 1 : 0)} %`;
}

/** Return a view of a row as what it is: an image in a canvas, or a table of values; `show(row)` draws another. */
function view(page, className, name) {
  return page.kind === "image" ? imageView(page, className, name) : tableView(page, name);
}

function imageView(page, className, name) {
  const [height, width] = page.side;
  const canvas = el("canvas", { width, height, className: `image ${className}`, role: "img", "aria-label": name });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(width, height);
  const show = (row) => {
    for (let i = 0; i < width * height; i++) {
      for (let c = 0; c < 3; c++) pixels.data[4 * i + c] = 255 * row[page.channels === 3 ? 3 * i + c : i];
      pixels.data[4 * i + 3] = 255;
    }
    context.putImageData(pixels, 0, 0);
  };
  return { element: canvas, show, clear: () => context.clearRect(0, 0, width, height) };
}

function inUnits(page, value, j) {
  return page.kind === "table" && page.std.length ? value * page.std[j] + page.mean[j] : value;
}

function tableView(page, name) {
  const cells = Array.from({ length: page.inputs }, () => el("td", {}, "–"));
  const rows = cells.map((cell, j) => el("tr", {}, el("th", { scope: "row" }, `column ${j + 1}`), cell));
  const show = (row) => cells.forEach((cell, j) => (cell.textContent = inUnits(page, row[j], j).toPrecision(4)));
  const clear = () => cells.forEach((cell) => (cell.textContent = "–"));
  return { element: scrolling(name, "scroll", el("table", {}, ...rows)), show, clear };
}

/** Return a slider with its label and value, and `set`, which moves it without an event. */
function slider(label, low, high, oninput, shown = (value) => value.toFixed(2), step = "any") {
  const text = el("span", {});
  const input = el("input", { type: "range", min: low, max: high, step, "aria-label": label });
  const set = (value) => {
    input.value = value;
    text.textContent = shown(value);
  };
  input.oninput = () => oninput(Number(input.value));
  input.onkeydown = (event) => {
    const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    oninput(Math.min(high, Math.max(low, Number(input.value) + way * (step === "any" ? (high - low) / 40 : step))));
  };
  return { cells: [el("span", { className: "name", title: label }, label), input, text], set };
}
