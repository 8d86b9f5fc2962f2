// Panel: draw an image or pick a test image; Q reads it, P paints it again.

const INK = 280; // side of the canvas that is drawn on

function readPanel(page, model, state, images) {
  if (!model.encode) return;
  byId("read").hidden = false;
  const seen = view(page, "big", "what Q reads");
  const painted = view(page, "big", "what P paints from the code");
  const bars = page.y.Q ? barsOf(page) : null;
  const code = hint();
  const verdict = spoken("verdict");
  let mine = false; // whether the state is from this panel

  const nothing = (text) => {
    for (const each of [seen, painted]) each.clear();
    bars?.clear();
    code.textContent = "";
    verdict.textContent = text;
  };
  const read = (x, image = null) => {
    const found = model.encode(x);
    if (image === null) {
      mine = true;
      state.set({ z: found.z, y: page.y.P ? (found.y ?? state.y) : null });
      mine = false;
    }
    seen.show(x);
    painted.show(model.decode(found.z, state.y));
    const numbers = found.z.slice(0, 10).map((value) => value.toFixed(1));
    code.textContent = `z = (${numbers.join(", ")}${found.z.length > 10 ? ", …" : ""})`;
    bars?.show(found.y);
    const best = found.y ? found.y.indexOf(Math.max(...found.y)) : -1;
    const label = image === null ? "" : page.label_names[images.labels[image]];
    const name = `${page.y.is_class ? "" : "cluster "}${page.y.names[best]}`;
    const read = found.y ? `Q reads ${name}, with ${percent(found.y[best])}.` : "";
    verdict.textContent = `${read}${label ? ` The label of this test ${page.noun} is ${label}.` : ""}`;
  };

  const canDraw = page.kind === "image" && page.channels === 1;
  const values = page.kind === "image" ? null : valuesOf(page, read);
  const ink = canDraw ? inkOf(page, read, () => nothing("Nothing is drawn, so nothing is predicted.")) : null;
  const source = ink ? "1. Draw here" : values ? "1. Set the values" : "1. Pick a test image";
  const back = part("4. What P paints", painted.element);
  if (!bars && page.y.P) back.append(hint("Here P is also given the label that is chosen below."));
  if (page.kind !== "image") byId("chain").classList.add("wide");
  byId("chain").append(
    part(source, ...(ink ?? values ?? { elements: [] }).elements),
    part("2. What Q reads", seen.element),
    part(bars ? "3. The code: y and z" : "3. The code z", bars?.element, verdict, code),
    back,
  );
  nothing(canDraw ? "Nothing is drawn yet." : "");
  state.on(() => {
    if (mine || state.image === null) return;
    ink?.erase();
    const x = images.x(state.image);
    values?.set(x);
    read(x, state.image);
  });
  const without = hint(`Test ${page.noun}s come along only where the page is made with --with-images.`);
  byId("tests").append(...(images ? testImages(page, state, images) : [without]));
}

/** Return a bar a value of y, with `show(y)` and `clear()`. */
function barsOf(page) {
  const rows = page.y.names.map((name) => {
    const fill = div("fill");
    const share = el("span", {}, "");
    return { fill, share, cells: [el("span", { className: "name", title: name }, name), div("track", fill), share] };
  });
  const element = scrolling("y, as Q reads it", "bars", ...rows.flatMap((row) => row.cells));
  const show = (values) => {
    for (const [j, row] of rows.entries()) {
      row.fill.style.width = `${values ? 100 * values[j] : 0}%`;
      row.share.textContent = values ? percent(values[j]) : "";
    }
  };
  return { element, show, clear: () => show(null) };
}

/** Return some buttons, each a test image of the page, and one that shows others. */
function testImages(page, state, images) {
  const place = div("tests");
  const each = Math.min(page.kind === "image" ? 14 : 8, images.count);
  let first = -each;
  const fill = () => {
    first = (first + each) % images.count;
    const some = Array.from({ length: each }, (_, j) => (first + j) % images.count);
    place.replaceChildren(...some.map((i) => testButton(page, state, images, i)));
  };
  fill();
  const title = page.kind === "image" ? "Or pick a test image, which training has not seen" : "Rows of the test set";
  return [el("h3", {}, title), place, div("buttons", button("Others", fill))];
}

/** Return a button that shows test image i, or row i. */
function testButton(page, state, images, i) {
  const choose = () => state.showImage(i);
  if (page.kind !== "image") return button(images.name(i), choose);
  const made = imageButton(page, images.name(i), choose);
  made.show(images.x(i));
  return made.element;
}

/** Return sliders of the columns of a table, or of pixels whose arrangement is not known. */
function valuesOf(page, read) {
  const x = new Array(page.inputs).fill(page.kind === "table" ? 0 : 0.5);
  const [low, high] = page.kind === "table" ? [-3, 3] : [0, 1];
  const sliders = x.map((_, j) => {
    const move = (value) => {
      x[j] = value;
      sliders[j].set(value);
      read(x);
    };
    return slider(`column ${j + 1}`, low, high, move, (value) => inUnits(page, value, j).toPrecision(3));
  });
  const set = (row) => sliders.forEach((each, j) => each.set((x[j] = row[j])));
  set(x);
  const bars = div("bars", ...sliders.flatMap((each) => each.cells));
  const again = () => read(x);
  return { elements: [bars, div("buttons", button("Read these values", again))], set };
}

/** Return a canvas to draw on with mouse, touch, pen or keys. */
function inkOf(page, read, empty) {
  const canvas = el("canvas", { width: INK, height: INK, className: "draw", tabIndex: 0, role: "application" });
  canvas.setAttribute("aria-label", "draw: arrow keys move the pen, Space lifts or lowers it, Delete clears");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const pen = { x: INK / 2, y: INK / 2, down: false };
  let drawn = false;
  Object.assign(context, { lineWidth: INK / 12, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
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
  const later = onceAFrame(() => {
    const x = drawn ? pixelsOf(page, canvas) : null;
    if (x) read(x);
    else empty();
  });
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
      const inside = (value) => Math.min(INK - 14, Math.max(14, value));
      const [x, y] = [inside(pen.x + (step[0] * INK) / 20), inside(pen.y + (step[1] * INK) / 20)];
      if (pen.down) line(x, y);
      [pen.x, pen.y] = [x, y];
    } else if (event.key === " ") pen.down = !pen.down;
    else if (event.key === "Delete" || event.key === "Backspace") clear();
    else return;
    event.preventDefault();
    const [x, y] = [pen.x, pen.y].map((value) => Math.round((100 * value) / INK));
    place.textContent = `Pen ${pen.down ? "down" : "up"}, ${x} % from left, ${y} % from top.`;
  };
  erase();
  const how = "Mouse, finger or pen. By keys: arrows move, Space lowers the pen, Delete clears. ";
  return { elements: [canvas, div("buttons", button("Clear", clear)), hint(how, place)], erase };
}

/** Return the drawing as pixels in [0, 1], or null where it is empty: MNIST's are fitted into 20 × 20 and centred. */
function pixelsOf(page, canvas) {
  const [height, width] = page.side;
  if (page.own) return scaled(canvas, { x: 0, y: 0, width: INK, height: INK }, 0, 0, width, height, width, height);
  const box = inkBox(canvas);
  if (!box) return null;
  const [w, h] = [box.width, box.height].map((side) => (20 * side) / Math.max(box.width, box.height));
  const first = scaled(canvas, box, (width - w) / 2, (height - h) / 2, w, h, width, height);
  let [mass, sumX, sumY] = [0, 0, 0];
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
  const { data } = canvas.getContext("2d").getImageData(0, 0, INK, INK);
  const fine = 4;
  return Array.from({ length: width * height }, (_, i) => {
    let sum = 0;
    for (let a = 0; a < fine; a++) {
      for (let b = 0; b < fine; b++) {
        const u = ((i % width) + (a + 0.5) / fine - left) / w;
        const v = (Math.floor(i / width) + (b + 0.5) / fine - top) / h;
        if (u < 0 || u >= 1 || v < 0 || v >= 1) continue;
        sum += data[4 * (Math.floor(part.y + v * part.height) * INK + Math.floor(part.x + u * part.width))];
      }
    }
    return sum / (255 * fine * fine);
  });
}
