// A plane of codes, as a pad to drag on: prior, verdict of D, codes of test images, and the code of now.

const PIXELS = 560;

/** Return where z lies in the plane (u, v), and how to get there: `at(z, u, v)` keeps what of z is not in the plane. */
function planeOf(page, buffer) {
  const origin = arrayIn(buffer, page.plane.origin), flat = arrayIn(buffer, page.plane.directions), d = page.z;
  const axes = [flat.subarray(0, d), flat.subarray(d, 2 * d)];
  const where = (z) => axes.map((axis) => axis.reduce((sum, a, j) => sum + a * (z[j] - origin[j]), 0));
  const at = (z, u, v) => {
    const [from, to] = where(z);
    return Array.from(z, (value, j) => value + (u - from) * axes[0][j] + (v - to) * axes[1][j]);
  };
  return { where, at, reach: page.plane.reach };
}

/** Return a canvas on which the state's z is dragged, or moved by arrow keys; `under(context)` draws below the point. */
function padOf(page, buffer, state, name, under) {
  const plane = planeOf(page, buffer), contours = contoursOf(page, buffer);
  const canvas = el("canvas", { width: PIXELS, height: PIXELS, className: "pad", tabIndex: 0, role: "application" });
  canvas.setAttribute("aria-label", `${name}: drag, or use the arrow keys`);
  const context = canvas.getContext("2d");
  const x = (u) => (PIXELS / 2) * (1 + u / plane.reach), y = (v) => (PIXELS / 2) * (1 - v / plane.reach);
  const pad = { canvas, plane, x, y, onHover: null };

  pad.draw = () => {
    context.clearRect(0, 0, PIXELS, PIXELS);
    under?.(context, pad);
    context.strokeStyle = colour("ink");
    context.lineWidth = 1.5;
    for (const [level, lines] of contours.entries()) {
      context.globalAlpha = 0.5 - 0.13 * level;
      context.beginPath();
      for (const [[u0, v0], [u1, v1]] of lines) {
        context.moveTo(x(u0), y(v0));
        context.lineTo(x(u1), y(v1));
      }
      context.stroke();
    }
    context.globalAlpha = 1;
    const [u, v] = plane.where(state.z);
    context.beginPath();
    context.arc(clip(x(u)), clip(y(v)), 11, 0, 7);
    context.fillStyle = colour("accent");
    context.strokeStyle = colour("card");
    context.lineWidth = 5;
    context.stroke();
    context.fill();
  };
  const clip = (pixel) => Math.min(PIXELS - 6, Math.max(6, pixel));
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [2 * (event.clientX - box.left) / box.width - 1, 1 - 2 * (event.clientY - box.top) / box.height]
      .map((share) => plane.reach * Math.min(1, Math.max(-1, share)));
  };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    state.set({ z: plane.at(state.z, ...place(event)) });
  };
  canvas.onpointermove = (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) state.set({ z: plane.at(state.z, ...place(event)) });
    else pad.onHover?.(...place(event));
  };
  canvas.onkeydown = (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const [u, v] = plane.where(state.z);
    state.set({ z: plane.at(state.z, u + (step[0] * plane.reach) / 25, v + (step[1] * plane.reach) / 25) });
  };
  return pad;
}

/** Return for each level of the prior's density the line segments on which it has that level (marching squares). */
function contoursOf(page, buffer) {
  if (!page.plane.density) return [];
  const grid = arrayIn(buffer, page.plane.density), n = page.plane.density.shape[0], reach = page.plane.reach;
  const point = (column, row) => [column, row].map((cell) => reach * ((2 * cell + 1) / n - 1));
  return page.plane.levels.map((level) => {
    const lines = [];
    for (let r = 0; r + 1 < n; r++) {
      for (let c = 0; c + 1 < n; c++) {
        const corners = [[c, r], [c + 1, r], [c + 1, r + 1], [c, r + 1]], cut = [];
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

function axesInWords(page) {
  if (page.z === 1) return "The horizontal axis is z.";
  if (page.z === 2) return "The two axes are the coordinates of z.";
  const [first, second] = page.plane.shares;
  return `z has ${page.z} dimensions. The pad has the two directions that change the ${nounOf(page)} most: ` +
    `${percent(first)} and ${percent(second)} of all change.`;
}
