"""Slips of the keyboard in a solution, each of which a strict check must refuse.

The mistakes that an exercise lists are transforms of its outcome. These change the solution itself, one place at a
time: a transpose left out, + for −, × for ÷, a mean for a sum, another axis, a factor or a sign left out.
"""

import ast
import copy

# Slips that change nothing that a check could see.
EQUIVALENT = {
    ("10.4", "((other_z[:, None, :] - means) ** 2).mean for ((other_z[:, None, :] - means) ** 2).sum"),  # same nearest
    (
        "12.2",
        "np.sqrt(np.sum(apart * apart, axis=2)) - np.eye(len(heads)) for "
        "np.sqrt(np.sum(apart * apart, axis=2)) + np.eye(len(heads))",  # anything but 0 will do there
    ),
}

SWAPPED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
OTHER = {"sum": "mean", "mean": "sum", "max": "min", "min": "max", "maximum": "minimum", "minimum": "maximum"}


def mutants(module, text, name):
    """Yield (what it says in place of what, function) for each slip in the function `name` of a lesson.

    `text` is the lesson's, and `module` gives the function everything else that it uses.
    """
    function = next(node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.name == name)
    for k, node in enumerate(ast.walk(function)):
        for slip in slips(node):
            changed = copy.deepcopy(function)
            place = list(ast.walk(changed))[k]
            before, after = ast.unparse(node), ast.unparse(slip)
            changed = Replace(place, slip).visit(changed)
            namespace = dict(vars(module))
            exec(compile(ast.fix_missing_locations(ast.Module([changed], [])), "<mutant>", "exec"), namespace)
            yield f"{after} for {before}", namespace[name]


def slips(node):
    """Return the nodes that a slip would put in the place of this one."""
    found = []
    if isinstance(node, ast.Attribute) and node.attr == "T":
        found.append(node.value)
    if isinstance(node, ast.Attribute) and node.attr in OTHER:
        found.append(ast.Attribute(node.value, OTHER[node.attr], ast.Load()))
    if isinstance(node, ast.BinOp) and type(node.op) in SWAPPED:
        found.append(ast.BinOp(node.left, SWAPPED[type(node.op)](), node.right))
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)):
        found.append(node.left)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        found.append(node.operand)
    if isinstance(node, ast.keyword) and node.arg == "axis" and getattr(node.value, "value", None) in (0, 1):
        found.append(ast.keyword("axis", ast.Constant(1 - node.value.value)))
    return found


class Replace(ast.NodeTransformer):
    """Puts `new` in the place of the node `old`."""

    def __init__(self, old, new):
        self.old, self.new = old, new

    def visit(self, node):
        return self.new if node is self.old else super().visit(node)
