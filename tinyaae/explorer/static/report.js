// Panels: learning curves, and the numbers of the run.

const CHART = { width: 320, height: 180, left: 46, right: 8, top: 8, bottom: 24 };

function svg(tag, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Fill the learning curves; return a function of an epoch, 0 for the start, that moves their cursor there. */
function curvesPanel(page) {
  byId("curves").hidden = !page.curves.length;
  const charts = page.curves.map(chart);
  byId("charts").append(...charts.map(({ element }) => element));
  return (epoch) => charts.forEach(({ follow }) => follow(epoch));
}

function chart(panel) {
  const { width, height, left, right, top, bottom } = CHART;
  const log = panel.scale === "log";
  const tall = (value) => (log ? Math.log10(value) : value);
  const heights = [...panel.lines.flatMap((line) => line.values), ...(panel.reference?.slice(0, 1) ?? [])].map(tall);
  let [low, high] = [Math.min(...heights), Math.max(...heights)];
  if (high - low < 1e-9) [low, high] = [low - 0.5, high + 0.5];
  [low, high] = [low - 0.06 * (high - low), high + 0.06 * (high - low)];
  const n = panel.lines[0].values.length;
  const x = (epoch) => left + (width - left - right) * (n > 1 ? epoch / (n - 1) : 0.5);
  const y = (value) => top + ((height - top - bottom) * (high - tall(value))) / (high - low);
  const name = `${panel.title} over ${n} epochs`;
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": name });
  const across = (value, name) =>
    drawing.append(svg("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: name }));
  for (const share of [0.08, 0.5, 0.92]) {
    const level = low + share * (high - low);
    const value = log ? 10 ** level : level;
    across(value, "level");
    const text = panel.scale === "percent" ? percent(value) : Number(value.toPrecision(log ? 1 : 3)).toString();
    drawing.append(svg("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, text));
  }
  drawing.append(svg("text", { x: left, y: height - 6 }, "epoch 1"));
  if (n > 1) drawing.append(svg("text", { x: width - right, y: height - 6, "text-anchor": "end" }, String(n)));
  const key = el("ul", { className: "key" });
  if (panel.reference) {
    across(panel.reference[0], "chance");
    key.append(el("li", {}, `⋯ ${panel.reference[1]}`));
  }
  const paired = panel.lines.some((line) => line.dashed);
  const entries = panel.lines.map((line, k) => {
    const stroke = colourOf(paired ? Number(line.second) : k);
    const points = line.values.map((value, epoch) => `${x(epoch).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    drawing.append(svg("polyline", { points, stroke, class: line.dashed ? "dashed" : "" }));
    if (n === 1) drawing.append(svg("circle", { cx: x(0), cy: y(line.values[0]), r: 3, fill: stroke }));
    return swatched(stroke, "");
  });
  key.append(...entries);
  const cursor = svg("line", { y1: top, y2: height - bottom, class: "cursor" });
  const follow = (epoch) => {
    const at = Math.max(0, epoch - 1);
    for (const end of ["x1", "x2"]) cursor.setAttribute(end, x(at));
    panel.lines.forEach(({ name, values, dashed }, k) => {
      const value = epoch > 0 ? Number(values[at].toPrecision(3)) : "–";
      entries[k].lastChild.textContent = `${dashed ? "╌ " : ""}${name}: ${value}`;
    });
  };
  follow(n);
  drawing.append(cursor);
  return { element: part(panel.title, drawing, key), follow };
}

function reportPanel(page, state, images) {
  const { numbers, command, warnings, confusion, quantization } = page.report;
  const row = ({ name, value, meaning }) =>
    el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, value), el("td", {}, meaning));
  const place = byId("numbers");
  if (numbers.length) place.append(el("table", { className: "facts" }, ...numbers.map(row)));
  else place.append(el("p", {}, "The run has not finished, so it has no result yet."));
  place.append(el("p", { className: "hint", id: "quantization" }, quantization));
  for (const warning of warnings) place.append(el("p", { className: "warning" }, `Warning: ${warning}`));
  if (confusion) {
    const title = `Test images by true class (rows) and ${confusion.clusters ? "cluster" : "class that Q reads"} (columns)`;
    place.append(fold(title, confusion.columns.length <= 12, ...matrix(page, confusion, state, images)));
  }
  place.append(fold("The command that made this run", false, el("pre", {}, el("code", {}, command))));
}

/** Return the confusion matrix, whose cells show an image where some came along, and a place for the images of a cell. */
function matrix(page, { counts, rows, columns, clusters }, state, images) {
  const shown = el("div", { "aria-live": "polite", id: "confused" });
  const cellOf = (count, i, j, total) => {
    const some = images?.cells[i]?.[j] ?? [];
    const title = `Class ${rows[i]}, ${clusters ? "in cluster" : "read as"} ${columns[j]}: ${count} of the test images`;
    const open = () => {
      const each = some.map((k) => testButton(page, state, images, k));
      each.forEach((one) => one.addEventListener("click", () => byId("read").scrollIntoView()));
      shown.replaceChildren(el("h3", {}, `${title}. Choose one of these ${some.length}:`), div("tests", ...each));
    };
    const made = some.length ? imageButton(page, title, open, String(count)) : { element: String(count) };
    made.show?.(images.x(some[0]));
    const cell = el("td", {}, made.element);
    const share = Math.round(55 * Math.sqrt(count / total));
    cell.style.background = `color-mix(in srgb, var(--accent) ${share}%, transparent)`;
    return cell;
  };
  const body = counts.map((line, i) => {
    const total = line.reduce((a, b) => a + b, 0) || 1;
    return el("tr", {}, el("th", { scope: "row" }, rows[i]), ...line.map((count, j) => cellOf(count, i, j, total)));
  });
  const head = el("tr", {}, el("td"), ...columns.map((name) => el("th", { scope: "col" }, name)));
  return [scrolling("confusion matrix", "scroll", el("table", { className: "matrix" }, head, ...body)), shown];
}
