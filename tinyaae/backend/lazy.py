"""Write a gradient where it would be added to zeros.

The textbook sets a phase's gradient to zero, and each backward adds to it. For the W of a wide layer this takes three
passes over memory: the zeros, the product, the sum. Here `Gradients.zero` only notes that nothing is written yet. The
first product is then written into place; whoever reads an array before that finds zeros. Both come to the same bits.
"""

from collections import UserDict

from ..networks import Gradients


class Unwritten(UserDict):
    """The gradients of one layer, name -> array; those in `unwritten` count as zero, whatever the memory holds."""

    def __init__(self, arrays):
        super().__init__(arrays)
        self.unwritten = set()

    def __getitem__(self, name):
        array = self.place(name)
        if array is not None:
            array[...] = 0
        return self.data[name]

    def place(self, name):
        """Return the array to write into if it counts as zero, else None; it counts as written from now on."""
        if name not in self.unwritten:
            return None
        self.unwritten.remove(name)
        return self.data[name]


def zero(gradients):
    """Do `Gradients.zero`: note that every array counts as zero."""
    if not hasattr(gradients, "leaves"):
        gradients.leaves = []
        gradients.by_network = {name: noting(tree, gradients.leaves) for name, tree in gradients.by_network.items()}
    for leaf in gradients.leaves:
        leaf.unwritten.update(leaf)


def noting(tree, leaves):
    """Return a network's gradients with each dict replaced by an `Unwritten`, which is also put into `leaves`."""
    if isinstance(tree, list):
        return [noting(part, leaves) for part in tree]
    leaves.append(Unwritten(tree))
    return leaves[-1]


def flat(gradients):
    """Return the whole vector, with zeros where nothing was written."""
    for leaf in vars(gradients).get("leaves", ()):
        list(leaf.values())
    return vars(gradients)["flat"]


Gradients.flat = property(flat, lambda gradients, vector: vars(gradients).update(flat=vector))
