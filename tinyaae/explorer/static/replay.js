// The training again: codes of validation images, and what P paints, in the snapshots that the run has kept.

/** Fill the replay; `follow(epoch)` moves the cursor of the learning curves. */
function replayPanel(page, buffer, follow) {
  const replay = page.replay;
  if (!replay) return null;
  byId("replay").hidden = false;
  const { epochs, labels } = replay;
  const codes = replay.codes && arrayIn(buffer, replay.codes);
  const read = replay.y && arrayIn(buffer, replay.y);
  let now = epochs.length - 1;
  const name = { className: "board", role: "img", "aria-label": "codes of validation images" };
  const board = boardOf(page, buffer, name, ({ disc, plane }) => {
    for (const [i, label] of labels.entries()) {
      const at = now * labels.length + i;
      const point = [codes[2 * at], codes[2 * at + 1]].map((share) => (share / replay.unit) * plane.reach);
      const wrong = read && label >= 0 && read[at] !== label;
      disc(point, wrong ? 6 : 4.5, colourOf(label), colour(wrong ? "ink" : "card"), wrong ? 2.5 : 1);
    }
  });
  const shelves = ["reconstructions", "samples"].filter((name) => replay[name]);
  const images = shelves.flatMap((name) => {
    const [, m, d] = replay[name].shape;
    const pixels = arrayIn(buffer, replay[name]);
    const views = Array.from({ length: m }, (_, j) => imageView(page, "", `${name} ${j + 1}`));
    byId(name).hidden = false;
    byId(name).lastElementChild.append(...views.map((view) => view.element));
    return views.map(
      ({ show }, j) =>
        () =>
          show(rowOf(pixels, now * m + j, d).map((value) => value / replay.levels)),
    );
  });
  const words = spoken("replayed");
  const show = (frame) => {
    now = frame;
    words.textContent = replay.words[now];
    if (codes) board.draw();
    images.forEach((paint) => paint());
    time.set(now);
    follow(epochs[now]);
  };
  const next = () => {
    show((now + 1) % epochs.length);
    return now < epochs.length - 1;
  };
  const play = player("Play", next, 350);
  const still = (change) => (value) => {
    play.stop();
    change(value);
  };
  const time = slider("epoch", 0, epochs.length - 1, still(show), (frame) => String(epochs[frame]), 1);
  const on = epochs[1] > 1 ? `${epochs[1]} epochs on` : "One epoch on";
  byId("controls").append(div("buttons", play.element, button(on, still(next))), div("bars", ...time.cells), words);
  byId("replay-map").hidden = !codes;
  if (codes) byId("replay-map").append(board.canvas);
  show(now);
  return { draw: () => show(now) };
}
