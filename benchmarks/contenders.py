"""The contenders: the same training step in tinyaae, PyTorch and JAX, and the matrix products alone.

Each is a class made from a `Workload`; `step(images)` trains once and returns the losses in the order of `LOSSES` (or
None: nobody has to wait for a device), `finish()` waits until the device is done. The peers are written as a good user
of the library would write them: one pass of Q serves both halves of the regularization, codes are detached where D
learns, D's weights want no gradient where Q learns, and nothing is copied that need not be.

`draws` is where noise comes from. In a race each contender uses its library's own generator; in the test that compares
their losses all are handed the same noise.
"""

import numpy as np

from .workload import CLASSES, MOMENTA, NOISE, RATES, STYLE

LOSSES = ("half_squared_error", "D_cat", "D_gauss", "G_cat", "G_gauss", "classification")


class Tinyaae:
    """This library on NumPy or CuPy."""

    def __init__(self, work, threads, backend="numpy", dtype="float32", communicator=None):
        from tinyaae import Backend, build
        from tinyaae.config import Config
        from tinyaae.optimizers import Adam, Momentum

        self.backend = Backend.named(backend, dtype)
        if communicator is not None:
            self.backend.join(communicator)
        config = Config.of(
            "semi-supervised", "paper", hidden=(work.width, work.width), optimizer=work.optimizer, input_noise=NOISE,
            z=STYLE, batch_size=work.batch,
        )  # fmt: skip
        self.model = build(config, self.backend)
        for name, layers in work.weights().items():
            flat = np.concatenate([part.ravel() for pair in layers for part in pair])
            self.model.networks[name].flat[...] = self.backend.array(flat)
        rates, momenta = RATES[work.optimizer], MOMENTA[work.optimizer]
        kind = Adam if work.optimizer == "adam" else Momentum
        purposes = ("reconstruction", "adversarial", "adversarial", "classifier")
        for phase, purpose in zip(self.model.phases_with_optimizer(), purposes, strict=True):
            phase.optimizer = kind(rates[purpose], momenta[purpose])
            phase.optimizer.bind(self.backend, phase.gradients.flat.shape[0])

    def load(self, images):
        from tinyaae.phases import Batch

        return Batch(*[self.backend.array(part) for part in images])

    def step(self, batch):
        values = self.model.step(batch)
        return [values[name] for name in LOSSES]

    def finish(self):
        self.backend.synchronize()


class Floor:
    """The matrix products of the step and nothing else, each into memory that exists already."""

    def __init__(self, work, threads):
        rng = np.random.default_rng(0)
        arrays = {}

        def array(*shape):
            return arrays.setdefault(shape, rng.normal(size=shape).astype(np.float32))

        self.products = []
        for kind, m, k, n in work.products():
            a = array(k, m).T if kind == "x.T@dy" else array(m, k)
            b = array(n, k).T if kind == "dy@W.T" else array(k, n)
            self.products.append((a, b, np.empty((m, n), np.float32)))

    def load(self, images):
        return images

    def step(self, batch):
        for a, b, out in self.products:
            np.matmul(a, b, out=out)

    def finish(self):
        pass


class Torch:
    """PyTorch: `fused` for the optimizers that come as one kernel, `compiled` for torch.compile on every loss."""

    def __init__(self, work, threads, fused=False, compiled=False, device="cpu", mode="default", draws=None):
        import torch
        from torch import nn
        from torch.nn import functional as F

        torch.set_num_threads(threads)
        self.torch, self.device = torch, device
        nets = {}
        for name, layers in work.weights().items():
            stack = []
            for W, b in layers:
                linear = nn.Linear(*W.shape)
                linear.weight.data, linear.bias.data = torch.tensor(W.T.copy()), torch.tensor(b)
                stack += [linear, nn.ReLU()]
            nets[name] = nn.Sequential(*stack[:-1]).to(device)
        q, p, d_cat, d_gauss = (nets[name] for name in ("Q", "P", "D_cat", "D_gauss"))
        adversaries = [*d_cat.parameters(), *d_gauss.parameters()]
        n, draws = work.batch, draws or TorchDraws(torch, device)
        self.draws, ones, zeros = draws, torch.ones(n, 1, device=device), torch.zeros(n, 1, device=device)
        both = torch.cat([ones, zeros])

        def encode(x, noise):
            h = q(x + NOISE * noise)
            return h[:, :CLASSES], h[:, CLASSES:]

        def reconstruction(x, noise):
            logits, z = encode(x, noise)
            image = torch.sigmoid(p(torch.cat([F.softmax(logits, 1), z], 1)))
            return ((image - x) ** 2).sum() / (2 * n)

        def codes(x, noise):
            logits, z = encode(x, noise)
            return F.softmax(logits, 1), z

        def discriminate(y, z, real_y, real_z):
            pairs = (d_cat, real_y, y), (d_gauss, real_z, z)
            return [2 * F.binary_cross_entropy_with_logits(d(torch.cat([a, b])), both) for d, a, b in pairs]

        def generate(y, z):
            return [F.binary_cross_entropy_with_logits(d(code), ones) for d, code in ((d_cat, y), (d_gauss, z))]

        def classify(x, y, noise):
            return F.cross_entropy(encode(x, noise)[0], y)

        functions = [reconstruction, codes, discriminate, generate, classify]
        if compiled:
            functions = [torch.compile(function, mode=mode) for function in functions]
        self.functions, self.adversaries = functions, adversaries

        def optimizer(purpose, *parameters):
            parameters = [part for group in parameters for part in group]
            rate, momentum = RATES[work.optimizer][purpose], MOMENTA[work.optimizer][purpose]
            if work.optimizer == "adam":
                return torch.optim.Adam(parameters, rate, (momentum, 0.999), fused=fused)
            return torch.optim.SGD(parameters, rate, momentum, fused=fused)

        self.optimizers = [
            optimizer("reconstruction", q.parameters(), p.parameters()),
            optimizer("adversarial", adversaries),
            optimizer("adversarial", q.parameters()),
            optimizer("classifier", q.parameters()),
        ]

    def load(self, images):
        return [self.torch.tensor(part, device=self.device) for part in images]

    def step(self, batch):
        x, x_labelled, y_labelled = batch
        reconstruction, codes, discriminate, generate, classify = self.functions
        first, second, third, fourth = self.optimizers
        draws, n = self.draws, x.shape[0]

        def descend(loss, optimizer):
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        r_loss = reconstruction(x, draws.normal(x.shape))
        descend(r_loss, first)
        y, z = codes(x, draws.normal(x.shape))
        d_losses = discriminate(y.detach(), z.detach(), draws.one_hot(n, CLASSES), draws.normal((n, STYLE)))
        descend(sum(d_losses), second)
        for parameter in self.adversaries:
            parameter.requires_grad_(False)
        g_losses = generate(y, z)
        descend(sum(g_losses), third)
        for parameter in self.adversaries:
            parameter.requires_grad_(True)
        c_loss = classify(x_labelled, y_labelled, draws.normal(x.shape))
        descend(c_loss, fourth)
        return [r_loss.detach(), *(loss.detach() for loss in (*d_losses, *g_losses)), c_loss.detach()]

    def finish(self):
        if self.device == "cuda":
            self.torch.cuda.synchronize()


class TorchDraws:
    """Noise from PyTorch's own generator."""

    def __init__(self, torch, device):
        self.torch, self.device = torch, device

    def normal(self, shape):
        return self.torch.randn(shape, device=self.device)

    def one_hot(self, n, k):
        chosen = self.torch.randint(k, (n,), device=self.device)
        return self.torch.nn.functional.one_hot(chosen, k).to(self.torch.float32)


class Jax:
    """JAX: the whole step under one `jit`, parameters and optimizer state donated to it."""

    def __init__(self, work, threads, draws=None):
        import jax
        import jax.numpy as jnp

        self.jax, n, relu = jax, work.batch, jax.nn.relu
        self.draws = draws
        rates, momenta = RATES[work.optimizer], MOMENTA[work.optimizer]
        ones = jnp.ones((n, 1))
        both = jnp.concatenate([ones, jnp.zeros((n, 1))])

        def run(layers, x):
            for W, b in layers[:-1]:
                x = relu(x @ W + b)
            W, b = layers[-1]
            return x @ W + b

        def bce(logits, target):
            return jnp.mean(jnp.maximum(logits, 0) - logits * target + jnp.log1p(jnp.exp(-jnp.abs(logits))))

        def encode(q, x, noise):
            h = run(q, x + NOISE * noise)
            return h[:, :CLASSES], h[:, CLASSES:]

        def codes(q, x, noise):
            logits, z = encode(q, x, noise)
            return jax.nn.softmax(logits), z

        def reconstruction(pair, x, noise):
            q, p = pair
            y, z = codes(q, x, noise)
            image = jax.nn.sigmoid(run(p, jnp.concatenate([y, z], 1)))
            return jnp.sum((image - x) ** 2) / (2 * n)

        def discriminate(adversaries, code, real):
            losses = [
                2 * bce(run(d, jnp.concatenate([r, c])), both) for d, r, c in zip(adversaries, real, code, strict=True)
            ]
            return sum(losses), losses

        def generate(code, adversaries):
            losses = [bce(run(d, c), ones) for d, c in zip(adversaries, code, strict=True)]
            return sum(losses), losses

        def classify(q, x, y, noise):
            return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(encode(q, x, noise)[0]), 1))

        def descend(parameters, gradients, state, purpose, t):
            rate, beta = rates[purpose], momenta[purpose]
            leaves, form = jax.tree.flatten(parameters)
            moved, kept = [], []
            for w, dw, old in zip(leaves, jax.tree.leaves(gradients), state, strict=True):
                if work.optimizer == "adam":
                    m, v = beta * old[0] + (1 - beta) * dw, 0.999 * old[1] + 0.001 * dw * dw
                    w = w - rate * (m / (1 - beta**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8)
                    kept.append((m, v))
                else:
                    v = beta * old[0] + dw
                    w = w - rate * v
                    kept.append((v,))
                moved.append(w)
            return form.unflatten(moved), kept

        def step(nets, states, t, batch, noise):
            x, x_labelled, y_labelled = batch
            t = t + 1
            q, p, adversaries = nets
            r_loss, gradients = jax.value_and_grad(reconstruction)((q, p), x, noise[0])
            (q, p), first = descend((q, p), gradients, states[0], "reconstruction", t)
            code, back = jax.vjp(lambda q: codes(q, x, noise[1]), q)
            (_, d_losses), gradients = jax.value_and_grad(discriminate, has_aux=True)(adversaries, code, noise[2:4])
            adversaries, second = descend(adversaries, gradients, states[1], "adversarial", t)
            (_, g_losses), dcode = jax.value_and_grad(generate, has_aux=True)(code, adversaries)
            q, third = descend(q, back(dcode)[0], states[2], "adversarial", t)
            c_loss, gradients = jax.value_and_grad(classify)(q, x_labelled, y_labelled, noise[4])
            q, fourth = descend(q, gradients, states[3], "classifier", t)
            losses = jnp.stack([r_loss, *d_losses, *g_losses, c_loss])
            return (q, p, adversaries), (first, second, third, fourth), t, losses

        def drawn(key):
            keys = jax.random.split(key, 6)
            shape = (n, work.sizes["Q"][0])
            y = jax.nn.one_hot(jax.random.randint(keys[2], (n,), 0, CLASSES), CLASSES)
            normal = jax.random.normal
            noise = [normal(keys[0], shape), normal(keys[1], shape), y, normal(keys[3], (n, STYLE))]
            return keys[5], [*noise, normal(keys[4], shape)]

        def step_with_own_noise(nets, states, t, batch, key):
            key, noise = drawn(key)
            return *step(nets, states, t, batch, noise), key

        weights = jax.tree.map(jnp.asarray, work.weights())
        q, p, adversaries = weights["Q"], weights["P"], [weights["D_cat"], weights["D_gauss"]]
        slots = 2 if work.optimizer == "adam" else 1

        def zeros(tree):
            return [tuple(jnp.zeros_like(leaf) for _ in range(slots)) for leaf in jax.tree.leaves(tree)]

        self.state = (q, p, adversaries), (zeros((q, p)), zeros(adversaries), zeros(q), zeros(q)), jnp.zeros(())
        self.key = jax.random.key(0)
        self.jitted = jax.jit(step if draws else step_with_own_noise, donate_argnums=(0, 1))

    def load(self, images):
        return [self.jax.numpy.asarray(part) for part in images]

    def step(self, batch):
        if self.draws:
            *self.state, losses = self.jitted(*self.state, batch, self.draws.all())
        else:
            *self.state, losses, self.key = self.jitted(*self.state, batch, self.key)
        self.losses = losses
        return losses

    def finish(self):
        self.losses.block_until_ready()
