"""What a term's variants change in the text of the lessons: number -> variant -> {text: replacement}.

Each text must occur exactly once in its lesson. The answers stand with the exercises, as `Exercise.variants`.
"""

VARIANTS = {
    "7.1": {
        "smooth": {  # one-sided label smoothing
            r"\sum_{i=1}^{n} \ln s(l^{real}_i)": (
                r"\sum_{i=1}^{n} \bigl(0.9 \ln s(l^{real}_i) + 0.1 \ln(1 - s(l^{real}_i))\bigr)"
            ),
            "The target of a real draw is 1,": "The target of a real draw is 0.9 here, so that $D$ is never too sure;",
            "loss = np.mean(np.logaddexp(0, -real))": (
                "loss = np.mean(0.9 * np.logaddexp(0, -real) + 0.1 * np.logaddexp(0, real))"
            ),
            "dreal = ((np.tanh(real / 2) + 1) / 2 - 1)": "dreal = ((np.tanh(real / 2) + 1) / 2 - 0.9)",
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
        },
    },
    "11.1": {
        "temperature": {
            r"$y_j = e^{l_j} / \sum_i e^{l_i}$ in each row.": (r"$y_j = e^{l_j/2} / \sum_i e^{l_i/2}$ in each row."),
            r"y_j([i = j] - y_i)$": r"\tfrac12 y_j([i = j] - y_i)$",
            r"$$ dl_i = \sum_j dy_j \frac{\partial y_j}{\partial l_i} = y_i": (
                r"$$ dl_i = \sum_j dy_j \frac{\partial y_j}{\partial l_i} = \tfrac12 y_i"
            ),
            "e = np.exp(logits - logits.max(axis=1, keepdims=True))": (
                "e = np.exp((logits - logits.max(axis=1, keepdims=True)) / 2)"
            ),
            "return y, y * (dy -": "return y, 0.5 * y * (dy -",
        },
    },
}
