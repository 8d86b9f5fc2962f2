// A walk on the map: codes on the straight line between two, z and y alike, as `model.interpolate` has them.

const STOPS = 9; // images along the walk
const STEPS = 60; // of a walk that plays

function walkPart(page, model, state, images, draws, pad) {
  let ends = null; // codes, called A and B
  let t = 0;
  let walking = false; // whether the state is from this walk
  const mixed = (a, b, at) => a && a.map((value, j) => (1 - at) * value + at * b[j]);
  const codeAt = (at) => ({ z: mixed(ends[0].z, ends[1].z, at), y: mixed(ends[0].y, ends[1].y, at) });
  const where = (i) => pad.plane.where(ends[i].z);
  const go = (at) => {
    t = Math.min(1, at);
    way.set(t);
    walking = true;
    state.set(codeAt(t));
    walking = false;
    return t < 1;
  };
  const play = player("Play the walk", () => go(t < 1 ? t + 1 / STEPS : 0), 50);
  const way = slider("from A to B", 0, 1, go, percent);
  const stops = Array.from({ length: page.kind === "image" ? STOPS : 0 }, (_, j) => {
    const at = j / (STOPS - 1);
    return { at, ...imageButton(page, `${percent(at)} of the way from A to B`, () => go(at)) };
  });
  const put = (i, code) => {
    ends[i] = code;
    way.set(t);
    for (const { at, show } of stops) show(model.decode(codeAt(at).z, codeAt(at).y));
    pad.draw();
  };
  const take = ["A", "B"].map((name, i) => button(`${name} is this code`, () => put(i, { z: state.z, y: state.y })));
  pad.marks = () => {
    const [a, b] = [where(0), where(1)];
    pad.lines([[a, b]], colour("ink"), 2);
    for (const [i, end] of [a, b].entries()) pad.disc(end, 13, colour("ink"), colour("card"), 2, "AB"[i]);
  };
  pad.grab = (u, v) => {
    const i = [1, 0].find((i) => Math.hypot(u - where(i)[0], v - where(i)[1]) < 0.06 * pad.plane.reach);
    return i === undefined ? null : (u, v) => put(i, { ...ends[i], z: pad.plane.at(ends[i].z, u, v) });
  };
  state.on(() => {
    if (!walking) play.stop();
    if (ends) return;
    ends = [1, 2].map((i) => (images?.codes ? state.codeOf(i % images.count) : { z: draws[i], y: state.y }));
    put(0, ends[0]);
  });
  const row = div("row", ...stops.map((stop) => stop.element));
  byId("walk").append(div("buttons", ...take, play.element), div("bars", ...way.cells), row);
}
