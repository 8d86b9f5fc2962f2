// Panel: draw an image or pick a test image; Q reads it, P paints it again.

const INK = 280; // side of the canvas that is drawn on

function readPanel(page, model, state, images) {
  if (!model.encode) return;
  byId("read").hidden = false;
  const seen = view(page, "big", "what Q reads"), painted = view(page, "big", "what P paints from the code");
  const bars = page.y.Q ? barsOf(page) : null, code = el("p", { className: "hint" });
  const verdict = el("p", { className: "hint", "aria-live": "polite", id: "verdict" });
  const source = el("div");
  let mine = false; // whether the state is from this panel

  const show = (x, z, y) => {
    seen.show(x);
    painted.show(model.decode(z, y));
    code.textContent = `z = (${z.slice(0, 10).map((value) => value.toFixed(1)).join(", ")}${z.length > 10 ? ", …" : ""})`;
  };
  const nothing = (text) => {
    for (const each of [seen, painted]) each.clear();
    bars?.clear();
    code.textContent = "";
    verdict.textContent = text;
  };
  const read = (x, shown = {}) => {
    const found = model.encode(x);
    if (!shown.image && shown.image !== 0) {
      mine = true;
      state.set({ z: found.z, y: page.y.P ? found.y ?? state.y : null });
      mine = false;
    }
    show(x, found.z, state.y);
    bars?.show(found.y);
    const best = found.y ? found.y.indexOf(Math.max(...found.y)) : -1, label = page.label_names[shown.label];
    const read = found.y ? `Q reads ${page.y.is_class ? "" : "cluster "}${page.y.names[best]}, with ${percent(found.y[best])}.` : "";
    verdict.textContent = `${read}${label ? ` The label of this test ${nounOf(page)} is ${label}.` : ""}`;
  };

  const canDraw = page.kind === "image" && page.channels === 1, values = page.kind === "image" ? null : valuesOf(page, read);
  const ink = canDraw ? inkOf(page, read, () => nothing("Nothing is drawn, so nothing is predicted.")) : null;
  if (ink) source.append(el("h3", {}, "1. Draw here"), ink.element);
  else if (values) source.append(el("h3", {}, "1. Set the values"), ...values.elements);
  else source.append(el("h3", {}, "1. Pick a test image"));
  const arrow = el("div", {}, el("h3", {}, "2. What Q reads"), seen.element);
  const found = el("div", {}, el("h3", {}, bars ? "3. The code: y and z" : "3. The code z"), bars?.element, verdict, code);
  const back = el("div", {}, el("h3", {}, "4. What P paints"), painted.element);
  if (page.kind !== "image") byId("chain").classList.add("wide");
  byId("chain").append(source, arrow, found, back);
  if (!bars && page.y.P) back.append(el("p", { className: "hint" }, "Here P is also given the label that is chosen below."));
  nothing(canDraw ? "Nothing is drawn yet." : "");
  state.on(() => {
    if (mine) return;
    if (state.image !== null) {
      ink?.erase();
      const x = images.x(state.image);
      values?.set(x);
      read(x, { image: state.image, label: images.labels[state.image] });
    }
  });
  if (images) byId("tests").append(...testImages(page, state, images));
  else {
    const words = `Test ${nounOf(page)}s come along only where the page is made with --with-images.`;
    byId("tests").append(el("p", { className: "hint" }, words));
  }
}

/** Return a bar a value of y, with `show(y)` and `clear()`. */
function barsOf(page) {
  const rows = page.y.names.map((name) => {
    const fill = el("div", { className: "fill" }), share = el("span", {}, "");
    return { fill, share, cells: [el("span", { className: "name", title: name }, name), el("div", { className: "track" }, fill), share] };
  });
  const element = el("div", { className: "bars", tabIndex: 0, role: "group", "aria-label": "y, as Q reads it" }, ...rows.flatMap((row) => row.cells));
  const set = (values) => rows.forEach((row, j) => {
    row.fill.style.width = `${values ? 100 * values[j] : 0}%`;
    row.share.textContent = values ? percent(values[j]) : "";
  });
  return { element, show: set, clear: () => set(null) };
}

/** Return some buttons, each a test image of the page, and one that shows others. */
function testImages(page, state, images) {
  const place = el("div", { className: "tests" }), each = page.kind === "image" ? 14 : 8;
  let first = 0;
  const fill = () => {
    place.replaceChildren();
    for (let j = 0; j < Math.min(each, images.labels.length); j++) {
      const i = (first + j) % images.labels.length, name = page.label_names[images.labels[i]] ?? "";
      const choose = () => state.showImage(i);
      if (page.kind !== "image") {
        place.append(button(`row ${i + 1}${name ? `: ${name}` : ""}`, choose));
        continue;
      }
      const small = imageView(page, "", "");
      small.show(images.x(i));
      const words = `test image ${i + 1}${name ? `, label ${name}` : ""}`;
      place.append(el("button", { type: "button", onclick: choose, title: words, "aria-label": words }, small.element));
    }
  };
  const more = button("Others", () => {
    first = (first + each) % images.labels.length;
    fill();
  });
  fill();
  return [el("h3", {}, page.kind === "image" ? "Or pick a test image, which training has not seen" : "Rows of the test set"), place, el("div", { className: "buttons" }, more)];
}

/** Return sliders of the columns of a table, or of pixels whose arrangement is not known. */
function valuesOf(page, read) {
  const x = new Array(page.inputs).fill(page.kind === "table" ? 0 : 0.5);
  const [low, high] = page.kind === "table" ? [-3, 3] : [0, 1];
  const sliders = x.map((_, j) => slider(`column ${j + 1}`, low, high, (value) => {
    x[j] = value;
    sliders[j].set(value);
    read(x);
  }, (value) => inUnits(page, value, j).toPrecision(3)));
  const set = (row) => sliders.forEach((each, j) => each.set((x[j] = row[j])));
  set(x);
  const start = button("Read these values", () => read(x)), bars = el("div", { className: "bars" }, ...sliders.flatMap((each) => each.cells));
  return { elements: [bars, el("div", { className: "buttons" }, start)], set };
}

/** Return a canvas to draw on with mouse, touch, pen or keys. */
function inkOf(page, read, empty) {
  const canvas = el("canvas", { width: INK, height: INK, className: "draw", tabIndex: 0, role: "application" });
  canvas.setAttribute("aria-label", "draw: arrow keys move the pen, Space lifts or lowers it, Delete clears");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const pen = { x: INK / 2, y: INK / 2, down: false };
  let drawn = false, waiting = false;
  Object.assign(context, { lineWidth: INK / 12, lineCap: "round", lineJoin: "round", strokeStyle: "#fff", fillStyle: "#000" });
  const erase = () => {
    context.fillRect(0, 0, INK, INK);
    Object.assign(context, { fillStyle: "#888", font: "20px system-ui, sans-serif", textAlign: "center" });
    context.fillText(page.own ? "draw here" : "draw a digit here", INK / 2, INK / 2);
    context.fillStyle = "#000";
    drawn = false;
  };
  const clear = () => {
    erase();
    empty();
  };
  const later = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      const x = drawn ? pixelsOf(page, canvas) : null;
      if (x) read(x);
      else empty();
    });
  };
  const line = (x, y) => {
    if (!drawn) context.fillRect(0, 0, INK, INK);
    context.beginPath();
    context.moveTo(pen.x, pen.y);
    context.lineTo(x, y);
    context.stroke();
    drawn = true;
    later();
  };
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * INK) / box.width, ((event.clientY - box.top) * INK) / box.height];
  };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    [pen.x, pen.y] = at(event);
    line(pen.x, pen.y);
  };
  canvas.onpointermove = (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    for (const each of event.getCoalescedEvents?.() ?? [event]) {
      const [x, y] = at(each);
      line(x, y);
      [pen.x, pen.y] = [x, y];
    }
  };
  const place = el("span", { "aria-live": "polite" }, "");
  canvas.onkeydown = (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (step) {
      const [x, y] = [pen.x + (step[0] * INK) / 20, pen.y + (step[1] * INK) / 20].map((value) => Math.min(INK - 14, Math.max(14, value)));
      if (pen.down) line(x, y);
      [pen.x, pen.y] = [x, y];
    } else if (event.key === " ") pen.down = !pen.down;
    else if (event.key === "Delete" || event.key === "Backspace") clear();
    else return;
    event.preventDefault();
    place.textContent = `Pen ${pen.down ? "down" : "up"}, ${Math.round((100 * pen.x) / INK)} % from left, ${Math.round((100 * pen.y) / INK)} % from top.`;
  };
  erase();
  const hint = el("p", { className: "hint" }, "Mouse, finger or pen. By keys: arrows move, Space lowers the pen, Delete clears. ", place);
  return { element: el("div", {}, canvas, el("div", { className: "buttons" }, button("Clear", clear)), hint), erase };
}

/** Return the drawing as pixels in [0, 1], or null where it is empty: MNIST's are fitted into 20 × 20 and centred. */
function pixelsOf(page, canvas) {
  const [height, width] = page.side, whole = { x: 0, y: 0, width: INK, height: INK };
  if (page.own) return scaled(canvas, whole, 0, 0, width, height, width, height);
  const box = inkBox(canvas);
  if (!box) return null;
  const factor = 20 / Math.max(box.width, box.height), [w, h] = [box.width * factor, box.height * factor];
  const first = scaled(canvas, box, (width - w) / 2, (height - h) / 2, w, h, width, height);
  let mass = 0, sumX = 0, sumY = 0;
  first.forEach((value, i) => {
    mass += value;
    sumX += value * ((i % width) + 0.5);
    sumY += value * (Math.floor(i / width) + 0.5);
  });
  const [dx, dy] = [Math.round(width / 2 - sumX / mass), Math.round(height / 2 - sumY / mass)];
  return first.map((_, i) => {
    const [x, y] = [(i % width) - dx, Math.floor(i / width) - dy];
    return x >= 0 && x < width && y >= 0 && y < height ? first[y * width + x] : 0;
  });
}

function inkBox(canvas) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, INK, INK);
  let [left, top, right, bottom] = [INK, INK, -1, -1];
  for (let i = 0; i < INK * INK; i++) {
    if (data[4 * i] < 40) continue;
    const [x, y] = [i % INK, Math.floor(i / INK)];
    [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)];
  }
  return right < 0 ? null : { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}

/** Return a part of the drawing, averaged over a grid, as pixels of an image in which it lies at (left, top), w × h. */
function scaled(canvas, part, left, top, w, h, width, height) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, INK, INK), fine = 4;
  return Array.from({ length: width * height }, (_, i) => {
    let sum = 0;
    for (let a = 0; a < fine; a++) {
      for (let b = 0; b < fine; b++) {
        const u = ((i % width) + (a + 0.5) / fine - left) / w, v = (Math.floor(i / width) + (b + 0.5) / fine - top) / h;
        if (u < 0 || u >= 1 || v < 0 || v >= 1) continue;
        sum += data[4 * (Math.floor(part.y + v * part.height) * INK + Math.floor(part.x + u * part.width))];
      }
    }
    return sum / (255 * fine * fine);
  });
}
