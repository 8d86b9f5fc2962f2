// Unpack what the page holds, and start its panels.

async function unpacked(text) {
  const characters = atob(text);
  const packed = new Uint8Array(characters.length);
  for (let i = 0; i < packed.length; i++) packed[i] = characters.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

function imagesOf(page, buffer) {
  if (!page.images) return null;
  const { x, labels, z, extra, cells } = page.images;
  const pixels = arrayIn(buffer, x);
  const divisor = x.type === "uint8" ? 255 : 1;
  return {
    labels,
    cells,
    name: (i) => `test ${page.noun} ${i + 1}${page.label_names[labels[i]]?.replace(/^/, ", label ") ?? ""}`,
    count: labels.length - extra,
    x: (i) => rowOf(pixels, i, page.inputs).map((value) => value / divisor),
    codes: z ? rowsOf(buffer, z) : null,
  };
}

async function start() {
  const page = JSON.parse(byId("data").textContent);
  const buffer = await unpacked(byId("arrays").textContent);
  const model = modelOf(page, buffer);
  const images = imagesOf(page, buffer);
  const state = stateOf(page, model, images);
  const draws = page.draws ? rowsOf(buffer, page.draws) : null;
  document.title = `${page.run}: explore a model`;
  for (const [id, text] of Object.entries(page.words)) byId(id).textContent = text;
  for (const place of document.querySelectorAll(".noun")) place.textContent = page.noun;
  readPanel(page, model, state, images);
  const boards = [paintPanel(page, model, state, draws, buffer), mapPanel(page, model, state, images, draws, buffer)];
  boards.push(replayPanel(page, buffer, curvesPanel(page)));
  reportPanel(page, state, images);
  if (!state.read()) {
    const z = draws?.[0] ?? Array.from(arrayIn(buffer, page.plane.origin));
    if (images && model.encode) state.showImage(0);
    else state.set({ z, y: page.y.P ? page.y.names.map((_, j) => (j ? 0 : 1)) : null });
  }
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", () => boards.forEach((board) => board?.draw()));
  window.tinyaae = { page, model, state };
  document.documentElement.dataset.ready = "yes";
}

start().catch((error) => {
  byId("run").textContent = `This page could not start (${error.message}); a browser of 2023 or later can show it.`;
  throw error;
});
