// Panel: choose y, move z, and see what P paints.

const MOST_OPEN = 12;
const MOST_IN_ROW = 30;

function paintPanel(page, model, state, draws, buffer) {
  byId("paint").hidden = false;
  const k = page.y.P;
  const painted = view(page, "big", "what P paints");
  const parts = [];
  const bars = k ? mixer(page, state) : null;
  if (bars) parts.push(part("y: choose one, or mix", bars.element));
  const pad = padOf(page, buffer, state, "z on two directions");
  parts.push(part("z: drag the point", pad.canvas, hint(page.axes)));
  const sliders = Array.from({ length: page.z }, (_, j) => {
    const move = (value) => state.set({ z: state.z.map((old, i) => (i === j ? value : old)) });
    return slider(`z${j + 1}`, page.plane.low, page.plane.high, move);
  });
  const grid = (some) => div("bars", ...some.flatMap((each) => each.cells));
  const rest = sliders.slice(MOST_OPEN);
  const folded = rest.length ? fold(`${rest.length} more`, false, grid(rest)) : null;
  parts.push(part("z: one by one", grid(sliders.slice(0, MOST_OPEN)), folded));
  const buttons = div("buttons");
  if (k > 1) {
    const word = page.y.is_class ? (page.own ? "class" : "digit") : "cluster";
    buttons.append(button(`Same style, other ${word}`, () => state.chooseY((state.chosen() + 1) % k)));
  }
  const roll = () => state.set({ z: draws[Math.floor(Math.random() * draws.length)] });
  if (draws) buttons.append(button("Dice: z from the prior", roll));
  parts.push(part("What P paints", painted.element, buttons));
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
  const show = (y) => {
    for (const [j, row] of rows.entries()) {
      row.set(y[j]);
      row.choose.setAttribute("aria-pressed", String(y[j] > 0.999));
    }
  };
  return { element: el("div", { className: "bars", id: "mixer" }, ...rows.flatMap((row) => row.cells)), show };
}

/** Fill the row of all classes in the style of now; return a function that paints it again. */
function classRow(page, model, state) {
  const names = page.y.names.slice(0, MOST_IN_ROW);
  const each = names.map((name, j) =>
    imageButton(page, `${name} in this style`, () => state.chooseY(j), el("span", {}, name)),
  );
  const those = page.y.P > names.length ? `The first ${names.length} of ${page.y.P}` : "All";
  const title = `${those} ${page.y.is_class ? "classes" : "clusters"} in this style: one z, each y`;
  byId("row").append(el("h3", {}, title), div("row", ...each.map((one) => one.element)));
  return onceAFrame(() => {
    for (const [j, { element, show }] of each.entries()) {
      show(model.decode(state.z, state.oneHot(j)));
      element.setAttribute("aria-pressed", String(j === state.chosen()));
    }
  });
}
