// Panel: choose y, move z, and see what P paints.

const MOST_OPEN = 12, MOST_IN_ROW = 30;

function paintPanel(page, model, state, draws, buffer) {
  byId("paint").hidden = false;
  const k = page.y.P, painted = view(page, "big", "what P paints"), parts = [];
  byId("paint-lead").textContent = k
    ? `P reads y, ${page.y.is_class ? "which class" : "which cluster"}, and z, the style. Change one and keep the other.`
    : "P reads z alone. Move it, and see what changes.";
  const bars = k ? mixer(page, state) : null;
  if (bars) parts.push(el("div", {}, el("h3", {}, "y: choose one, or mix"), bars.element));
  const pad = padOf(page, buffer, state, "z on two directions");
  const around = page.plane.density ? " Lines hold 50, 90 and 99 % of the prior." : "";
  parts.push(el("div", {}, el("h3", {}, "z: drag the point"), pad.canvas, el("p", { className: "hint" }, axesInWords(page) + around)));
  const sliders = Array.from({ length: page.z }, (_, j) =>
    slider(`z${j + 1}`, page.plane.low, page.plane.high, (value) => state.set({ z: state.z.map((old, i) => (i === j ? value : old)) })));
  const grid = (some) => el("div", { className: "bars" }, ...some.flatMap((each) => each.cells));
  const rest = sliders.slice(MOST_OPEN);
  const folded = rest.length ? el("details", {}, el("summary", {}, `${rest.length} more`), grid(rest)) : null;
  parts.push(el("div", {}, el("h3", {}, "z: one by one"), grid(sliders.slice(0, MOST_OPEN)), folded));
  const buttons = el("div", { className: "buttons" });
  if (k > 1) {
    const word = page.y.is_class ? (page.own ? "class" : "digit") : "cluster";
    buttons.append(button(`Same style, other ${word}`, () => state.chooseY((state.chosen() + 1) % k)));
  }
  if (draws) buttons.append(button("Dice: z from the prior", () => state.set({ z: draws[Math.floor(Math.random() * draws.length)] })));
  parts.push(el("div", {}, el("h3", {}, "What P paints"), painted.element, buttons));
  byId("bench").append(...parts);
  if (!k) byId("bench").classList.add("without-y");
  const row = k > 1 && page.kind === "image" ? classRow(page, model, state) : null;

  state.on(() => {
    painted.show(model.decode(state.z, state.y));
    sliders.forEach((each, j) => each.set(state.z[j]));
    bars?.show(state.y);
    pad.draw();
    row?.();
  });
  return pad;
}

/** Return a button and a slider for each value of y; a slider takes its share from all others. */
function mixer(page, state) {
  const k = page.y.P;
  const mix = (j, value) => {
    const others = 1 - state.y[j];
    const spread = (share) => (others > 1e-9 ? (share / others) * (1 - value) : (1 - value) / Math.max(1, k - 1));
    state.set({ y: state.y.map((share, i) => (i === j ? value : spread(share))) });
  };
  const rows = page.y.names.map((name, j) => {
    const found = slider(`share of ${name} in y`, 0, 1, (value) => mix(j, value), percent);
    const choose = button(name, () => state.chooseY(j), { className: "name", title: name, "aria-pressed": "false" });
    return { choose, set: found.set, cells: [choose, ...found.cells.slice(1)] };
  });
  const element = el("div", { className: "bars", id: "mixer" }, ...rows.flatMap((row) => row.cells));
  const show = (y) => rows.forEach((row, j) => {
    row.set(y[j]);
    row.choose.setAttribute("aria-pressed", String(y[j] > 0.999));
  });
  return { element, show };
}

/** Fill the row of all classes in the style of now; return a function that paints it again. */
function classRow(page, model, state) {
  const k = Math.min(page.y.P, MOST_IN_ROW);
  const each = Array.from({ length: k }, (_, j) => {
    const image = imageView(page, "", ""), name = page.y.names[j];
    const choose = el("button", { type: "button", onclick: () => state.chooseY(j), title: name, "aria-label": `${name} in this style`, "aria-pressed": "false" },
      image.element, el("span", {}, name));
    return { image, choose };
  });
  const of = page.y.P > k ? `The first ${k} of ${page.y.P}` : "All";
  byId("row").append(el("h3", {}, `${of} ${page.y.is_class ? "classes" : "clusters"} in this style: one z, each y`), el("div", { className: "row" }, ...each.map((one) => one.choose)));
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      each.forEach(({ image, choose }, j) => {
        const y = state.y.map((_, i) => (i === j ? 1 : 0));
        image.show(model.decode(state.z, y));
        choose.setAttribute("aria-pressed", String(j === state.chosen()));
      });
    });
  };
}
