// Unpack what the page holds, and start its panels.

async function unpacked(text) {
  const characters = atob(text), packed = new Uint8Array(characters.length);
  for (let i = 0; i < packed.length; i++) packed[i] = characters.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

function imagesOf(page, buffer) {
  if (!page.images) return null;
  const { x, labels, z } = page.images, pixels = arrayIn(buffer, x), d = page.inputs;
  const divisor = x.type === "uint8" ? 255 : 1;
  return {
    labels,
    x: (i) => rowOf(pixels, i, d).map((value) => value / divisor),
    codes: z ? labels.map((_, i) => rowOf(arrayIn(buffer, z), i, page.z)) : null,
  };
}

async function start() {
  const page = JSON.parse(byId("data").textContent), buffer = await unpacked(byId("arrays").textContent);
  const model = modelOf(page, buffer), images = imagesOf(page, buffer), state = stateOf(page, model, images);
  const draws = page.draws ? Array.from({ length: page.draws.shape[0] }, (_, i) => rowOf(arrayIn(buffer, page.draws), i, page.z)) : null;
  document.title = `${page.run}: explore a model`;
  byId("run").textContent = [page.run, `mode ${page.mode}`, page.prior ? `${page.prior} prior` : "", page.epoch].filter(Boolean).join(" · ");
  byId("idea").textContent = `The mode ${page.mode}: ${page.about}. Its networks run in this page.`;
  for (const place of document.querySelectorAll(".noun")) place.textContent = nounOf(page);
  readPanel(page, model, state, images);
  const pad = paintPanel(page, model, state, draws, buffer), map = mapPanel(page, model, state, images, buffer);
  curvesPanel(page);
  reportPanel(page);
  if (!state.read()) {
    if (images && model.encode) state.showImage(0);
    else state.set({ z: draws?.[0] ?? Array.from(arrayIn(buffer, page.plane.origin)), y: page.y.P ? page.y.names.map((_, j) => (j ? 0 : 1)) : null });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    pad.draw();
    map?.draw();
    curvesPanel(page);
  });
  window.tinyaae = { page, model, state };
  document.documentElement.dataset.ready = "yes";
}

start().catch((error) => {
  byId("run").textContent = `This page could not start (${error.message}); a browser of 2023 or later can show it.`;
  throw error;
});
