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
}


def applied(texts, wanted, variants=VARIANTS):
    """Return `texts` (path -> text of a lesson and its checks) with the variants `wanted` (number -> variant)."""
    for number, variant in wanted.items():
        for old, new in variants.get(number, {}).get(variant, {}).items():
            places = [path for path, text in texts.items() if old in text]
            if sum(texts[path].count(old) for path in places) != 1:
                came = f"{old!r} stands in {len(places)} files, or more than once in one"
                raise UserError(f"variants.py: {number} {variant}: {came}, expected one place; was the lesson edited?")
            texts = texts | {places[0]: texts[places[0]].replace(old, new)}
    return texts
