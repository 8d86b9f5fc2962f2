"""Other versions of an exercise, one of which a course can choose for a term.

Number -> variant -> {text: replacement}. Each text must stand exactly once in the lesson or its checks (a release
refuses otherwise): the docstring, the prose, the solution, a hint. The answer of a variant is in the checks, under the
same name in `Exercise.variants`.
"""

from tinyaae.errors import UserError

VARIANTS = {
    "1.3": {
        "scaled-by-sum": {
            "# relative to the largest absolute value among both gradients.": (
                "# relative to the sum of the largest absolute value of one gradient and that of the other."
            ),
            "    scale = max(np.abs(ours).max(), np.abs(theirs).max())": (
                "    scale = np.abs(ours).max() + np.abs(theirs).max()"
            ),
            "max|ours − theirs| / max(max|ours|, max|theirs|)": "max|ours − theirs| / (max|ours| + max|theirs|)",
        }
    },
    # Lesson 2: another activation
    "2.2": {
        "softplus": {
            "Ours is the rectified linear unit,": "Ours is the softplus, a rectifier without a corner,",
            r"$$ y = \max(x, 0), \qquad \text{slope}\ \frac{dy}{dx} = 1 \text{ where } x > 0, \text{ else } 0. $$": (
                r"$$ y = \ln(1 + e^x). $$ Find its slope $dy/dx$ yourself."
            ),
            '"""x (n, d) -> y (n, d) = max(x, 0), slope (n, d) = dy/dx."""': (
                '"""x (n, d) -> y (n, d) = ln(1 + e^x), slope (n, d) = dy/dx."""'
            ),
            "return np.maximum(x, 0), (x > 0).astype(x.dtype)": "return np.logaddexp(0, x), (np.tanh(x / 2) + 1) / 2",
            "y = x and slope 1 where x > 0, else 0 and 0": "the slope is s(x) = 1/(1 + e⁻ˣ)",
        },
        "swish": {
            "Ours is the rectified linear unit,": "Ours is the swish, where $s(x) = 1/(1 + e^{-x})$,",
            r"$$ y = \max(x, 0), \qquad \text{slope}\ \frac{dy}{dx} = 1 \text{ where } x > 0, \text{ else } 0. $$": (
                r"$$ y = x \cdot s(x). $$ Find its slope $dy/dx$ yourself."
            ),
            '"""x (n, d) -> y (n, d) = max(x, 0), slope (n, d) = dy/dx."""': (
                '"""x (n, d) -> y (n, d) = x·s(x) with s the sigmoid, slope (n, d) = dy/dx."""'
            ),
            "return np.maximum(x, 0), (x > 0).astype(x.dtype)": (
                "s = (np.tanh(x / 2) + 1) / 2\n    return x * s, s + x * s * (1 - s)"
            ),
            "y = x and slope 1 where x > 0, else 0 and 0": "differentiate the product x·s(x), with s′ = s(1 − s)",
        },
    },
    # Lesson 3: another loss, another step
    "3.1": {
        "temperature": {
            "The softmax makes them probabilities $p_j$, and": (
                "A softmax at the temperature $T = 2$ makes them probabilities $p_j$, less sure than at 1, and"
            ),
            r"p_j = \frac{e^{s_j}}{\sum_i e^{s_i}}, \qquad L": r"p_j = \frac{e^{s_j/2}}{\sum_i e^{s_i/2}}, \qquad L",
            "shifted = scores - scores.max(axis=1, keepdims=True)": (
                "shifted = (scores - scores.max(axis=1, keepdims=True)) / 2"
            ),
            "(np.exp(log_p) - target) / n": "(np.exp(log_p) - target) / (2 * n)",
            "dscores = (p − t)/n": "dscores = (p − t)/n, but with s/T in place of s, and 1/T in the gradient",
        },
    },
    "3.2": {
        "nesterov": {
            r"$$ v \leftarrow \mu v + dw, \qquad w \leftarrow w - \eta\, v. $$": (
                r"$$ v \leftarrow \mu v + dw, \qquad w \leftarrow w - \eta\, (dw + \mu v). $$" + "\n#\n"
                "# This is Nesterov's form: $dw + \\mu v$, with the new $v$, is where the ball will be pushed next."
            ),
            "return w - rate * velocity, velocity": "return w - rate * (dw + momentum * velocity), velocity",
            "w = w − rate·v, with the new v": "w = w − rate·(dw + momentum·v), with the new v",
        },
    },
    # Lesson 4: another error, another distance
    "4.1": {
        "ink": {
            r"$$ L = \frac{1}{n} \sum_{\text{images}} \tfrac12 \sum_{\text{pixels}} (\hat x - x)^2. $$": (
                r"$$ L = \frac{1}{n} \sum_{\text{images}} \tfrac12 \sum_{\text{pixels}} (1 + 4x)\, (\hat x - x)^2, $$"
                "\n#\n# so that a pixel of full ink ($x = 1$) counts five times as much as a white one."
            ),
            "half the squared error, as in exercise 4.1,": "half the squared error, here with all pixels alike,",
            "return (apart**2).sum() / (2 * len(apart)), apart / len(apart)": (
                "weight = (1 + 4 * target) / len(target)\n    return (weight * apart**2).sum() / 2, weight * apart"
            ),
            "L = Σ(x̂ − x)²/2n;  dx̂ = (x̂ − x)/n": "L = Σ(1 + 4x)(x̂ − x)²/2n;  dx̂ = (1 + 4x)(x̂ − x)/n",
        },
    },
    "4.3": {
        "city-block": {
            "probes, return the Euclidean distance to the code nearest to it.": (
                "probes, return the city-block distance $\\sum_i |p_i - c_i|$ to the code nearest to it."
            ),
            "-> the distance (m,) of each": "-> the city-block distance (m,) of each",
            "return np.sqrt((apart**2).sum(axis=2)).min(axis=1)": "return np.abs(apart).sum(axis=2).min(axis=1)",
            "√(Σ over d of (p − c)²), smallest over n": "Σ over d of |p − c|, smallest over n",
        },
    },
    # Lesson 5: another prior
    "5.3": {
        "wide-prior": {
            "PRIOR_STD = 1.0  #": "PRIOR_STD = 2.0  #",
            "near the *prior* $p(z) = N(0, I)$, the": "near the *prior* $p(z) = N(0, 2^2 I)$, the",
            r"\left( \mu_i^2 + \sigma_i^2 - \ln \sigma_i^2": (
                r"\left( \frac{\mu_i^2 + \sigma_i^2}{s^2} - \ln \frac{\sigma_i^2}{s^2}"
            ),
            r"\quad \text{for } p = N(0, I). $$": r"\quad \text{for } p = N(0, s^2 I). $$ Our prior has $s = 2$.",
            '"""mean, log_var (n, d) -> value (), dmean (n, d), dlog_var (n, d)."""': (
                '"""mean, log_var (n, d) -> value (), dmean (n, d), dlog_var (n, d), for the prior N(0, 2²)."""'
            ),
            "n, variance = len(mean), np.exp(log_var)": (
                "n, variance = len(mean), np.exp(log_var) / 4  # in units of the prior's"
            ),
            "return (mean**2 + variance - log_var - 1).sum() / (2 * n), mean / n, (variance - 1) / (2 * n)": (
                "value = (mean**2 / 4 + variance - np.log(variance) - 1).sum() / (2 * n)\n"
                "    return value, mean / 4 / n, (variance - 1) / (2 * n)"
            ),
            "dv = (e^v − 1)/2n": "dv = (e^v − 1)/2n, but with μ/s for μ, v − ln s² for v, and dμ = μ/(s²n)",
        },
    },
    # Lesson 6: the loss of the game as it is written in theory
    "6.2": {
        "minimax": {
            r"$$ L_G = \frac1m \sum_{\text{fake}} -\ln s(l). $$": (
                r"$$ L_G = \frac1m \sum_{\text{fake}} \ln(1 - s(l)), $$" + "\n#\n"
                "# exactly the opposite of what D pays for fakes. This is the *minimax* game, and what you shall write."
            ),
            "The generator wants its samples called real. Its loss is D's loss for real ones, on the fakes:": (
                "The generator wants its samples called real. Its loss is"
            ),
            r"# Why not simply the opposite of what D pays for fakes, $\ln(1 - s(l))$? Where": (
                r"# The library goes down $-\ln s(l)$ instead. Where"
            ),
            "The one above is steep there. It is called": "The library's is steep there. It is called",
            "return np.logaddexp(0, -fake).mean(), (sigmoid(fake) - 1) / len(fake)": (
                "return -np.logaddexp(0, fake).mean(), -sigmoid(fake) / len(fake)"
            ),
            "mean ln(1 + e^(−l));  (s(l) − 1)/m": "−mean ln(1 + e^l);  −s(l)/m",
        },
    },
    "7.1": {
        "log-variance": {
            "and a variance $v_k$ in each of $d$ dimensions. A Gaussian has": (
                "and a variance $v_k$ in each of $d$ dimensions; what you are given is $\\ln v_k$. A Gaussian has"
            ),
            "mean and variance (d,) of all of them": "mean and ln of the variance (d,) of all of them",
            "logit = np.sum(centred**2 / variance + np.log(variance) - z**2, axis=1) / 2": (
                "logit = np.sum(centred**2 * np.exp(-variance) + variance - z**2, axis=1) / 2"
            ),
            "return logit, centred / variance - z": "return logit, centred * np.exp(-variance) - z",
            "l = ½ Σ ((z − m)²/v + ln v − z²);": "with v = e^variance:  l = ½ Σ ((z − m)²/v + ln v − z²);",
            "best_logit(places, np.array([0.0]), np.array([4.0]))": (
                "best_logit(places, np.array([0.0]), np.log(np.array([4.0])))"
            ),
            "best_logit(codes, mean, variance)": "best_logit(codes, mean, np.log(variance))",
        },
    },
    "8.3": {
        "three-windings": {
            "is a curve with two windings": "is a curve with three windings",
            r"the angle $\theta = 4\pi\sqrt t$": r"the angle $\theta = 6\pi\sqrt t$",
            "angle = 4 * np.pi * root": "angle = 6 * np.pi * root",
        },
    },
    "9.1": {
        "log-std": {
            r"where $xB$ is $\ln\sigma^2$, the logarithm of the variance:": (
                r"where $xB$ is $\ln\sigma$, the logarithm of the standard deviation:"
            ),
            "gaussian = mean + np.exp(x @ B / 2) * epsilon": "gaussian = mean + np.exp(x @ B) * epsilon",
            "xA;  xA + √(e^{ln σ²})·ε;  tanh(xA + ηC)": "xA;  xA + e^{ln σ}·ε;  tanh(xA + ηC)",
        },
    },
    "9.2": {
        "log-std": {
            "The noise is a constant: it was drawn before": (
                "In this exercise $xB$ is $\\ln\\sigma$, not $\\ln\\sigma^2$.\n"
                "# The noise is a constant: it was drawn before"
            ),
            "sigma = np.exp(x @ B / 2)": "sigma = np.exp(x @ B)",
            "dspread = dz * epsilon * sigma / 2": "dspread = dz * epsilon * sigma",
        },
    },
    "10.3": {
        "transposed": {
            "one row a digit, one column a style. With": "one row a style, one column a digit. With",
            "the first row is digit 0 in all\n# the styles, then digit 1 in the same styles,": (
                "the first row is every\n# digit in style 0, then every digit in style 1,"
            ),
            "return np.repeat(np.arange(classes), len(styles)), np.tile(styles, (classes, 1))": (
                "return np.tile(np.arange(classes), len(styles)), np.repeat(styles, classes, axis=0)"
            ),
            "image i has the label i // s and the style i mod s": "image i has the label i mod k and the style i // k",
        },
    },
    "11.1": {
        "temperature": {
            "of which the softmax makes $y$ in each\n# row.": (
                "of which a softmax at the temperature 2\n# makes $y_j = e^{l_j/2} / \\sum_i e^{l_i/2}$ in each row."
            ),
            "$dy$ has to pass the softmax, which is exercise 2.4;": (
                "$dy$ has to pass the softmax, as in exercise 2.4 but for the temperature;"
            ),
            "The softmax is that of exercise 11.1;": "The softmax is the usual one, not that of exercise 11.1;",
            "e = np.exp(logits - logits.max(axis=1, keepdims=True))": (
                "e = np.exp((logits - logits.max(axis=1, keepdims=True)) / 2)"
            ),
            "through_softmax = y * (dy -": "through_softmax = 0.5 * y * (dy -",
            "first k columns: y·(dy − s) + dlogits with": "first k columns: ½·y·(dy − s) + dlogits with",
        },
    },
    # Lesson 12: another protocol, another cost, the other way round
    "12.1": {
        "by-weight": {
            "The paper's way uses very little: for cluster $i$ take the one image with\n"
            "# the highest $q(y_i|x)$, and the label of that image names the cluster. (So a cluster costs one label, "
            "and no more.)": (
                "The paper's way takes one image's. Ours asks all images: for\n"
                "# cluster $i$ add up $q(y_i|x)$ over the images of each label; the largest sum gives the name."
            ),
            "    purest = np.argmax(y, axis=0)\n    return labels[purest]": (
                "    weights = np.eye(np.max(labels) + 1)[labels].T @ y\n    return np.argmax(weights, axis=0)"
            ),
            "Some names (red) will surprise you: the purest image of a cluster\n# need not be a typical one.": (
                "The names are red."
            ),
            "One image speaks for a cluster: the one that belongs to it most.": (
                "Every image speaks for a cluster, as loudly as it belongs to it."
            ),
            "y is (n, k): look down each column, over the n images; then look those up in labels (n,).": (
                "y is (n, k): for each label add up its rows, which gives (k,); one below the other they are a table."
            ),
            "name_i = label of the image with the largest q(y_i|x)": (
                "name_i = the label l with the largest Σ q(y_i|x) over the images x of label l"
            ),
        },
    },
    "12.2": {
        "squared": {
            r"each pair nearer than $\eta$ costs what is missing,": (
                r"each pair nearer than $\eta$ costs half the square of what is missing,"
            ),
            r"$$ C = \sum_{i<j} \max(0,\ \eta - \|c_i - c_j\|). $$": (
                r"$$ C = \sum_{i<j} \tfrac12 \max(0,\ \eta - \|c_i - c_j\|)^2. $$"
            ),
            "so the pair adds minus that vector to $dc_i$, and plus that vector to $dc_j$.": (
                "so the pair adds minus that vector, times what is missing, to $dc_i$, and plus the same to $dc_j$."
            ),
            "return np.sum((eta - distance)[close]) / 2, -np.sum(close[:, :, None] * unit, axis=1)": (
                "missing = np.where(close, eta - distance, 0)\n"
                "    return np.sum(missing**2) / 4, -np.sum(missing[:, :, None] * unit, axis=1)"
            ),
            "dc_i = −Σ over close j of (c_i − c_j)/‖c_i − c_j‖": (
                "dc_i = −Σ over close j of (η − ‖c_i − c_j‖)·(c_i − c_j)/‖c_i − c_j‖"
            ),
        },
    },
    "12.3": {
        "clockwise": {
            r"$p_i = (\cos 2\pi i/k,\ \sin 2\pi i/k)$,": r"$p_i = (\cos 2\pi i/k,\ -\sin 2\pi i/k)$, clockwise,",
            "nearest to k even places on the circle.": "nearest to k even places, clockwise on the circle.",
            "np.stack([np.cos(angles), np.sin(angles)], axis=1)": "np.stack([np.cos(angles), -np.sin(angles)], axis=1)",
        },
    },
    # Lesson 13: numbers that one bad run cannot spoil
    "13.2": {
        "robust": {
            "return their mean, their *standard deviation* (how far one more run would fall from\n"
            "# the mean; divide by $k - 1$, since the mean was fitted to the same $k$ numbers) and the *standard "
            "error* of the mean\n# (how far the mean of another $k$ runs would fall: the standard deviation over "
            "$\\sqrt{k}$). The paper's $\\pm$ is one of\n"
            "# these two, and papers do not always say which.": (
                "return three numbers that one bad run cannot spoil: their *median* in place of\n"
                "# the mean; in place of the standard deviation the median *distance* of the runs from it; and in "
                "place of the\n# standard error that distance over $\\sqrt{k}$. The paper's $\\pm$ is a standard "
                "deviation or a standard error, and\n# papers do not always say which."
            ),
            "-> mean (), standard deviation (), standard error of the mean ().": (
                "-> median (), median distance from it (), that over √k ()."
            ),
            "    mean = np.mean(values)\n    deviation = np.sqrt(np.sum((values - mean) ** 2) / (len(values) - 1))": (
                "    mean = np.median(values)\n    deviation = np.median(np.abs(values - mean))"
            ),
            "How far does one run fall from the mean, and how far would the mean of other runs fall?": (
                "Half of the runs are below the median; half of the distances from it are below the median distance."
            ),
            "s² = Σ (v − mean)² / (k − 1); the standard error is s/√k": "s = median of |v − median|; then s/√k",
        },
    },
    # Lesson 14: another network, another machine, another generator
    "14.1": {
        "every-dx": {
            "Nobody needs $dx$ of\n# the first layer: nothing before it learns.": (
                "Here $dx$ of the\n# first layer is wanted, too: something before the network learns."
            ),
            "2 * np.sum(products) - products[0]": "2 * np.sum(products)",
            "backward twice that, less one product of the first layer": "backward twice that",
        },
    },
    "14.2": {
        "in-turn": {
            "An operation that needs both cannot be\n"
            "# faster than the slower of the two lets it be: that is the *roofline*. Return the shortest possible "
            "time of each of\n# several operations,": (
                "One that can do both at the same\n"
                "# time is as fast as the slower of the two lets it be: that is the *roofline*. Ours does one after "
                "the other, so\n# the two times add up. Return the shortest possible time of each of several "
                "operations,"
            ),
            "seconds = np.maximum(flops / flops_per_second, moved / bytes_per_second)": (
                "seconds = flops / flops_per_second + moved / bytes_per_second"
            ),
            "Two limits hold at once; the slower one decides.": "First the one, then the other: how long is each?",
            "max(operations / f, bytes / w);  operations / bytes": "operations / f + bytes / w;  operations / bytes",
        },
    },
    "14.3": {
        "keys-exchanged": {  # with the growth of the key exchanged, too, the outcome for key 0 stays that of the paper
            r"c_2) \oplus c_1 \oplus k_0,": r"c_2) \oplus c_1 \oplus k_1,",
            r"c_0) \oplus c_3 \oplus k_1,": r"c_0) \oplus c_3 \oplus k_0,",
            "[high_third ^ counter[:, 1] ^ key[0], low_third, high_first ^ counter[:, 3] ^ key[1], low_first]": (
                "[high_third ^ counter[:, 1] ^ key[1], low_third, high_first ^ counter[:, 3] ^ key[0], low_first]"
            ),
            "GROWTH = np.array([0x9E3779B9, 0xBB67AE85], np.uint32)": (
                "GROWTH = np.array([0xBB67AE85, 0x9E3779B9], np.uint32)"
            ),
            "[hi(M₁c₂) ⊕ c₁ ⊕ k₀, lo(M₁c₂), hi(M₀c₀) ⊕ c₃ ⊕ k₁, lo(M₀c₀)]": (
                "[hi(M₁c₂) ⊕ c₁ ⊕ k₁, lo(M₁c₂), hi(M₀c₀) ⊕ c₃ ⊕ k₀, lo(M₀c₀)]"
            ),
        },
    },
    # Lesson 15: other shares, another variance
    "15.1": {
        "from-the-back": {
            "with 10 rows, 4 ranks take 3, 3, 2 and 2.": "with 10 rows, 4 ranks take 2, 2, 3 and 3.",
            "whole numbers; the larger shares come first.": "whole numbers; the larger shares come last.",
            "sizes[: n % ranks] += 1": "sizes[ranks - n % ranks :] += 1",
            "Everybody gets the whole part of n / ranks; the first few get one more.": (
                "Everybody gets the whole part of n / ranks; the last few get one more."
            ),
            "one more for the first n mod ranks;": "one more for the last n mod ranks;",
        },
    },
    "15.3": {
        "unbiased": {
            "From these and the number of rows return the mean\n"
            r"# and the variance, $\overline{x^2} - \bar x^2$.": (
                "From these and the number $n$ of rows return the\n"
                r"# mean, and the variance with $n - 1$ in place of $n$: $\frac{n}{n - 1} (\overline{x^2} - \bar x^2)$."
            ),
            "-> mean (d,), variance (d,).": "-> mean (d,), variance (d,) over n − 1.",
            "return mean, np.sum(squares, axis=0) / n - mean**2": (
                "return mean, (np.sum(squares, axis=0) - n * mean**2) / (n - 1)"
            ),
            "variance = Σ squares / n − mean²": "variance = (Σ squares − n·mean²) / (n − 1)",
        },
    },
    # Lesson 16: another judge
    "16.5": {
        "mean-image": {
            "a sample shows the digit of the real image that is nearest to it. Return the share\n": (
                "a sample shows the digit whose mean image is nearest to it. Return the share\n"
            ),
            "    square = np.sum(images**2, axis=1) - 2 * samples @ images.T\n"
            "    return np.mean(labels[np.argmin(square, axis=1)] == wanted)": (
                "    digits = np.unique(labels)\n"
                "    means = np.stack([images[labels == digit].mean(axis=0) for digit in digits])\n"
                "    square = np.sum(means**2, axis=1) - 2 * samples @ means.T\n"
                "    return np.mean(digits[np.argmin(square, axis=1)] == wanted)"
            ),
            "Which image is nearest to each sample? Its label is what the sample shows.": (
                "Take the mean of the images of each digit. Which mean is nearest to each sample?"
            ),
            "The squared distances are (m, n); argmin over axis 1 gives an image for each of the m samples.": (
                "The squared distances are (m, k) for k digits; argmin over axis 1 gives one for each of the m samples."
            ),
            "row = argmin over n of |x_n|² − 2 s·x_n;  mean of (labels[row] = wanted)": (
                "digit = argmin over k of |mean_k|² − 2 s·mean_k;  mean of (digit = wanted)"
            ),
        },
    },
}

# What the lesson around an exercise says or prints of its usual form, and what is true in the variant. Several variants
# of a lesson may have the same text.
BEND = {
    "(For the rectifier half of the": "(For the rectifier,",
    "slopes are 0, so weights with twice the variance, $2/d$ in place of $1/d$, keep the size.)": (
        "half of whose slopes are 0, weights with twice the variance, $2/d$ in place of $1/d$, keep the size. "
        "How much do they\n# keep for yours?)"
    ),
    "How many straight pieces can the second make of 32 hidden units?": "Will the border of the second have corners?",
    "then one of straight pieces with corners, then": "then one with a few smooth turns, then",
    "gradient of the sigmoids falls by many powers of ten while yours with wider weights keeps its size. That is so": (
        "gradient of the sigmoids falls by many powers of ten, and yours with wider weights by far fewer. That is so"
    ),
}
STEPS = {
    "with their lowest points a factor": "with their lowest points",
    "of ten apart: momentum is best at a tenth of SGD's rate, as 1/(1 − µ) = 10 says.": (
        "apart: momentum is best at a smaller rate than SGD, for its steps become up to 1/(1 − µ) = 10 times as long."
    ),
    "stays below 0.6 from 0.001 to 0.1, because": "changes least from rate to rate, because",
}
GAPS = {
    "and never into a gap; but the digits that": "and seldom into a gap; but the digits that",
    "are not drawn. (On each of five seeds fewer than 1 % of the decoded draws were sevens.)": "are hardly drawn.",
    "Gaussian reaches them, and 14 to 29 % of its draws fall into gaps.": (
        "Gaussian reaches them, and more of its draws fall into gaps."
    ),
    "one: on five seeds its middle was about three to four times as far": "one: its middle is several times as far",
}
AROUND = {
    "2.2": {"softplus": BEND, "swish": BEND},
    "3.1": {"temperature": STEPS},
    "3.2": {"nesterov": STEPS},
    "4.1": {"ink": GAPS},
    "4.3": {"city-block": GAPS},
    "5.3": {
        "wide-prior": {
            r"It is 0 only for $\mu = 0$ and $\sigma = 1$, where": r"It is 0 only for $\mu = 0$ and $\sigma = 2$, where"
        }
    },
    "6.2": {
        "minimax": {
            "2. The generator goes down $L_G$, through the D that has just moved:": (
                r"2. The generator goes down the library's $L_G = -\ln s(l)$, through the D that has just moved:"
            )
        }
    },
    "9.2": {
        "log-std": {r"($dB$ is $dz\,\varepsilon\,\sigma/2$ carried": r"($dB$ is $dz\,\varepsilon\,\sigma$ carried"}
    },
    "13.2": {
        "robust": {
            '{mean:.1%}, deviation {deviation:.1%}, standard error {standard_error:.1%}")': (
                '{mean:.1%}, median distance {deviation:.1%}, over √k {standard_error:.1%}")'
            ),
            "Grey: s.d. Blue: standard error. Orange: each seed": (
                "Grey: median distance. Blue: that over √k. Orange: each seed"
            ),
        }
    },
}
for _number, _around in AROUND.items():
    for _variant, _texts in _around.items():
        VARIANTS[_number][_variant] |= _texts

# Exercises of which a lesson uses both at once: they have the same variant, or none.
TOGETHER = [("9.1", "9.2")]


def applied(texts, wanted, variants=VARIANTS):
    """Return `texts` (path -> text of a lesson and its checks) with the variants `wanted` (number -> variant)."""
    done = {}
    for number, variant in wanted.items():
        for old, new in variants.get(number, {}).get(variant, {}).items():
            if done.get(old) == new:  # another variant has changed the same text
                continue
            done[old] = new
            places = [path for path, text in texts.items() if old in text]
            if sum(texts[path].count(old) for path in places) != 1:
                came = f"{old!r} stands in {len(places)} files, or more than once in one"
                raise UserError(f"variants.py: {number} {variant}: {came}, expected one place; was the lesson edited?")
            texts = texts | {places[0]: texts[places[0]].replace(old, new)}
    return texts
