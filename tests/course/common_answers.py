"""Answers that people give to exercises, and what the check says about each.

Number -> the right answer, and the wrong ones. A wrong answer is a line of the right one with another in its place, or
a whole body, and the words that its message must hold: the name of the slip, or that of the exception.
"""

ANSWERS = {
    "1.1": (
        "return x @ W + b",
        [
            (None, "return W @ x + b", "ValueError"),
            (None, "return x @ W", "b is not added"),
            (None, "y = x @ W + b", "it returned nothing (None), expected y; is there a `return`?"),
            (None, "return x @ W + b[:, None]", "ValueError"),
            (None, "return x @ W - b", "b is subtracted; it should be added"),
            (
                None,
                """\
y = x @ W
for i in range(2):
    y = y + b
return y""",
                "b is added twice; is that line inside a loop",
            ),
            (None, "return x @ W + b, x", "it returned 2 things, expected 1: y"),
            (
                None,
                "return (x @ W + b).tolist()",
                "y came as a list, expected an array of NumPy; np.array(…) makes one of a list",
            ),
            (None, "return X @ W + b", "NameError"),
            (
                None,
                "return x @ W + b.sum()",
                "the sum of b is added to every output; each output has its own element of b",
            ),
        ],
    ),
    "1.2": (
        """\
dx = dy @ W.T
dW = x.T @ dy
db = dy.sum(axis=0)
return dx, dW, db""",
        [
            (None, "return dy @ W.T, x.T @ dy, dy", "db has one step left: take the sum over axis 0, from"),
            (
                None,
                "return dy @ W.T, x.T @ dy, dy.sum(axis=1)",
                "db is summed along each row (axis 1); it is a sum over the rows (axis 0)",
            ),
            (
                None,
                "return dy @ W.T, x.T @ dy, dy.sum(axis=0, keepdims=True)",
                "db has the right numbers, but an axis of size 1 too many or too few: (1,",
            ),
            (
                None,
                "return dy @ W.T, x.T @ dy, np.ones(dy.shape[1])",
                "db does not depend on dy: b reaches the loss through every row of dy",
            ),
            (None, "return W @ dy.T, x.T @ dy, dy.sum(axis=0)", "dx is transposed"),
            (None, "return dy @ W.T, dy.T @ x, dy.sum(axis=0)", "dW is transposed"),
            (
                None,
                "return dy @ W.T, x.T @ dy / len(x), dy.sum(axis=0)",
                "dW is averaged over the batch; the loss does that already",
            ),
            (
                None,
                "return dy @ W.T, x.T @ dy, dy.mean(axis=0)",
                "db is a mean over the batch where it should be a sum",
            ),
            (None, "return dy @ W.T, x.T @ dy", "it returned 2 things, expected 3: dx, dW, db"),
            (None, "return -dy @ W.T, x.T @ dy, dy.sum(axis=0)", "dx: the sign is flipped"),
            (
                None,
                "return dy @ W.T, x.T @ np.ones_like(dy), dy.sum(axis=0)",
                "dW does not depend on dy: each weight's input should be multiplied by the dy of its output",
            ),
        ],
    ),
    "1.3": (
        """\
d = (above - below) / (2 * h)
scale = max(np.abs(d).max(), np.abs(ours).max())
return d, np.abs(d - ours).max() / scale""",
        [
            (
                None,
                """\
d = (above - below) / h
return d, np.abs(d - ours).max() / max(np.abs(d).max(), np.abs(ours).max())""",
                "differences: divided by h where the two sides are 2h apart",
            ),
            (
                None,
                """\
d = (above - below) / (2 * h)
return d, np.max(np.abs(d - ours) / np.maximum(np.abs(d), np.abs(ours)))""",
                "the error divides element by element; here one number, the largest, divides all",
            ),
            (
                None,
                """\
d = (above - below) / (2 * h)
return d, (d - ours).max() / max(d.max(), ours.max())""",
                "the absolute values are missing in the error: a negative difference counts, too",
            ),
            (
                None,
                """\
d = (above - below) / (2 * h)
return d, np.abs(d - ours).max() / np.abs(ours).max()""",
                "the error is relative to our gradient alone; the larger of the two should divide",
            ),
            (
                None,
                """\
d = (above - below) / (2 * h)
return d, np.abs(d - ours).max()""",
                "the error is absolute; relative means divided by the larger gradient",
            ),
            (
                None,
                """\
d = (above - below) / (2 * h)
return np.abs(d - ours).max() / max(np.abs(d).max(), np.abs(ours).max())""",
                "it returned 1 thing, expected 2: differences, error",
            ),
            (
                None,
                """\
d = (above - below) / (2 * h)
return d, np.abs(d - ours).max() / max(np.abs(d), np.abs(ours))""",
                "ValueError",
            ),
        ],
    ),
    "2.1": (
        "return W1 @ W2, b1 @ W2 + b2",
        [
            (None, "return W2 @ W1, b1 @ W2 + b2", "ValueError"),
            (None, "return W1 @ W2, b1 + b2", "ValueError"),
            (None, "return W1 @ W2, b1 @ W2", "b2 is not in it"),
            (None, "return W1 + W2, b1 @ W2 + b2", "ValueError"),
            (
                None,
                "return W1 @ W2, (b1[None] @ W2 + b2)",
                "b has the right numbers, but an axis of size 1 too many or too few: (1,",
            ),
            (None, "return x @ W1 @ W2, b1 @ W2 + b2", "NameError"),
        ],
    ),
    "2.2": (
        """\
y = np.maximum(x, 0)
return y, (x > 0).astype(float)""",
        [
            (None, "return max(x, 0), (x > 0) * 1.0", "ValueError"),
            (
                None,
                """\
if x > 0:
    return x, 1
return 0, 0""",
                "ValueError",
            ),
            (None, "return (x > 0) * 1.0", "it returned 1 thing, expected 2: y, slope"),
            (None, "return np.maximum(x, 0)", "it returned 1 thing, expected 2: y, slope"),
            (
                None,
                """\
slope = (x > 0) * 1.0
x[x < 0] = 0
return x, slope""",
                "it changed its argument x in place, which the caller still needs; make a new array, as x = x − …",
            ),
            (
                None,
                "return np.maximum(x, 0), (x >= 0) * 1.0",
                "the slope at x = 0 is 1; it is 1 where x > 0 and 0 elsewhere, so also at 0",
            ),
            (None, "return np.minimum(x, 0), (x < 0) * 1.0", "the slope is that of the mirror image, x for −x"),
            (
                None,
                "return np.where(x > 0, x, 0.01 * x), np.where(x > 0, 1, 0.01)",
                "a hundredth of each negative input leaks through, as in a leaky ReLU; ours gives 0 there",
            ),
        ],
    ),
    "2.3": (
        """\
dW2 = h.T @ dy
db2 = dy.sum(axis=0)
dh = dy @ W2.T
du = dh * slope
dW1 = x.T @ du
db1 = du.sum(axis=0)
dx = du @ W1.T
return dx, dW1, db1, dW2, db2""",
        [
            (
                "du = dh * slope",
                "du = dh",
                "the gradient is not multiplied by the slope of the activation on its way down",
            ),
            (
                None,
                """\
dh = dy @ W2.T
return dh @ W1.T, x.T @ (dh*slope), (dh*slope).sum(0), h.T @ dy, dy.sum(0)""",
                "dx leaves out the slope of the activation",
            ),
            ("du = dh * slope", "du = dh * h", "dh is multiplied by h; the slope of the activation belongs there"),
            ("dW2 = h.T @ dy", "dW2 = slope.T @ dy", "dW2 is made with the slope; the second layer has read h"),
            (
                "du = dh * slope",
                "du = dh * (h > 0)",
                "the slope is made from h > 0; it is given, and its activation need not be a ReLU",
            ),
            (
                "return dx, dW1, db1, dW2, db2",
                "return dW1, db1, dW2, db2, dx",
                "the order of the outputs; dW1, db1, dW2, db2, dx came, expected dx, dW1, db1, dW2, db2",
            ),
            ("dW2 = h.T @ dy", "dW2 = x.T @ dy", "dW2 is made with x; the second layer has read h"),
            ("du = dh * slope", "du = dh @ slope.T", "ValueError"),
            ("dW2 = h.T @ dy", "dW2 = h.T @ dy / len(dy)", "dW2 is averaged over the batch; the loss does that"),
            (
                "dW2 = h.T @ dy",
                "dW2 = (h*slope).T @ dy",
                "dW2 has the slope in it; the activation lies below the second layer",
            ),
        ],
    ),
    "2.4": (
        "return y * (dy - np.sum(dy * y, axis=1, keepdims=True))",
        [
            (None, "return dy * y * (1 - y)", "dx is dy·y(1 − y), as if each output depended on its own score alone"),
            (None, "return y * (dy - np.sum(dy * y, axis=1))", "ValueError"),
            (
                None,
                "return y * (dy - np.sum(dy * y))",
                "the sum runs over the whole batch; each row is a softmax of its own",
            ),
            (
                None,
                "return y * (dy - np.sum(dy, axis=1, keepdims=True))",
                "the sum is over dy alone; each dy_j in it has the weight y_j",
            ),
            (None, "return dy * y", "dx is dy·y: what every score takes from the others is missing"),
            (
                None,
                """\
e = np.exp(y)
y = e / e.sum(1, keepdims=True)
return y * (dy - np.sum(dy * y, axis=1, keepdims=True))""",
                "the softmax is taken of y once more; y is its outcome already",
            ),
            (
                None,
                "return dy * y - np.sum(dy * y * y, axis=1, keepdims=True)",
                "the sum has y_j² in it; the y in front belongs to i and is not summed",
            ),
            (
                None,
                "return dy - np.sum(dy * y, axis=1, keepdims=True)",
                "the factor y_i in front of the difference is missing",
            ),
        ],
    ),
    "3.1": (
        """\
n = len(scores)
s = scores - scores.max(axis=1, keepdims=True)
logp = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
value = -np.sum(target * logp) / n
return value, (np.exp(logp) - target) / n""",
        [
            (
                None,
                """\
n = len(scores)
p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
return -np.sum(target * np.log(p)) / n, (p - target) / n""",
                "value has nan: scores reaches",
            ),
            (
                None,
                """\
n = len(scores)
e = np.exp(scores - scores.max(axis=1, keepdims=True))
p = e / e.sum(axis=1, keepdims=True)
return -np.sum(target * np.log(p)) / n, (p - target) / n""",
                "the value is inf: far-apart scores make a probability of 0, and its logarithm is −inf; compute ln p",
            ),
            (
                "s = scores - scores.max(axis=1, keepdims=True)",
                "s = scores - scores.max()",
                "value has inf: scores reaches",
            ),
            (
                None,
                """\
n = len(scores)
s = scores - scores.max(axis=0, keepdims=True)
logp = s - np.log(np.exp(s).sum(axis=0, keepdims=True))
value = -np.sum(target * logp) / n
return value, (np.exp(logp) - target) / n""",
                "the softmax runs down the columns (axis 0); each row (axis 1) is one example",
            ),
            (
                "return value, (np.exp(logp) - target) / n",
                "return value, (target - np.exp(logp)) / n",
                "dscores: the sign is flipped",
            ),
            (
                "return value, (np.exp(logp) - target) / n",
                "return value, np.exp(logp) - target",
                "the value is a mean over the batch, but dscores is not divided by n",
            ),
            (
                None,
                """\
n = len(scores)
s = scores - scores.max(axis=1, keepdims=True)
logp = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
value = -np.sum(target * logp)
return value, (np.exp(logp) - target)""",
                "value and gradient are sums over the batch where they should be means",
            ),
            (
                "value = -np.sum(target * logp) / n",
                "value = -np.sum(target * logp, axis=1)",
                "value has one step left: take the mean of all its numbers, from",
            ),
            (
                "value = -np.sum(target * logp) / n",
                "value = -np.sum(logp[np.arange(n), target.argmax(1)]) / n",
                "the value is that of the likeliest class alone; every class counts with its target",
            ),
            (
                "return value, (np.exp(logp) - target) / n",
                "return value, np.exp(logp) / n",
                "the target is not taken from the probabilities",
            ),
        ],
    ),
    "3.2": (
        """\
v = momentum * velocity + dw
return w - rate * v, v""",
        [
            (
                "return w - rate * v, v",
                "return w - rate * velocity, v",
                "w moves along the old velocity; the new one is what it should follow",
            ),
            (
                "return w - rate * v, v",
                "return v, w - rate * v",
                "the order of the outputs; velocity, w came, expected w, velocity",
            ),
            (
                None,
                """\
v = momentum * velocity - rate * dw
return w + v, v""",
                "the learning rate is inside the velocity, as some write it (v = μv − η·dw, then w + v); here the",
            ),
            (
                None,
                """\
v = momentum * velocity + rate * dw
return w - v, v""",
                "the learning rate is inside the velocity (v = μv + η·dw, then w − v); here the velocity sums up",
            ),
            ("return w - rate * v, v", "return w + rate * v, v", "w walks uphill: the step is added, not subtracted"),
            (
                "return w - rate * v, v",
                "return w - rate * dw, v",
                "w moves along dw alone, as in SGD; the velocity is never used",
            ),
            (
                None,
                """\
v = rate * velocity + dw
return w - momentum * v, v""",
                "rate and momentum have changed places",
            ),
        ],
    ),
    "3.3": (
        """\
mean = beta1 * mean + (1 - beta1) * dw
square = beta2 * square + (1 - beta2) * dw**2
mh = mean / (1 - beta1**t)
vh = square / (1 - beta2**t)
return w - rate * mh / (np.sqrt(vh) + epsilon), mean, square""",
        [
            (
                None,
                """\
mean = beta1 * mean + (1 - beta1) * dw
square = beta2 * square + (1 - beta2) * dw**2
mh = mean
vh = square
return w - rate * mh / (np.sqrt(vh) + epsilon), mean, square""",
                "the bias is not corrected: mean and square start at 0 and are too small at first",
            ),
            (
                "return w - rate * mh / (np.sqrt(vh) + epsilon), mean, square",
                "return w - rate * mh / (vh + epsilon), mean, square",
                "w is divided by the mean square itself; its root is missing",
            ),
            (
                "return w - rate * mh / (np.sqrt(vh) + epsilon), mean, square",
                "return w - rate * mh / np.sqrt(vh + epsilon), mean, square",
                "ε is inside the root; it is added to the root, or a tiny gradient takes far too small a step",
            ),
            (
                None,
                """\
mean = beta2 * mean + (1 - beta2) * dw
square = beta1 * square + (1 - beta1) * dw**2
mh = mean / (1 - beta2**t)
vh = square / (1 - beta1**t)
return w - rate * mh / (np.sqrt(vh) + epsilon), mean, square""",
                "the two betas have changed places: β₁ belongs to the mean, β₂ to the mean square",
            ),
            (
                "return w - rate * mh / (np.sqrt(vh) + epsilon), mean, square",
                "return w - rate * mh / (np.sqrt(vh) + epsilon), mh, vh",
                "the corrected averages are returned; those without correction go into the next step",
            ),
            (
                None,
                """\
mean = beta1 * mean + (1 - beta1) * dw
square = beta2 * square + (1 - beta2) * dw**2
mh = mean / (1 - beta1**(t+1))
vh = square / (1 - beta2**(t+1))
return w - rate * mh / (np.sqrt(vh) + epsilon), mean, square""",
                "the bias is corrected for t + 1 steps; t counts this one already",
            ),
            (
                None,
                """\
mean = beta1 * mean + (1 - beta1) * dw
square = beta2 * square + (1 - beta2) * dw**2
mh = mean / (1 - beta1*t)
vh = square / (1 - beta2*t)
return w - rate * mh / (np.sqrt(vh) + epsilon), mean, square""",
                "w has nan: 0/0, inf − inf, or the logarithm or root of a negative number gives nan; which of them",
            ),
            (
                "square = beta2 * square + (1 - beta2) * dw**2",
                "square = beta2 * square + (1 - beta2) * dw",
                "square gathers dw where it should gather dw²",
            ),
            (
                "return w - rate * mh / (np.sqrt(vh) + epsilon), mean, square",
                "return w + rate * mh / (np.sqrt(vh) + epsilon), mean, square",
                "w walks uphill: the step is added, not subtracted",
            ),
        ],
    ),
    "4.1": (
        """\
d = output - target
n = len(output)
return 0.5 * np.sum(d**2) / n, d / n""",
        [
            (
                None,
                """\
d = output - target
return 0.5 * np.mean(d**2), d / d.size""",
                "value and gradient are means over the pixels, too: with 784 of them training hardly moves",
            ),
            (
                None,
                """\
d = output - target
return 0.5 * np.mean(d**2), d / len(d)""",
                "the value is a mean over the pixels, too; an image's pixels are summed",
            ),
            (
                "return 0.5 * np.sum(d**2) / n, d / n",
                "return np.sum(d**2) / n, d / n",
                "the ½ in front of the value is missing",
            ),
            (
                "d = output - target",
                "d = target - output",
                "doutput points from output to target; a gradient points uphill",
            ),
            (
                "return 0.5 * np.sum(d**2) / n, d / n",
                "return 0.5 * np.sum(d**2) / n, d",
                "the value is a mean over the batch, but doutput is not divided by n",
            ),
            (
                "return 0.5 * np.sum(d**2) / n, d / n",
                "return 0.5 * np.sum(d**2, axis=1), d / n",
                "value has one step left: take the mean of all its numbers, from",
            ),
            (
                None,
                """\
d = output - target
return np.mean(d**2), 2 * d / d.size""",
                "this is the mean squared error of many libraries: a mean over the pixels, too, and without the ½",
            ),
            (
                None,
                """\
output -= target
n = len(output)
return 0.5 * np.sum(output**2) / n, output / n""",
                "it changed its argument output in place, which the caller still needs; make a new array, as output",
            ),
        ],
    ),
    "4.2": (
        """\
xn = x + noise
z = xn @ WQ
out = z @ WP
value, dout = reconstruction_loss(out, x)
dWP = z.T @ dout
dz = dout @ WP.T
dWQ = xn.T @ dz
return value, dWQ, dWP""",
        [
            (
                "value, dout = reconstruction_loss(out, x)",
                "value, dout = reconstruction_loss(out, xn)",
                "the target is the noisy image; the clean one is what should come back",
            ),
            ("xn = x + noise", "xn = x", "the encoder read the clean image; the noise is never used"),
            (
                "return value, dWQ, dWP",
                "return value, dWP, dWQ",
                "the order of the outputs; value, dWP, dWQ came, expected value, dWQ, dWP",
            ),
            ("dWP = z.T @ dout", "dWP = xn.T @ dout", "dWP has a wrong size: axis 0 has"),
            ("dz = dout @ WP.T", "dz = dout @ WP.T / len(x)", "dWQ is averaged over the batch; the loss does that"),
            ("xn = x + noise", "xn = noise", "the encoder read the noise alone; it is added to the image"),
            (
                "xn = x + noise",
                "xn = x + np.random.normal(size=x.shape)",
                "called again with the same inputs it returned other numbers; the arguments hold all that it needs,",
            ),
        ],
    ),
    "4.3": (
        """\
d = probes[:, None, :] - codes[None, :, :]
return np.sqrt((d**2).sum(axis=2)).min(axis=1)""",
        [
            (
                "return np.sqrt((d**2).sum(axis=2)).min(axis=1)",
                "return (d**2).sum(axis=2).min(axis=1)",
                "the distances are squares; the root is missing",
            ),
            (
                "return np.sqrt((d**2).sum(axis=2)).min(axis=1)",
                "return np.sqrt((d**2).sum(axis=2)).min(axis=0)",
                "one distance for each code came; the minimum should run over the codes, and leave the probes",
            ),
            (
                "return np.sqrt((d**2).sum(axis=2)).min(axis=1)",
                "return np.sqrt((d**2).sum(axis=2))",
                "distance has one step left: take the smallest over axis 1, from",
            ),
            (
                "return np.sqrt((d**2).sum(axis=2)).min(axis=1)",
                "return np.sqrt((d**2).sum(axis=2)).argmin(axis=1)",
                "this is which code is nearest (argmin); the distance to it was asked for (min)",
            ),
            (
                "return np.sqrt((d**2).sum(axis=2)).min(axis=1)",
                "return np.abs(d).sum(axis=2).min(axis=1)",
                "this is the city-block distance; the Euclidean one squares, sums and takes the root",
            ),
            (
                "return np.sqrt((d**2).sum(axis=2)).min(axis=1)",
                "return np.sqrt((d**2).sum(axis=1)).min(axis=1)",
                "the squares are summed over the codes (axis 1); sum over the dimensions (axis 2)",
            ),
            (
                None,
                "return (probes @ codes.T).min(axis=1)",
                "this is the smallest scalar product; a distance is made of differences",
            ),
            (
                None,
                "return np.sqrt((probes**2).sum(1)[:,None] + (codes**2).sum(1) - probes @ codes.T).min(axis=1)",
                "‖p‖² + ‖c‖² − p·c lacks a 2: (p − c)² has 2·p·c in the middle",
            ),
        ],
    ),
    "4.4": (
        """\
t = np.linspace(0, 1, steps)[:, None]
return (1 - t) * a + t * b""",
        [
            ("return (1 - t) * a + t * b", "return (1 - t) * b + t * a", "the walk goes from b to a"),
            ("t = np.linspace(0, 1, steps)[:, None]", "t = np.linspace(0, 1, steps)", "ValueError"),
            (
                "t = np.linspace(0, 1, steps)[:, None]",
                "t = np.linspace(0, 1, steps + 1)[:, None]",
                "there is one point too many; steps counts the points, both ends among them",
            ),
            (
                "t = np.linspace(0, 1, steps)[:, None]",
                "t = np.linspace(0, 1, steps + 2)[1:-1, None]",
                "the ends are left out; the first point is a, and the last is b",
            ),
            (
                "return (1 - t) * a + t * b",
                "return a + t * b",
                "a stays whole on the way (a + t·b); it fades as b comes: (1 − t)·a + t·b",
            ),
        ],
    ),
    "6.1": (
        """\
s = lambda l: (np.tanh(l / 2) + 1) / 2
n, m = len(real), len(fake)
value = np.logaddexp(0, -real).mean() + np.logaddexp(0, fake).mean()
return value, (s(real) - 1) / n, s(fake) / m""",
        [
            (
                None,
                """\
s = lambda l: 1 / (1 + np.exp(-l))
value = -np.log(s(real)).mean() - np.log(1 - s(fake)).mean()
return value, (s(real) - 1) / len(real), s(fake) / len(fake)""",
                "value has inf: real reaches ±50 here, and beyond 709 e^x is inf, far below 0 it is 0, and ln 0 is",
            ),
            (
                "return value, (s(real) - 1) / n, s(fake) / m",
                "return value, s(real) / n, s(fake) / m",
                "dreal lacks its −1: the target of a real sample is 1, and the gradient is s(l) − target",
            ),
            (
                None,
                """\
s = lambda l: (np.tanh(l / 2) + 1) / 2
n, m = len(real), len(fake)
value = np.logaddexp(0, +real).mean() + np.logaddexp(0, -fake).mean()
return value, s(real) / n, (s(fake) - 1) / m""",
                "real and fake are swapped: this D would call the fakes real",
            ),
            (
                "value = np.logaddexp(0, -real).mean() + np.logaddexp(0, fake).mean()",
                "value = 0.5 * (np.logaddexp(0, -real).mean() + np.logaddexp(0, fake).mean())",
                "the value is the mean of its two halves; it should be their sum",
            ),
            (
                None,
                """\
s = lambda l: (np.tanh(l / 2) + 1) / 2
n, m = len(real), len(fake)
value = np.logaddexp(0, -real).sum() + np.logaddexp(0, fake).sum()
return value, (s(real) - 1), s(fake)""",
                "the value is a mean, but dreal is not divided by n",
            ),
            (
                None,
                """\
s = lambda l: (np.tanh(l / 2) + 1) / 2
value = np.logaddexp2(0, -real).mean() + np.logaddexp2(0, fake).mean()
return value, (s(real) - 1) / len(real), s(fake) / len(fake)""",
                "the powers and logarithms have base 2 (logaddexp2); ours are the natural ones",
            ),
            (
                "return value, (s(real) - 1) / n, s(fake) / m",
                "return value, (s(real) - 1) / n, s(fake) / n",
                "dfake is divided by n; there are m fake samples",
            ),
            (
                "return value, (s(real) - 1) / n, s(fake) / m",
                "return value, (s(real) - 1) / n, s(fake)*(1-s(fake)) / m",
                "dfake has the slope s(1 − s) of the sigmoid; the logarithm cancels it, and s(l) − target is left",
            ),
        ],
    ),
    "6.2": (
        """\
s = (np.tanh(fake / 2) + 1) / 2
return np.logaddexp(0, -fake).mean(), (s - 1) / len(fake)""",
        [
            (
                "return np.logaddexp(0, -fake).mean(), (s - 1) / len(fake)",
                "return -np.logaddexp(0, fake).mean(), -s / len(fake)",
                "this is the other one of the two losses that a generator may go down; read once more which is asked",
            ),
            (
                "return np.logaddexp(0, -fake).mean(), (s - 1) / len(fake)",
                "return np.logaddexp(0, -fake).mean(), (1 - s) / len(fake)",
                "dfake: the sign is flipped",
            ),
            (
                "return np.logaddexp(0, -fake).mean(), (s - 1) / len(fake)",
                "return np.logaddexp(0, -fake).mean(), (s - 1)",
                "the value is a mean, but dfake is not divided by m",
            ),
            (
                None,
                """\
value, dreal, dfake = discriminator_loss(fake, fake)
return value, dreal""",
                "the value has both halves of D's loss; the generator pays one",
            ),
            (
                "return np.logaddexp(0, -fake).mean(), (s - 1) / len(fake)",
                "return np.logaddexp(0, -fake).mean(), -s*(1-s) / len(fake)",
                "dfake has the slope s(1 − s) of the sigmoid; the logarithm of the loss changes it",
            ),
        ],
    ),
    "6.3": (
        """\
s = lambda l: (np.tanh(l / 2) + 1) / 2
psi = psi - rate * s(psi * theta) * theta
theta = theta - rate * (s(psi * theta) - 1) * psi
return theta, psi""",
        [
            (
                "return theta, psi",
                "return psi, theta",
                "the order of the outputs; psi, theta came, expected theta, psi",
            ),
            (
                "psi = psi - rate * s(psi * theta) * theta",
                "psi = psi - rate * s(psi * theta)",
                "ψ's gradient lacks the factor θ: the logit is ψθ, and its derivative by ψ is θ",
            ),
            (
                "theta = theta - rate * (s(psi * theta) - 1) * psi",
                "theta = theta - rate * -s(psi * theta) * psi",
                "θ goes down ln(1 − s), the game as first written; here it goes down −ln s",
            ),
            (
                "theta = theta - rate * (s(psi * theta) - 1) * psi",
                "theta = theta + rate * (s(psi * theta) - 1) * psi",
                "θ walks away from where D says real: its step has the wrong sign",
            ),
            (
                None,
                """\
s = lambda l: (np.tanh(l / 2) + 1) / 2
theta = theta - rate * (s(psi * theta) - 1) * psi
psi = psi - rate * s(psi * theta) * theta
return theta, psi""",
                "theta: the generator met D as it was before its move; it should pass through the D that has just",
            ),
            (
                "psi = psi - rate * s(psi * theta) * theta",
                "psi = psi - rate * (s(psi * theta) * theta - 0.5)",
                "ψ's gradient has a −½ from the real samples; they are all 0, so their logit 0·ψ does not change",
            ),
            (
                None,
                """\
l = (psi * theta)[:, None]
_, _, df = discriminator_loss(0 * l, l)
psi = psi - rate * df[:, 0] * theta
_, dg = generator_loss((psi * theta)[:, None])
return theta - rate * dg[:, 0] * psi, psi""",
                "the gradients are divided by the number of games; games do not mix, so there is no mean",
            ),
        ],
    ),
    "6.4": (
        """\
d = p / (p + q)
return d, np.sum(-p * np.log(d) - q * np.log(1 - d))""",
        [
            ("d = p / (p + q)", "d = q / (p + q)", "d is the probability of fake; D answers how likely real is"),
            (
                "return d, np.sum(-p * np.log(d) - q * np.log(1 - d))",
                "return d, np.mean(-p * np.log(d) - q * np.log(1 - d))",
                "the loss is a mean over the cells; p and q are weights that sum to 1 already, so sum",
            ),
            (
                "return d, np.sum(-p * np.log(d) - q * np.log(1 - d))",
                "return d, np.sum(p * np.log(d) + q * np.log(1 - d))",
                "loss: the sign is flipped",
            ),
            (
                "return d, np.sum(-p * np.log(d) - q * np.log(1 - d))",
                "return d, 0.5 * np.sum(-p * np.log(d) - q * np.log(1 - d))",
                "the loss is the mean of its two halves; it should be their sum",
            ),
            (
                "return d, np.sum(-p * np.log(d) - q * np.log(1 - d))",
                "return d, np.sum(-np.log(d) - np.log(1 - d))",
                "the logarithms are not weighed by p and q, so each cell counts alike",
            ),
            (
                "return d, np.sum(-p * np.log(d) - q * np.log(1 - d))",
                "return d, np.sum(-p * np.log(d) - q * np.log(d))",
                "both halves have ln d; what a fake costs is −ln(1 − d)",
            ),
        ],
    ),
    "7.1": (
        """\
away = z - mean
log_p = -0.5 * (z**2).sum(axis=1)
log_q = -0.5 * (away**2 / variance + np.log(variance)).sum(axis=1)
slope = away / variance - z
return log_p - log_q, slope""",
        [
            (
                "return log_p - log_q, slope",
                "return log_q - log_p, slope",
                "in the logit p and q have changed places: this one is positive where the codes are",
            ),
            (
                "return log_p - log_q, slope",
                "return np.log(np.exp(log_p) / np.exp(log_q)), slope",
                "logit has nan: z reaches",
            ),
            (
                "log_q = -0.5 * (away**2 / variance + np.log(variance)).sum(axis=1)",
                "log_q = -0.5 * (away**2 / variance).sum(axis=1)",
                "the logit lacks ½ Σ ln v: a narrow Gaussian is higher at its middle",
            ),
            (
                "log_q = -0.5 * (away**2 / variance + np.log(variance)).sum(axis=1)",
                "log_q = -0.5 * (away**2 / variance).sum(axis=1) - np.log(variance).sum()",
                "ln v is not halved; the ½ in front belongs to it, too",
            ),
            ("slope = away / variance - z", "slope = away / variance", "the slope lacks the prior's part, −z"),
            ("slope = away / variance - z", "slope = -z", "the slope lacks the codes' part, (z − m)/v"),
            (
                "slope = away / variance - z",
                "slope = 2 * (away / variance - z)",
                "the slope is twice too large: the ½ cancels the 2 of the square",
            ),
            (
                None,
                """\
away = z - mean
logit = (away**2 / variance**2 + np.log(variance**2) - z**2).sum(axis=1) / 2
return logit, away / variance**2 - z""",
                "the variance is squared, as if it were a standard deviation",
            ),
            (
                "return log_p - log_q, slope",
                "return 1 / (1 + np.exp(log_q - log_p)), slope",
                "the logit was put through the sigmoid; D's logit is asked for, not its probability",
            ),
            ("return log_p - log_q, slope", "return log_p - log_q", "it returned 1 thing, expected 2: logit, slope"),
        ],
    ),
    "7.2": (
        """\
u = z @ W + b
l = np.maximum(u, 0) @ v + c
du = v * (u > 0)
slope = du @ W.T
dl = ((np.tanh(l / 2) + 1) / 2 - 1) / len(z)
return slope, dl[:, None] * slope""",
        [
            (
                "du = v * (u > 0)",
                "du = v * (v > 0) + 0 * u",
                "the mask is made from the gradient; a unit is on or off by",
            ),
            (
                "du = v * (u > 0)",
                "du = v + 0 * u",
                "the mask of the ReLU is forgotten: no gradient passes a unit that is",
            ),
            (
                "du = v * (u > 0)",
                "du = v * np.maximum(u, 0)",
                "the mask is the hidden output itself; the slope of a ReLU",
            ),
            (
                "du = v * (u > 0)",
                "du = 1.0 * (u > 0)",
                "the factor v is missing, through which the units reach the logit",
            ),
            (
                "dl = ((np.tanh(l / 2) + 1) / 2 - 1) / len(z)",
                "dl = ((np.tanh(l / 2) + 1) / 2) / len(z)",
                "dz lacks the −1: the derivative of −ln s(l) is s(l) − 1",
            ),
            (
                "dl = ((np.tanh(l / 2) + 1) / 2 - 1) / len(z)",
                "dl = ((np.tanh(l / 2) + 1) / 2 - 1)",
                "dz is not divided by n, but the loss is a mean",
            ),
            (
                "dl = ((np.tanh(l / 2) + 1) / 2 - 1) / len(z)",
                "dl = -((np.tanh(l / 2) + 1) / 2) / len(z)",
                "this is the game as first written, min ln(1 − s(D)): its gradient vanishes where D is sure",
            ),
            ("l = np.maximum(u, 0) @ v + c", "l = np.maximum(u, 0) @ v", "c is not added to the logit"),
            (
                "return slope, dl[:, None] * slope",
                "return slope, -slope / len(z)",
                "dz is the slope for every code alike; the loss weighs each by s(l) − 1",
            ),
            ("slope = du @ W.T", "slope = du @ W", "ValueError"),
            ("return slope, dl[:, None] * slope", "return slope, -dl[:, None] * slope", "dz has the wrong sign"),
        ],
    ),
    "7.3": (
        """\
q, p, d = sizes
masks = np.zeros(gradients.shape)
masks[0, : q + p] = 1
masks[1, q + p :] = 1
masks[2, :q] = 1
for mask, g in zip(masks, gradients):
    weights = weights - rate * mask * g
return masks, weights""",
        [
            (
                None,
                """\
q, p, d = sizes
masks = np.zeros(gradients.shape)
masks[0, : q + p] = 1
masks[1, q + p :] = 1
masks[2, :q] = 1
masks[2, q + p :] = 1
for mask, g in zip(masks, gradients):
    weights = weights - rate * mask * g
return masks, weights""",
                "Generate moved the discriminator: D would learn to be fooled",
            ),
            (
                "masks[2, :q] = 1",
                "masks[2, :q+p] = 1",
                "Generate moved the decoder, which it does not even pass through",
            ),
            ("masks[0, : q + p] = 1", "masks[0] = 1", "Reconstruction moved the discriminator"),
            (
                "masks[1, q + p :] = 1",
                "masks[1, q : q + p] = 1",
                "the row of Discriminate is 1 on the decoder; the order in the vector is Q, P, D",
            ),
            (
                "    weights = weights - rate * mask * g",
                "    weights = weights + rate * mask * g",
                "the weights walk uphill: the steps are added, not subtracted",
            ),
            (
                None,
                """\
q, p, d = sizes
masks = np.zeros(gradients.shape)
masks[0, : q + p] = 1
masks[1, q + p :] = 1
masks[2, :q] = 1
return masks, weights - rate * masks * gradients""",
                "weights has 2 dimensions, the shape (3,",
            ),
            (
                "    weights = weights - rate * mask * g",
                "    weights = weights - rate * g",
                "the steps are taken without the masks, so every phase moves every weight",
            ),
            (
                "    weights = weights - rate * mask * g",
                "    weights -= rate * mask * g",
                "it changed its argument weights in place, which the caller still needs; make a new array, as",
            ),
        ],
    ),
    "7.4": (
        """\
var = np.exp(log_var)
kl = lambda m, v: 0.5 * np.sum(m**2 + v - np.log(v) - 1, axis=-1)
spread = var.mean(axis=0) + np.var(mean, axis=0)
return 0.5 * np.sum(mean**2 + var - log_var - 1, axis=1), kl(mean.mean(axis=0), spread)""",
        [
            (
                "spread = var.mean(axis=0) + np.var(mean, axis=0)",
                "spread = np.var(mean, axis=0)",
                "the bag's variance lacks the part within: the mean of the σ²",
            ),
            ("var = np.exp(log_var)", "var = log_var", "ln σ² stands where σ² should: take its exponential first"),
            (
                None,
                """\
var = np.exp(log_var)
kl = lambda m, v: 0.5 * np.mean(m**2 + v - np.log(v) - 1, axis=-1)
spread = var.mean(axis=0) + np.var(mean, axis=0)
return 0.5 * np.mean(mean**2 + var - log_var - 1, axis=1), kl(mean.mean(axis=0), spread)""",
                "each is averaged over the dimensions; KLs add up",
            ),
            (
                "spread = var.mean(axis=0) + np.var(mean, axis=0)",
                "spread = var.mean(axis=0) + np.var(mean, axis=0, ddof=1)",
                "the spread of the means is divided by n − 1; these n codes are all there is, so by n",
            ),
            (
                "spread = var.mean(axis=0) + np.var(mean, axis=0)",
                "spread = var.mean(axis=0) + np.std(mean, axis=0)",
                "the standard deviation of the means is added; it is variances that add up",
            ),
            (
                "spread = var.mean(axis=0) + np.var(mean, axis=0)",
                "spread = np.exp(log_var.mean(axis=0)) + np.var(mean, axis=0)",
                "the mean is taken of ln σ² before the exponential; it is the σ² that are averaged",
            ),
            (
                "var = np.exp(log_var)",
                "var = np.exp(2*log_var)",
                "in together alone: σ² is made as e^(2·ln σ²); e^(ln σ²) is the variance already",
            ),
            (
                "spread = var.mean(axis=0) + np.var(mean, axis=0)",
                "spread = var.mean(axis=0) + np.var(mean)",
                "the variance of the means is one number for all dimensions; each dimension has its own (axis 0)",
            ),
        ],
    ),
    "11.1": (
        """\
l = h[:, :classes]
e = np.exp(l - l.max(axis=1, keepdims=True))
y = e / e.sum(axis=1, keepdims=True)
dl = y * (dy - np.sum(dy * y, axis=1, keepdims=True)) + dlogits
return y, h[:, classes:], np.hstack([dl, dz])""",
        [
            ("e = np.exp(l - l.max(axis=1, keepdims=True))", "e = np.exp(l - l.max())", "y has nan: h reaches"),
            (
                "y = e / e.sum(axis=1, keepdims=True)",
                "y = e",
                "the exponentials are not divided by their sum, so the rows of y do not sum to 1",
            ),
            (
                "dl = y * (dy - np.sum(dy * y, axis=1, keepdims=True)) + dlogits",
                "dl = y * (dy - np.sum(dy * y, axis=1)) + dlogits",
                "ValueError",
            ),
            (
                "dl = y * (dy - np.sum(dy * y, axis=1, keepdims=True)) + dlogits",
                "dl = y - dy + dlogits",
                "y − dy is in dh; y − target is the gradient of softmax and cross-entropy together, and dy is a",
            ),
            (
                "dl = y * (dy - np.sum(dy * y, axis=1, keepdims=True)) + dlogits",
                "dl = y * (dy + dlogits - np.sum((dy + dlogits) * y, axis=1, keepdims=True))",
                "dlogits has passed the softmax, too; it is a gradient of what the softmax reads",
            ),
            (
                "dl = y * (dy - np.sum(dy * y, axis=1, keepdims=True)) + dlogits",
                "dl = dy + dlogits",
                "dy has not passed the softmax: it stands in dh as it came",
            ),
            (
                "dl = y * (dy - np.sum(dy * y, axis=1, keepdims=True)) + dlogits",
                "dl = y * (dy - np.sum(dy * y, axis=1, keepdims=True))",
                "dlogits is missing in dh: the labels would teach nothing",
            ),
            (
                "return y, h[:, classes:], np.hstack([dl, dz])",
                "return y, h[:, classes:], np.hstack([dl, 0 * dz])",
                "dz is missing in dh",
            ),
            (
                "return y, h[:, classes:], np.hstack([dl, dz])",
                "return y, h[:, classes:], np.hstack([dz, dl])",
                "the two blocks of dh have changed places; its first k columns belong to the logits",
            ),
            (
                "return y, h[:, classes:], np.hstack([dl, dz])",
                "return y, h[:, classes:], dl",
                "dh has a wrong size: axis 1 has",
            ),
            (
                "return y, h[:, classes:], np.hstack([dl, dz])",
                "return y, h[:, classes:], dl, dz",
                "it returned 4 things, expected 3: y, z, dh",
            ),
        ],
    ),
    "11.2": (
        """\
known = labels >= 0
y = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
k = np.sum(known)
rows = np.flatnonzero(known)
loss = -np.log(y[rows, labels[rows]]).mean()
d = np.zeros_like(y)
d[rows] = y[rows] / k
d[rows, labels[rows]] -= 1 / k
return loss, d""",
        [
            (
                None,
                """\
known = labels >= 0
y = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
k = len(labels)
rows = np.flatnonzero(known)
loss = -np.log(y[rows, labels[rows]]).sum() / k
d = np.zeros_like(y)
d[rows] = y[rows] / k
d[rows, labels[rows]] -= 1 / k
return loss, d""",
                "divided by all n rows; only the known ones count",
            ),
            (
                None,
                """\
known = labels >= 0
y = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
k = np.sum(known)
rows = np.flatnonzero(known)
loss = -np.log(y[rows, labels[rows]]).mean()
d = np.zeros_like(y)
d[rows] = y[rows]
d[rows, labels[rows]] -= 1
return loss, d""",
                "dlogits is not divided by the number of known rows, but the loss is their mean",
            ),
            (
                None,
                """\
y = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
n = len(labels)
one = np.eye(logits.shape[1])[labels]
return -np.log((y * one).sum(1)).mean(), (y - one) / n""",
                "rows without a label pay, too: −1 was taken for the last class",
            ),
            (
                None,
                """\
y = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
known = labels >= 0
one = np.eye(logits.shape[1])[labels]
return -np.log((y * one).sum(1))[known].mean(), (y - one) / known.sum()""",
                "rows without a label get a gradient: −1 was taken for the last class",
            ),
            (
                None,
                """\
known = labels >= 0
y = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
k = np.sum(known)
rows = np.flatnonzero(known)
loss = -np.log(y[rows, labels[rows]]).sum()
d = np.zeros_like(y)
d[rows] = y[rows]
d[rows, labels[rows]] -= 1
return loss, d""",
                "loss and gradient are sums over the known rows; they should be means",
            ),
            ("return loss, d", "return loss, -d", "dlogits: the sign is flipped"),
            (
                "y = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))",
                """\
y = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
y = np.exp(y - np.logaddexp.reduce(y, axis=1, keepdims=True))""",
                "in loss alone: softmax twice: the loss takes logits, and the probabilities were put through it once",
            ),
        ],
    ),
    "11.3": (
        """\
H = lambda p: -np.sum(p * np.log(np.maximum(p, 1e-12)), axis=-1)
return H(y.mean(axis=0)), H(y).mean()""",
        [
            (
                "return H(y.mean(axis=0)), H(y).mean()",
                "return H(y).mean(), H(y.mean(axis=0))",
                "the two have changed places",
            ),
            (
                "return H(y.mean(axis=0)), H(y).mean()",
                "return H(y.mean(axis=0)), H(y).sum()",
                "the rows' entropies are added up; take the mean",
            ),
            (
                "H = lambda p: -np.sum(p * np.log(np.maximum(p, 1e-12)), axis=-1)",
                "H = lambda p: np.sum(p * np.log(np.maximum(p, 1e-12)), axis=-1)",
                "the sign is flipped",
            ),
            (
                None,
                """\
t = -y * np.log(np.maximum(y, 1e-12))
m = y.mean(0)
return (-m * np.log(m)).sum(), t.mean()""",
                "the mean is over the classes, too; an entropy sums over them",
            ),
            (
                "return H(y.mean(axis=0)), H(y).mean()",
                "return H(y.mean(axis=0)), H(y)",
                "mean_of_each has one step left: take the mean of all its numbers, from",
            ),
        ],
    ),
    "11.4": (
        """\
rows = []
for c in range(classes):
    rows.append(order[labels[order] == c][:each])
return np.array(rows)""",
        [
            (
                None,
                "return np.array([np.flatnonzero(labels == c)[:each] for c in range(classes)])",
                "the order is not used: the first images of the file come, whatever the seed",
            ),
            (
                None,
                "return np.array([np.flatnonzero(labels[order] == c)[:each] for c in range(classes)])",
                "these are places in the order; which images stand there?",
            ),
            ("return np.array(rows)", "return np.concatenate(rows)", "numbers has the right numbers in a wrong shape:"),
            (
                "return np.array(rows)",
                "return rows",
                "numbers came as a list, expected an array of NumPy; np.array(…) makes one of a list",
            ),
            (
                "    rows.append(order[labels[order] == c][:each])",
                "    rows.append(order[labels[order] == c][-each:])",
                "these are the last of each class in the order; the first were asked for",
            ),
            ("return np.array(rows)", "return np.array(rows).T", "numbers is transposed:"),
            (
                None,
                """\
rows = [np.flatnonzero(labels == c) for c in range(classes)]
return np.array([np.random.choice(row, each, replace=False) for row in rows])""",
                "called again with the same inputs it returned other numbers; the arguments hold all that it needs,",
            ),
        ],
    ),
    "16.1": (
        """\
y, z, q_cache = encode(x + noise, q, classes, hidden)
output, p_cache = forward(np.concatenate([y, z], axis=1), p, hidden)
loss, doutput = part("4.1")(output, x)
dcode, dp = backward(doutput, p_cache)
dy, dz = dcode[:, :classes], dcode[:, classes:]
return loss, encode_backward(q_cache, dy=dy, dz=dz), dp""",
        [
            (
                "y, z, q_cache = encode(x + noise, q, classes, hidden)",
                "y, z, q_cache = encode(x, q, classes, hidden)",
                "Q reads the clean image; the noise is not used",
            ),
            (
                'loss, doutput = part("4.1")(output, x)',
                'loss, doutput = part("4.1")(output, x + noise)',
                "P pays for the noisy image; it should paint the clean one",
            ),
            (
                "return loss, encode_backward(q_cache, dy=dy, dz=dz), dp",
                "return loss, encode_backward(q_cache, dlogits=dy, dz=dz), dp",
                "dy stands for dlogits: it has not passed the softmax",
            ),
            (
                "return loss, encode_backward(q_cache, dy=dy, dz=dz), dp",
                "return loss, encode_backward(q_cache, dz=dz), dp",
                "the gradient of y does not reach Q, only that of z",
            ),
            (
                "return loss, encode_backward(q_cache, dy=dy, dz=dz), dp",
                "return loss, dp",
                "it returned 2 things, expected 3: loss, dq, dp",
            ),
            (
                "output, p_cache = forward(np.concatenate([y, z], axis=1), p, hidden)",
                "output, p_cache = forward(np.concatenate([y, z]), p, hidden)",
                "ValueError",
            ),
        ],
    ),
    "16.2": (
        """\
n = len(real)
logits, cache = forward(np.concatenate([real, fake]), d, hidden)
loss, dreal, dfake = part("6.1")(logits[:n], logits[n:])
return loss, backward(np.concatenate([dreal, dfake]), cache)[1]""",
        [
            (
                'loss, dreal, dfake = part("6.1")(logits[:n], logits[n:])',
                'loss, dfake, dreal = part("6.1")(logits[n:], logits[:n])',
                "real and fake have changed places",
            ),
            (
                "return loss, backward(np.concatenate([dreal, dfake]), cache)[1]",
                "return loss, backward(np.concatenate([dreal, dfake]), cache)[0]",
                "dd: expected shape",
            ),
            (
                "return loss, backward(np.concatenate([dreal, dfake]), cache)[1]",
                "return loss / 2, backward(np.concatenate([dreal, dfake]) / 2, cache)[1]",
                "the two halves are averaged; the loss is their sum",
            ),
        ],
    ),
    "16.3": (
        """\
y, z, q_cache = encode(x, q, classes, hidden)
of_y, cat_cache = forward(y, d_cat, hidden)
of_z, gauss_cache = forward(np.concatenate([z, y], axis=1), d_gauss, hidden)
(loss_y, dlogit_y), (loss_z, dlogit_z) = part("6.2")(of_y), part("6.2")(of_z)
dy = backward(dlogit_y, cat_cache)[0]
dcode = backward(dlogit_z, gauss_cache)[0]
e = z.shape[1]
dz = dcode[:, :e]
return loss_y + loss_z, encode_backward(q_cache, dy=dy, dz=dz)""",
        [
            (
                "dz = dcode[:, :e]",
                "dz, dy = dcode[:, :e], dy + dcode[:, e:]",
                "D_gauss's gradient reaches y, too; there y is a constant",
            ),
            (
                "return loss_y + loss_z, encode_backward(q_cache, dy=dy, dz=dz)",
                "return loss_y + loss_z, encode_backward(q_cache, dy=dy)",
                "z gets no gradient: only D_cat's reaches Q",
            ),
            (
                "of_z, gauss_cache = forward(np.concatenate([z, y], axis=1), d_gauss, hidden)",
                "of_z, gauss_cache = forward(z, d_gauss, hidden)",
                "ValueError",
            ),
        ],
    ),
    "16.4": (
        """\
_, _, q_cache = encode(x, q, classes, hidden)
loss, dlogits = part("11.2")(q_cache[0][:, :classes], labels)
return loss, encode_backward(q_cache, dlogits=dlogits)""",
        [
            (
                None,
                """\
y, _, q_cache = encode(x, q, classes, hidden)
loss, dlogits = part("11.2")(y, labels)
return loss, encode_backward(q_cache, dy=dlogits)""",
                "softmax twice: the loss takes logits, the first columns of h, and y came",
            ),
            (
                'loss, dlogits = part("11.2")(q_cache[0][:, :classes], labels)',
                'loss, dlogits = part("11.2")(q_cache[0][:, :classes], labels % classes)',
                "rows without a label pay, too: −1 was taken for the last class",
            ),
            (
                'loss, dlogits = part("11.2")(q_cache[0][:, :classes], labels)',
                'loss, dlogits = part("11.2")(q_cache[0], labels)',
                "ValueError",
            ),
        ],
    ),
    "16.5": (
        """\
square = np.sum(images**2, axis=1) - 2 * samples @ images.T
nearest = np.argmin(square, axis=1)
return np.mean(labels[nearest] == wanted)""",
        [
            (
                "square = np.sum(images**2, axis=1) - 2 * samples @ images.T",
                "square = -samples @ images.T",
                "the largest product s·x is not the nearest image",
            ),
            (
                "return np.mean(labels[nearest] == wanted)",
                "return np.sum(labels[nearest] == wanted)",
                "that is a count; divide by the number of samples",
            ),
            (
                "return np.mean(labels[nearest] == wanted)",
                "return np.mean(labels[nearest] != wanted)",
                "that is the share of those that show something else",
            ),
            (
                "square = np.sum(images**2, axis=1) - 2 * samples @ images.T",
                "square = np.sum(images**2, axis=1) - samples @ images.T",
                "the product counts twice in |s − x|²",
            ),
            (
                "nearest = np.argmin(square, axis=1)",
                "nearest = np.argmin(square, axis=0)",
                "ValueError",
            ),
        ],
    ),
}
