// What the page shows now: a code (z, y), and the test image that it came from. It is kept in the address after #.

function stateOf(page, model, images) {
  const k = page.y.P;
  const listeners = [];
  const state = { z: null, y: null, image: null };
  let timer = 0;
  const oneHot = (j) => Array.from({ length: k }, (_, i) => (i === j ? 1 : 0));

  /** Take some of z, y and image; a change of the code alone is no longer that of the image. */
  state.set = (changes) => {
    Object.assign(state, { image: null }, changes);
    listeners.forEach((listener) => listener(state));
    clearTimeout(timer);
    timer = setTimeout(write, 250);
  };
  state.oneHot = oneHot;
  state.on = (listener) => listeners.push(listener);
  state.chooseY = (j) => state.set({ y: oneHot(j) });
  state.chosen = () => (state.y ? state.y.indexOf(Math.max(...state.y)) : -1);
  /** Return the code that P reads for test image i: where Q has no y and P reads one, y is the label of the image. */
  state.codeOf = (i) => {
    const { z, y } = model.encode(images.x(i));
    return { z, y: k ? (y ?? oneHot(Math.max(0, images.labels[i]))) : null };
  };
  state.showImage = (i) => state.set({ ...state.codeOf(i), image: i });

  function write() {
    const parts = [];
    if (state.image !== null) parts.push(`image=${state.image}`);
    else {
      parts.push(`z=${state.z.map((value) => Number(value.toFixed(3))).join(",")}`);
      const pairs = (state.y ?? []).map((share, j) => [j, share]).filter(([, share]) => share > 0.0005);
      if (k) parts.push(`y=${pairs.map(([j, share]) => `${j}:${Number(share.toFixed(3))}`).join(",")}`);
    }
    history.replaceState(null, "", `#${parts.join("&")}`);
  }

  /** Read the address; whatever is not a code of this model, or one of its images, is ignored. */
  state.read = () => {
    const parts = location.hash.slice(1, 20000).split("&");
    const given = Object.fromEntries(parts.map((part) => part.split("=", 2)));
    if (images && model.encode && /^\d{1,6}$/.test(given.image ?? "") && Number(given.image) < images.labels.length) {
      state.showImage(Number(given.image));
      return true;
    }
    if (!/^[-+.,e\d]+$/.test(given.z ?? "")) return false;
    const z = given.z.split(",").map((text) => (text === "" ? NaN : Number(text)));
    if (z.length !== page.z || !z.every((value) => Math.abs(value) < 1e4)) return false;
    const y = new Array(k).fill(0);
    for (const pair of (given.y ?? "").split(",")) {
      const [, j, share] = /^(\d{1,5}):(\d?\.?\d{1,6})$/.exec(pair) ?? [];
      if (j !== undefined && Number(j) < k) y[Number(j)] = Number(share);
    }
    const total = y.reduce((a, b) => a + b, 0);
    state.set({ z, y: !k ? null : total > 0 ? y.map((share) => share / total) : oneHot(0) });
    return true;
  };
  addEventListener("hashchange", state.read);
  return state;
}
