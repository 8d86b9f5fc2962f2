"""Train an adversarial autoencoder on MNIST, or on data of your own: `python run_mnist.py --help`.

`python run_mnist.py …` is `tinyaae train …`; --resume, --evaluate and --samples are its verbs `resume` and `evaluate`.
"""

import sys

from tinyaae.cli import main, start_program

if __name__ == "__main__":
    sys.exit(start_program(main))
