// Panel: codes of test images, the prior under them, and what D makes of each place.

const HEAT = 30; // cells along a side of the verdict of D

function mapPanel(page, model, state, images, draws, buffer) {
  if (!images?.codes && !model.judge) return null; // the pad shows all the rest
  byId("map").hidden = false;
  const heat = el("canvas", { width: HEAT, height: HEAT });
  let hovered = -1;
  const pad = padOf(page, buffer, state, "the map of codes", ({ context, disc }) => {
    if (model.judge) context.drawImage(heat, 0, 0, PIXELS, PIXELS);
    for (const [i, point] of flat.entries()) {
      disc(point, i === hovered ? 9 : 4.5, colourOf(images.labels[i]), colour("card"), 1);
    }
  });
  const flat = (images?.codes ?? []).map(pad.plane.where);
  const decoded = view(page, "big", "what P paints at the blue point");
  const words = hint();
  byId("board").append(pad.canvas);
  byId("here").append(decoded.element, words);
  if (flat.length) {
    const shown = view(page, "big", "the nearest test image");
    const near = spoken();
    pad.hover = (u, v) => {
      const distances = flat.map(([a, b]) => (a - u) ** 2 + (b - v) ** 2);
      const nearest = distances.indexOf(Math.min(...distances));
      if (nearest === hovered) return;
      hovered = nearest;
      pad.draw();
      shown.show(images.x(nearest));
      near.textContent = `The nearest dot is ${images.name(nearest)}.`;
    };
    const take = button("Show its own code", () => state.showImage(hovered));
    byId("near").append(shown.element, near, div("buttons", take));
    byId("labels").lastElementChild.append(
      ...page.label_names.slice(0, 20).map((name, k) => swatched(colourOf(k), name)),
    );
  }
  byId("near").hidden = !flat.length;
  byId("labels").hidden = !flat.length || !page.label_names.length;
  byId("verdicts").hidden = !model.judge;
  walkPart(page, model, state, images, draws, pad);
  let job = 0;
  const judge = () => {
    const mine = ++job;
    const context = heat.getContext("2d");
    const pixels = context.createImageData(HEAT, HEAT);
    const [prior, grey, code] = ["accent", "unsure", "code"].map(rgb);
    let cell = 0;
    const some = () => {
      if (mine !== job) return;
      for (const end = Math.min(HEAT * HEAT, cell + 90); cell < end; cell++) {
        const [column, row] = [cell % HEAT, Math.floor(cell / HEAT)];
        const [u, v] = [column + 0.5, HEAT - row - 0.5].map((place) => pad.plane.reach * ((2 * place) / HEAT - 1));
        const p = sigmoid(model.judge(pad.plane.at(state.z, u, v), state.y));
        const target = p > 0.5 ? prior : code;
        const mixed = grey.map((value, c) => value + Math.abs(2 * p - 1) * (target[c] - value));
        pixels.data.set([...mixed, 150], 4 * cell);
      }
      if (cell < HEAT * HEAT) return setTimeout(some);
      context.putImageData(pixels, 0, 0);
      pad.draw();
    };
    some();
  };
  let timer = 0;
  state.on(() => {
    decoded.show(model.decode(state.z, state.y));
    const mixed = state.y && Math.max(...state.y) < 0.995 ? " and others, mixed" : "";
    words.textContent = state.y ? `With y = ${page.y.names[state.chosen()]}${mixed}.` : "";
    hovered = -1;
    pad.hover?.(...pad.plane.where(state.z));
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
