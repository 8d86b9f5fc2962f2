// A plane of codes, as a pad to drag on: prior, verdict of D, codes of test images, and the code of now.

const PIXELS = 560;

/** Return where z lies in the plane (u, v), and how to get there: `at(z, u, v)` keeps what of z is not in the plane. */
function planeOf(page, buffer) {
  const origin = arrayIn(buffer, page.plane.origin);
  const axes = rowsOf(buffer, page.plane.directions);
  const where = (z) => axes.map((axis) => axis.reduce((sum, a, j) => sum + a * (z[j] - origin[j]), 0));
  const at = (z, u, v) => {
    const [from, to] = where(z);
    return Array.from(z, (value, j) => value + (u - from) * axes[0][j] + (v - to) * axes[1][j]);
  };
  return { where, at, reach: page.plane.reach };
}

/** Return a canvas of the plane with the prior's contours; `layer(board)` draws below them, and `over` above. */
function boardOf(page, buffer, properties, layer) {
  const plane = planeOf(page, buffer);
  const contours = contoursOf(page, buffer);
  const canvas = el("canvas", { width: PIXELS, height: PIXELS, ...properties });
  const context = canvas.getContext("2d");
  const clip = (pixel) => Math.min(PIXELS - 6, Math.max(6, pixel));
  const x = (u) => (PIXELS / 2) * (1 + u / plane.reach);
  const y = (v) => (PIXELS / 2) * (1 - v / plane.reach);
  const board = { canvas, context, plane, x, y, over: null };

  board.lines = (segments, stroke, width) => {
    context.beginPath();
    for (const [[u0, v0], [u1, v1]] of segments) {
      context.moveTo(x(u0), y(v0));
      context.lineTo(x(u1), y(v1));
    }
    Object.assign(context, { strokeStyle: stroke, lineWidth: width });
    context.stroke();
  };
  /** Draw a disc at (u, v), at the edge where that is outside, with a border, and a text on it. */
  board.disc = ([u, v], radius, fill, border, width, text = "") => {
    context.beginPath();
    context.arc(clip(x(u)), clip(y(v)), radius, 0, 7);
    Object.assign(context, { fillStyle: fill, strokeStyle: border, lineWidth: width });
    context.fill();
    context.stroke();
    Object.assign(context, { fillStyle: border, font: "bold 17px system-ui, sans-serif", textAlign: "center" });
    context.fillText(text, clip(x(u)), clip(y(v)) + 6);
  };
  board.draw = () => {
    context.clearRect(0, 0, PIXELS, PIXELS);
    layer?.(board);
    for (const [level, lines] of contours.entries()) {
      context.globalAlpha = 0.5 - 0.13 * level;
      board.lines(lines, colour("ink"), 1.5);
    }
    context.globalAlpha = 1;
    board.over?.();
  };
  return board;
}

/** Return a board on which the state's z is dragged, or moved by arrow keys; `pad.grab(u, v)` may drag another thing. */
function padOf(page, buffer, state, name, layer) {
  const properties = {
    className: "pad",
    tabIndex: 0,
    role: "application",
    "aria-label": `${name}: drag, or use the arrow keys`,
  };
  const pad = boardOf(page, buffer, properties, layer);
  const { canvas, plane } = pad;
  let drag = null;
  pad.over = () => {
    pad.marks?.();
    pad.disc(plane.where(state.z), 10, colour("accent"), colour("card"), 3);
  };
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    const [u, v] = [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height];
    return [u, v].map((share) => plane.reach * Math.min(1, Math.max(-1, 2 * share - 1)));
  };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    drag = pad.grab?.(...place(event)) ?? ((u, v) => state.set({ z: plane.at(state.z, u, v) }));
    drag(...place(event));
  };
  canvas.onpointermove = (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) drag(...place(event));
    else pad.hover?.(...place(event));
  };
  canvas.onkeydown = (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const [u, v] = plane.where(state.z).map((value, axis) => value + (step[axis] * plane.reach) / 25);
    state.set({ z: plane.at(state.z, u, v) });
  };
  return pad;
}

/** Return for each level of the prior's density the line segments on which it has that level (marching squares). */
function contoursOf(page, buffer) {
  if (!page.plane.density) return [];
  const grid = arrayIn(buffer, page.plane.density);
  const n = page.plane.density.shape[0];
  const point = (column, row) => [column, row].map((cell) => page.plane.reach * ((2 * cell + 1) / n - 1));
  return page.plane.levels.map((level) => {
    const lines = [];
    for (let r = 0; r + 1 < n; r++) {
      for (let c = 0; c + 1 < n; c++) {
        const corners = [0, 1, 2, 3].map((k) => [c + (k === 1 || k === 2), r + (k > 1)]);
        const cut = [];
        for (let k = 0; k < 4; k++) {
          const [a, b] = [corners[k], corners[(k + 1) % 4]];
          const [p, q] = [grid[a[1] * n + a[0]], grid[b[1] * n + b[0]]];
          if (p > level === q > level) continue;
          const t = (level - p) / (q - p);
          cut.push(point(a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])));
        }
        for (let k = 0; k + 1 < cut.length; k += 2) lines.push([cut[k], cut[k + 1]]);
      }
    }
    return lines;
  });
}
