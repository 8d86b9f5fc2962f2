// Panel: codes of test images, the prior under them, and what D makes of each place.

const HEAT = 30; // cells along a side of the verdict of D

function mapPanel(page, model, state, images, buffer) {
  if (!images?.codes && !model.judge) return null; // the pad shows all the rest
  byId("map").hidden = false;
  const points = images?.codes ?? [];
  const heat = el("canvas", { width: HEAT, height: HEAT });
  const pad = padOf(page, buffer, state, "the map of codes", (context) => {
    if (model.judge) context.drawImage(heat, 0, 0, PIXELS, PIXELS);
    for (const [i, [u, v]] of flat.entries()) {
      context.beginPath();
      context.arc(pad.x(u), pad.y(v), i === hovered ? 9 : 4.5, 0, 7);
      context.fillStyle = colourOf(images.labels[i]);
      context.fill();
      context.lineWidth = 1;
      context.strokeStyle = colour("card");
      context.stroke();
    }
  });
  const flat = points.map(pad.plane.where), decoded = view(page, "big", "what P paints at the blue point");
  const shown = flat.length ? view(page, "big", "the nearest test image") : null, words = el("p", { className: "hint" });
  const here = el("p", { className: "hint", "aria-live": "polite" });
  let hovered = -1;
  pad.onHover = (u, v) => {
    const distance = ([a, b]) => (a - u) ** 2 + (b - v) ** 2;
    const nearest = flat.reduce((best, point, i) => (best < 0 || distance(point) < distance(flat[best]) ? i : best), -1);
    if (nearest === hovered || nearest < 0) return;
    hovered = nearest;
    pad.draw();
    shown.show(images.x(nearest));
    const name = page.label_names[images.labels[nearest]];
    here.textContent = `Test ${nounOf(page)} ${nearest + 1}${name ? `, label ${name}` : ""}, the dot nearest to the pointer.`;
  };

  const known = points.length ? page.label_names : [], key = el("ul", { className: "key" });
  key.append(...known.slice(0, 20).map((name, k) => swatched(colourOf(k), name)));
  const verdicts = el("ul", { className: "key" });
  for (const [name, text] of [["accent", "D says: the prior"], ["unsure", "D cannot tell"], ["code", "D says: a code"]]) {
    verdicts.append(swatched(`var(--${name})`, text));
  }
  const pair = el("div", { className: "pair" }, el("div", {}, el("h3", {}, "P at the blue point"), decoded.element, words));
  const take = button("Show its own code", () => state.showImage(hovered));
  if (shown) pair.append(el("div", {}, el("h3", {}, `Nearest test ${nounOf(page)}`), shown.element, here, el("div", { className: "buttons" }, take)));
  const side = el("div", {}, pair, known.length ? el("h3", {}, `Test ${nounOf(page)}s by label`) : null, key);
  if (model.judge) side.append(el("h3", {}, "Background"), verdicts);
  byId("mapped").append(el("div", {}, pad.canvas), side);
  byId("map-lead").textContent = [
    points.length ? `A dot is the code of a test ${nounOf(page)}: point at it to see what it is.` : "",
    page.plane.density ? `Lines hold 50, 90 and 99 % of the ${page.prior} prior.` : "This mode matches its codes to no prior.",
    model.judge ? "The background is D, which was trained to tell draws from the prior and codes apart. The greyer it is, the better Q has learned." : "",
    "Drag to decode other places.",
    page.z > 2 ? axesInWords(page).replace("pad", "map") : "",
  ].filter(Boolean).join(" ");

  let job = 0, colours = null;
  const judge = () => {
    const mine = ++job, context = heat.getContext("2d"), pixels = context.createImageData(HEAT, HEAT);
    colours = ["accent", "unsure", "code"].map(rgb);
    let row = 0;
    const some = () => {
      if (mine !== job) return;
      for (const end = Math.min(HEAT, row + 3); row < end; row++) {
        for (let column = 0; column < HEAT; column++) {
          const [u, v] = [(2 * column + 1) / HEAT - 1, 1 - (2 * row + 1) / HEAT].map((share) => share * pad.plane.reach);
          const p = sigmoid(model.judge(pad.plane.at(state.z, u, v), state.y)), sure = Math.abs(2 * p - 1);
          const [target, grey] = [colours[p > 0.5 ? 0 : 2], colours[1]], at = 4 * (row * HEAT + column);
          for (let c = 0; c < 3; c++) pixels.data[at + c] = grey[c] + sure * (target[c] - grey[c]);
          pixels.data[at + 3] = 150;
        }
      }
      if (row < HEAT) return setTimeout(some);
      context.putImageData(pixels, 0, 0);
      pad.draw();
    };
    some();
  };
  let timer = 0;
  state.on(() => {
    decoded.show(model.decode(state.z, state.y));
    words.textContent = state.y ? `With y = ${page.y.names[state.chosen()]}.` : "";
    hovered = -1;
    pad.onHover(...pad.plane.where(state.z));
    pad.draw();
    clearTimeout(timer);
    if (model.judge) timer = setTimeout(judge, 120);
  });
  return { draw: () => (model.judge ? judge() : pad.draw()) };
}

function rgb(name) {
  const number = parseInt(colour(name).slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}
