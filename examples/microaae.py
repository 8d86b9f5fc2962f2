"""A semi-supervised adversarial autoencoder: this is the whole algorithm, and tinyaae is the rest.

An encoder Q reads an image x and outputs ten class probabilities y and eight numbers z, the style.
A decoder P reads y and z and outputs the image again. D_cat predicts whether a y is a one-hot draw,
and D_gauss whether a z is a draw from N(0, I). Q is trained to make both wrong. D_gauss reads y,
too, so z becomes independent of y. Then P has to take the digit from y. 100 labels tie y_k to k.
(Makhzani et al. 2015, section 5.) `python examples/microaae.py` takes five minutes on two cores.
"""

import gzip
from pathlib import Path

import numpy as np

FLOAT = np.float32  # the type of all arrays


class Linear:  # y = x·W + b
    def __init__(self, d_in, d_out, rng):
        W = rng.standard_normal((d_in, d_out), dtype=FLOAT) / FLOAT(np.sqrt(3 * d_in))
        self.weights = [W, np.zeros(d_out, FLOAT)]

    def forward(self, x, training):  # x (n, d_in) -> y (n, d_out), for a batch of n examples
        self.x = x
        return x @ self.weights[0] + self.weights[1]

    def backward(self, dy):  # dy (n, d_out) -> dx (n, d_in), gradients of the loss in y and x
        self.gradients = [self.x.T @ dy, np.sum(dy, axis=0)]  # dW, db
        return dy @ self.weights[0].T


class BatchNorm:  # y = γ·x̂ + β,  x̂ = (x − μ)/σ,  with the mean μ and variance σ² of each column
    def __init__(self, d):
        self.weights = [np.ones(d, FLOAT), np.zeros(d, FLOAT)]  # γ, β
        self.running = np.array([np.zeros(d), np.ones(d)], FLOAT)  # averages of μ, σ² over batches

    def forward(self, x, training):  # (n, d) -> (n, d)
        if training:
            self.batch = np.array([np.mean(x, axis=0), np.var(x, axis=0)])
        mean, variance = self.batch if training else self.running
        self.scale = 1 / np.sqrt(variance + 1e-5)  # 1/σ
        self.xhat = (x - mean) * self.scale
        return self.weights[0] * self.xhat + self.weights[1]

    def backward(self, dy):  # μ and σ depend on x: dx = γ/σ · (dy − mean(dy) − x̂·mean(dy·x̂))
        dgamma, dbeta = np.sum(dy * self.xhat, axis=0), np.sum(dy, axis=0)
        self.gradients = [dgamma, dbeta]
        return self.weights[0] * self.scale * (dy - (dbeta + self.xhat * dgamma) / len(dy))


class ReLU:  # y = max(x, 0)
    weights = gradients = ()

    def forward(self, x, training):
        self.positive = x > 0
        return x * self.positive

    def backward(self, dy):
        return dy * self.positive


def sigmoid(logits):  # s(l) = 1/(1 + e⁻ˡ), in a form that does not overflow
    return (np.tanh(logits / 2) + 1) / 2


class Network:
    def __init__(self, d_in, h, d_out, rng, batch_norm=False):
        self.layers = []
        for a, b in (d_in, h), (h, h), (h, d_out):
            norm = [BatchNorm(b)] if batch_norm else []
            self.layers += [Linear(a, b, rng), *norm, ReLU()]
        self.layers.pop()  # the output has no ReLU

    def forward(self, x, training=True):
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, dy):
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    def cross_entropy(self, x, t, n):  # -> the sum over all outputs l, divided by n, and its dx
        # −t·ln s(l) − (1 − t)·ln(1 − s(l)) = ln(1 + eˡ) − t·l, whose derivative in l is s(l) − t
        logits = self.forward(x)
        loss = np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits))) - t * logits
        return np.sum(loss) / n, self.backward((sigmoid(logits) - t) / n)


class Optimizer:  # Adam (Kingma and Ba 2015), or gradient descent with momentum
    def __init__(self, layers, rate, beta, adam=True):
        self.layers, self.rate, self.beta, self.adam, self.steps = layers, rate, beta, adam, 0
        self.m = [np.zeros_like(w) for layer in layers for w in layer.weights]
        self.v = [np.zeros_like(m) for m in self.m]

    def step(self, decay):
        self.steps += 1
        weights = [w for layer in self.layers for w in layer.weights]
        gradients = [dw for layer in self.layers for dw in layer.gradients]
        for w, dw, m, v in zip(weights, gradients, self.m, self.v, strict=True):
            if self.adam:
                m[...] = self.beta * m + (1 - self.beta) * dw
                v[...] = 0.999 * v + 0.001 * dw * dw
                mhat, vhat = m / (1 - self.beta**self.steps), v / (1 - 0.999**self.steps)
                w -= self.rate * decay * mhat / (np.sqrt(vhat) + 1e-8)
            else:
                m[...] = self.beta * m + dw
                w -= self.rate * decay * m


class AdversarialAutoencoder:
    def __init__(self, rng, d=784, k=10, z=8, h=400):
        self.rng, self.k, self.decay = rng, k, 1.0  # decay multiplies every rate
        self.Q = Network(d, h, k + z, rng, batch_norm=True)
        self.P = Network(k + z, h, d, rng)
        self.D_cat = Network(k, h, 1, rng)
        self.D_gauss = Network(z + k, h, 1, rng)
        self.reconstruct = Optimizer(self.Q.layers + self.P.layers, 1e-3, 0.9)
        self.discriminate = Optimizer(self.D_cat.layers + self.D_gauss.layers, 6e-4, 0.5)
        self.generate = Optimizer(self.Q.layers, 6e-4, 0.5)
        self.classify = Optimizer(self.Q.layers, 0.1, 0.9, adam=False)

    def encode(self, x):  # (n, d) -> y (n, k), z (n, z)
        h = self.Q.forward(x + 0.4 * self.rng.standard_normal(x.shape, dtype=FLOAT))
        e = np.exp(h[:, : self.k] - np.max(h[:, : self.k], axis=1, keepdims=True))
        return e / np.sum(e, axis=1, keepdims=True), h[:, self.k :]  # y is a softmax

    def encode_backward(self, y, dy, dz):
        dlogits = y * (dy - np.sum(dy * y, axis=1, keepdims=True))
        self.Q.backward(np.hstack([dlogits, dz]))

    def step(self, x, x_labelled, t):  # images (n, d), labelled ones (m, d), their labels (m, k)
        # Reconstruction: Q and P minimise the cross-entropy of P(y, z) and x.
        y, z = self.encode(x)
        n, k = y.shape
        loss_x, dyz = self.P.cross_entropy(np.hstack([y, z]), x, n)
        self.encode_backward(y, dyz[:, :k], dyz[:, k:])
        self.reconstruct.step(self.decay)
        for norm in self.Q.layers[1::3]:  # only this phase moves the running averages
            norm.running += 0.1 * (norm.batch - norm.running)

        # Discriminate: D_cat and D_gauss minimise −ln s(D(real)) − ln(1 − s(D(fake))).
        y, z = self.encode(x)
        y_real = np.eye(k, dtype=FLOAT)[self.rng.integers(k, size=n)]
        z_real = self.rng.standard_normal(z.shape, dtype=FLOAT)
        zy, zy_real = np.hstack([z, y]), np.hstack([z_real, y])
        target = np.vstack([np.ones((n, 1), FLOAT), np.zeros((n, 1), FLOAT)])
        loss_d_cat, _ = self.D_cat.cross_entropy(np.vstack([y_real, y]), target, n)
        loss_d_gauss, _ = self.D_gauss.cross_entropy(np.vstack([zy_real, zy]), target, n)
        self.discriminate.step(self.decay)

        # Generate: Q minimises −ln s(D(fake)), for D_cat through y, for D_gauss through z alone.
        loss_y, dy = self.D_cat.cross_entropy(y, 1, n)
        loss_z, dzy = self.D_gauss.cross_entropy(zy, 1, n)
        self.encode_backward(y, dy, dzy[:, :-k])
        self.generate.step(self.decay)

        # SemiSupervised: Q minimises −ln y_k, where k is the label, and t the label as one-hot.
        y, z = self.encode(x_labelled)
        loss_t = -np.mean(np.log(np.sum(t * y, axis=1)))
        self.Q.backward(np.hstack([(y - t) / len(t), np.zeros_like(z)]))  # dlogits, dz
        self.classify.step(self.decay)
        return loss_x, loss_d_cat, loss_d_gauss, loss_y, loss_z, loss_t


def load(part):  # "train" or "t10k" -> images (n, 784) in [0, 1], labels (n,)
    path = Path(__file__).resolve().parent.parent / "tinyaae" / "data"
    images = gzip.decompress((path / f"{part}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((path / f"{part}-labels-idx1-ubyte.gz").read_bytes())
    x = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 784) / FLOAT(255)
    return x, np.frombuffer(labels, np.uint8, offset=8)


def main(seed=0, epochs=17):
    rng = np.random.default_rng(seed)
    (x, labels), (x_test, labels_test) = load("train"), load("t10k")
    known = np.ravel([rng.choice(np.where(labels == k)[0], 10, replace=False) for k in range(10)])
    t = np.eye(10, dtype=FLOAT)[labels[known]]  # ten labels of each class
    model = AdversarialAutoencoder(rng)
    for epoch in range(epochs):
        losses = []
        for batch in rng.permutation(len(x)).reshape(-1, 100):
            progress = (epoch + len(losses) / 600) / epochs
            model.decay = min(1, max(0.01, 4 * (1 - progress)))  # linear, over the last quarter
            losses.append(model.step(x[batch], x[known], t))
        row = "epoch {}: image {:.1f}, D_cat {:.2f}, D_gauss {:.2f}, Q {:.2f} {:.2f}, labels {:.4f}"
        print(row.format(epoch + 1, *np.mean(losses, axis=0)))
    predicted = np.argmax(model.Q.forward(x_test, training=False)[:, :10], axis=1)
    print(f"test error {np.mean(predicted != labels_test):.2%}")
    # Content accuracy: of samples P(y, z), the share whose nearest training image has the class y.
    y, z = np.arange(1000) % 10, rng.standard_normal((1000, 8), dtype=FLOAT)
    samples = sigmoid(model.P.forward(np.hstack([np.eye(10, dtype=FLOAT)[y], z])))
    square = np.sum(x * x, axis=1)
    nearest = [np.argmin(square - 2 * part @ x.T, axis=1) for part in np.split(samples, 10)]
    print(f"content accuracy {np.mean(labels[np.ravel(nearest)] == y):.1%}")


if __name__ == "__main__":
    main()
