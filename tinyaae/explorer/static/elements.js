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

function byId(id) {
  return document.getElementById(id);
}

function button(text, onclick, properties = {}) {
  return el("button", { type: "button", onclick, ...properties }, text);
}

/** Return an entry of a key: a coloured square and a text. */
function swatched(background, text) {
  const swatch = el("span", { className: "swatch" });
  swatch.style.background = background;
  return el("li", {}, swatch, text);
}

/** Return what a row of the data is called. */
function nounOf(page) {
  return page.kind === "image" ? "image" : "row";
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

const PALETTE = ["#4c78a8", "#f58518", "#e45756", "#72b7b2", "#54a24b", "#c9a800", "#b279a2", "#ff9da6", "#9d755d",
  "#8c8c94"];

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
  const context = canvas.getContext("2d"), pixels = context.createImageData(width, height);
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
  const table = el("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": name }, el("table", {}, ...rows));
  const show = (row) => cells.forEach((cell, j) => (cell.textContent = inUnits(page, row[j], j).toPrecision(4)));
  return { element: table, show, clear: () => cells.forEach((cell) => (cell.textContent = "–")) };
}

/** Return a slider with its label and value, and `set`, which moves it without an event. */
function slider(label, low, high, oninput, shown = (value) => value.toFixed(2)) {
  const text = el("span", {}), input = el("input", { type: "range", min: low, max: high, step: "any", "aria-label": label });
  const set = (value) => {
    input.value = value;
    text.textContent = shown(value);
  };
  input.oninput = () => oninput(Number(input.value));
  input.onkeydown = (event) => {
    const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    oninput(Math.min(high, Math.max(low, Number(input.value) + (way * (high - low)) / 40)));
  };
  return { cells: [el("span", { className: "name", title: label }, label), input, text], set };
}
