// Panels: learning curves, and the numbers of the run.

const CHART = { width: 320, height: 180, left: 42, right: 8, top: 8, bottom: 24 };

function svg(tag, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function curvesPanel(page) {
  if (!page.curves.length) return;
  byId("curves").hidden = false;
  const chance = page.curves.find((panel) => panel.title.includes("Adversarial"))?.reference?.[0];
  const value = chance && (Math.abs(chance - 2 * Math.LN2) < 1e-6 ? "2 ln 2 = 1.386" : chance.toFixed(3));
  byId("curves-lead").textContent = chance
    ? `A discriminator with one answer to everything has a loss of ${value}, the dotted line. Near it D cannot tell ` +
      `${page.mode === "gan" ? "samples from images" : "codes from draws of the prior"}.`
    : "Each curve has a value an epoch.";
  byId("charts").replaceChildren(...page.curves.map(chart));
}

function chart(panel) {
  const { width, height, left, right, top, bottom } = CHART, log = panel.scale === "log";
  const tall = (value) => (log ? Math.log10(value) : value);
  const all = panel.lines.flatMap((line) => line.values).concat(panel.reference ? [panel.reference[0]] : []).map(tall);
  let [low, high] = [Math.min(...all), Math.max(...all)];
  if (high - low < 1e-9) [low, high] = [low - 0.5, high + 0.5];
  [low, high] = [low - 0.06 * (high - low), high + 0.06 * (high - low)];
  const n = panel.lines[0].values.length;
  const x = (epoch) => left + ((width - left - right) * (n > 1 ? epoch / (n - 1) : 0.5));
  const y = (value) => top + ((height - top - bottom) * (high - tall(value))) / (high - low);
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${panel.title} over ${n} epochs` });
  for (const share of [0.08, 0.5, 0.92]) {
    const level = low + share * (high - low), value = log ? 10 ** level : level;
    drawing.append(svg("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), stroke: colour("line") }));
    const text = panel.scale === "percent" ? percent(value) : Number(value.toPrecision(log ? 1 : 3)).toString();
    drawing.append(svg("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, text));
  }
  drawing.append(svg("text", { x: left, y: height - 6 }, "epoch 1"));
  if (n > 1) drawing.append(svg("text", { x: width - right, y: height - 6, "text-anchor": "end" }, String(n)));
  const key = el("ul", { className: "key" });
  if (panel.reference) {
    const [value, name] = panel.reference;
    drawing.append(svg("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), stroke: colour("soft"), "stroke-dasharray": "2 4" }));
    key.append(el("li", {}, `⋯ ${name}`));
  }
  const paired = panel.lines.some((line) => line.dashed);
  panel.lines.forEach((line, k) => {
    const j = paired ? Number(line.second) : k;
    const points = line.values.map((value, epoch) => `${x(epoch).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    drawing.append(svg("polyline", { points, fill: "none", stroke: colourOf(j), "stroke-width": 2, "stroke-dasharray": line.dashed ? "6 3" : "none" }));
    if (n === 1) drawing.append(svg("circle", { cx: x(0), cy: y(line.values[0]), r: 3, fill: colourOf(j) }));
    key.append(swatched(colourOf(j), `${line.dashed ? "╌ " : ""}${line.name}: ${Number(line.values.at(-1).toPrecision(3))}`));
  });
  return el("div", {}, el("h3", {}, panel.title), drawing, key);
}

function reportPanel(page) {
  const { numbers, command, warnings, confusion, quantization } = page.report, place = byId("numbers");
  const row = ({ name, value, meaning }) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, value), el("td", {}, meaning));
  if (numbers.length) place.append(el("table", { className: "facts" }, ...numbers.map(row)));
  else place.append(el("p", {}, "The run has not finished, so it has no result yet."));
  place.append(el("p", { className: "hint", id: "quantization" }, quantization));
  for (const warning of warnings) place.append(el("p", { className: "warning" }, `Warning: ${warning}`));
  if (confusion) {
    const what = confusion.clusters ? "cluster" : "class that Q reads";
    place.append(el("details", { open: confusion.columns.length <= 12 }, el("summary", {}, `Test images by true class (rows) and ${what} (columns)`), matrix(confusion)));
  }
  place.append(el("details", {}, el("summary", {}, "The command that made this run"), el("pre", {}, el("code", {}, command))));
}

function matrix({ counts, rows, columns }) {
  const head = el("tr", {}, el("td"), ...columns.map((name) => el("th", { scope: "col" }, name)));
  const body = counts.map((line, i) => {
    const total = line.reduce((a, b) => a + b, 0) || 1;
    return el("tr", {}, el("th", { scope: "row" }, rows[i]), ...line.map((count) => {
      const cell = el("td", {}, String(count)), share = Math.round(100 * Math.sqrt(count / total));
      if (count) cell.style.background = `color-mix(in srgb, var(--accent) ${Math.round(share * 0.55)}%, transparent)`;
      return cell;
    }));
  });
  return el("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "confusion matrix" }, el("table", { className: "matrix" }, head, ...body));
}
