// The networks as they compute in evaluation: layers over weights that were stored in 8 bits.

const TYPES = { int8: Int8Array, uint8: Uint8Array, int16: Int16Array, float32: Float32Array };

/** Return the typed array that `described` ({at, shape, type}) finds in the bytes of the page. */
function arrayIn(buffer, described) {
  const size = described.shape.reduce((a, b) => a * b, 1);
  return new TYPES[described.type](buffer, described.at, size);
}

/** Return row k of a stored array (n, d). */
function rowOf(array, k, d) {
  return Array.from(array.subarray(k * d, (k + 1) * d));
}

/** Return the rows of a stored array (n, d). */
function rowsOf(buffer, described) {
  const [n, d] = described.shape;
  return Array.from({ length: n }, (_, k) => rowOf(arrayIn(buffer, described), k, d));
}

function dequantized(q, scale) {
  const W = new Float32Array(q.length);
  for (let i = 0; i < q.length; i++) W[i] = q[i] * scale[i % scale.length];
  return W;
}

const LAYERS = {
  linear(x, { W, b }) {
    const y = Float64Array.from(b);
    for (let i = 0; i < x.length; i++) {
      if (x[i] === 0) continue;
      for (let j = 0, at = i * b.length; j < b.length; j++, at++) y[j] += x[i] * W[at];
    }
    return y;
  },
  affine: (x, { slope, shift }) => x.map((value, j) => value * slope[j] + shift[j]),
  relu: (x) => x.map((value) => Math.max(value, 0)),
  leaky: (x, { slope }) => x.map((value) => (value > 0 ? value : slope * value)),
  tanh: (x) => x.map(Math.tanh),
  sigmoid: (x) => x.map(sigmoid),
  pad: (x, { zeros }) => Float64Array.of(...x, ...new Array(zeros).fill(0)),
  heads(x, { W, k, d }) {
    const r = Float64Array.from({ length: d }, (_, j) => x[k + j]);
    for (let i = 0; i < k; i++) for (let j = 0; j < d; j++) r[j] += x[i] * W[i * d + j];
    return r;
  },
};

function sigmoid(value) {
  return (Math.tanh(value / 2) + 1) / 2;
}

function softmax(logits) {
  const highest = Math.max(...logits);
  const e = logits.map((value) => Math.exp(value - highest));
  const total = e.reduce((a, b) => a + b, 0);
  return e.map((value) => value / total);
}

/** Return a function from x (d_in) to y (d_out) that does what the described layers do, one after another. */
function network(layers, buffer) {
  const built = layers.map((layer) => {
    const found = { ...layer };
    for (const name of ["b", "slope", "shift"]) if (layer[name]?.type) found[name] = arrayIn(buffer, layer[name]);
    if (layer.q) found.W = dequantized(arrayIn(buffer, layer.q), arrayIn(buffer, layer.scale));
    if (layer.is === "heads") [found.W, [found.k, found.d]] = [arrayIn(buffer, layer.W), layer.W.shape];
    return found;
  });
  return (x) => built.reduce((h, layer) => LAYERS[layer.is](h, layer), Float64Array.from(x));
}

/** Return the model of a page: encode(x), decode(z, y) and judge(z, y), where it has them. */
function modelOf(page, buffer) {
  const nets = {};
  const k = page.y.Q;
  for (const name in page.networks) nets[name] = network(page.networks[name], buffer);
  const model = { decode: (z, y) => nets.P(page.y.P ? [...y, ...z] : z) };
  if (nets.Q) {
    model.encode = (x) => {
      const h = Array.from(nets.Q(x)); // a Gaussian q(z|x) has its mean first
      return { y: k ? softmax(h.slice(0, k)) : null, z: h.slice(k, k + page.z) };
    };
  }
  if (nets.D) {
    const unlabelled = [...page.label_names.map(() => 0), 1];
    const beside = { y: (y) => y, label: () => unlabelled, z: () => [] }[page.D_reads];
    model.judge = (z, y) => nets.D([...z, ...beside(y)])[0];
  }
  return model;
}
