"""The rows of the table: what the paper reports, the best public reproduction, and the flags that make it here.

`key` is the entry of result.json that the row reports; `better` is "lower" or "higher". The flags belong to
run_mnist.py, so each row is one command. `results run` adds --seed and --out.
"""

from typing import NamedTuple


class Experiment(NamedTuple):
    """One row: `paper` and `public` are texts as found, `flags` are passed to run_mnist.py.

    A row with `of` reports runs of the experiment `of`; with `samples`, they are evaluated with that many samples. A
    row with a `record` is kept as it is: this code no longer makes its runs, but the commit of that short name does.
    """

    title: str
    key: str
    paper: str
    public: str
    flags: str
    better: str = "lower"
    of: str | None = None
    samples: int = 0
    record: str = ""


SEMI = "semi-supervised error %, "
# In addition to the paper's own rows: the same rows with VAT (`VirtualAdversarial` in tinyaae/extras.py). Those with
# labels and Adam have less noise on the input, because VAT and this noise both keep y constant near an image.
EXTRA = ", with VAT"
INFORMATIVE = " and information maximization"
SLOWER = " --batch-size 100 --set lr_reconstruction=0.001"  # more and smaller steps
# D_gauss does not read y: y does not decide what P paints
APART = f" --z 15 --set condition_on_y=false{SLOWER} --set lr_adversarial=0.0003"
NARROW = " --hidden 400,400"
CLUSTERS = " --extra vat=2"  # VAT alone, without labels: ε grows slowly, or clusters merge
WIDE = f"--epochs 40 --hidden 800,800{CLUSTERS}"  # the paper has 3000-3000
# y stays soft at first: information maximization keeps all of y in use, and the weight of D_cat's loss grows slowly
INFORMATION = f"{CLUSTERS} --extra information-maximization=0.1 --set vat_rampup=1 --set lr_vat=0.3"
INFORMED = f"--epochs 40{INFORMATION} --set adversarial_warmup=11000"
ROBUST = " --extra vat=3 --input-noise 0.2"
# a smaller ε, and VAT by its own Adam, with a larger step and a larger β₁
QUICKER = " --extra vat=2 --input-noise 0.2 --set vat_optimizer=adam --set lr_vat=0.001"
# Reconstruction moves Q through z alone, so both learning rates can be those of the other modes
HELD = "--set detach_y=true --set lr_reconstruction=0.001 --set lr_adversarial=0.0003"
PAPER = f"--preset paper --epochs 60{NARROW}"  # the paper's recipe, a hundredth as long, and four tenths as wide
NORMED = "--labels all --preset paper-batch-norm --extra vat=2"
PARZEN, PARZEN_FOUND = "Parzen log-likelihood, 10 000 samples", ("340 ± 2", "377.5 ± 3.6")
PARZEN_PICKED = PARZEN + ", as above, resampled by D from 32 candidates"
LABEL_GIVEN = "P and D given the label, z of 6 dimensions"
SIX_D, LABELS = "--preset likelihood", "--preset likelihood-labels"
# The last commit in which VAT with information maximization took the direction of the log-odds
DIRECTION_GONE = "bbec359"
SETTINGS_GONE = "b6516ff"  # the last commit with --set input_dropout, which two rows used
SMOOTH = "--input-noise 0.1 --set input_dropout=0.3 --set head_norm=true --extra latent-noise=0.15"
SIX_D_SMOOTH = f"--mode aae --z 6 --epochs 200 {SMOOTH}"
LABELS_SMOOTH = f"--mode supervised --z 6 --epochs 120 {SMOOTH} --set condition_on_y=true"
DEEP = " --hidden 500,500,500 --input-noise 0.25 --extra latent-noise=0.15"
SIX_D_DEEP, LABELS_DEEP = f"{SIX_D} --epochs 40{DEEP}", f"{LABELS} --epochs 40{DEEP}"
SIX_D_ENTROPY = f"{SIX_D}{DEEP} --set reconstruction=cross-entropy"
LABELS_ENTROPY = f"{LABELS}{DEEP} --set reconstruction=cross-entropy"
EXPERIMENTS = {
    "semi-supervised-100": Experiment(
        SEMI + "100 labels", "test_error", "1.90 ± 0.10", "≈4 (read off a curve)", "--labels 100"
    ),
    "semi-supervised-100-longer": Experiment(
        SEMI + "100 labels, 100 epochs", "test_error", "1.90 ± 0.10", "≈4 (read off a curve)",
        "--labels 100 --epochs 100",
    ),
    "semi-supervised-100-decay": Experiment(
        SEMI + "100 labels, 100 epochs, with a longer decay", "test_error", "1.90 ± 0.10", "≈4 (read off a curve)",
        "--labels 100 --epochs 100 --set linear_decay_from=0.25",
    ),
    "semi-supervised-100-information": Experiment(
        SEMI + "100 labels, 60 epochs" + EXTRA + INFORMATIVE, "test_error", "1.90 ± 0.10", "≈4 (read off a curve)",
        f"--labels 100 --epochs 60{QUICKER} --extra information-maximization=0.1",
        record=DIRECTION_GONE,
    ),
    "semi-supervised-100-robust-pairs": Experiment(
        SEMI + "100 labels, 60 epochs" + EXTRA + " by its own Adam", "test_error", "1.90 ± 0.10",
        "≈4 (read off a curve)",
        f"--labels 100 --epochs 60 --hidden 400,400{SLOWER} --set lr_adversarial=0.0006{QUICKER}",
    ),
    "semi-supervised-100-information-pairs": Experiment(
        SEMI + "100 labels, 30 epochs" + EXTRA + INFORMATIVE + ", D_gauss reads y", "test_error", "1.90 ± 0.10",
        "≈4 (read off a curve)", "--preset semi-supervised",
    ),
    "semi-supervised-100-apart": Experiment(
        SEMI + "100 labels", "test_error", "1.90 ± 0.10", "≈4 (read off a curve)",
        "--labels 100 --input-noise 0.4" + APART + NARROW,
    ),
    "semi-supervised-100-paper": Experiment(
        SEMI + "100 labels, the paper's recipe, 60 epochs", "test_error", "1.90 ± 0.10", "≈4 (read off a curve)",
        "--labels 100 " + PAPER,
    ),
    "semi-supervised-100-long": Experiment(
        SEMI + "100 labels, 60 epochs", "test_error", "1.90 ± 0.10", "≈4 (read off a curve)",
        "--labels 100 --epochs 60 --hidden 500 --input-noise 0.4" + APART,
    ),
    "semi-supervised-100-robust": Experiment(
        SEMI + "100 labels" + EXTRA, "test_error", "1.90 ± 0.10", "≈4 (read off a curve)",
        "--labels 100" + ROBUST + APART + NARROW
    ),
    "semi-supervised-100-robust-long": Experiment(
        SEMI + "100 labels, 60 epochs" + EXTRA, "test_error", "1.90 ± 0.10", "≈4 (read off a curve)",
        "--labels 100 --epochs 60" + ROBUST + APART + NARROW,
    ),
    "semi-supervised-100-robust-adam": Experiment(
        SEMI + "100 labels, 60 epochs" + EXTRA + " by its own Adam", "test_error", "1.90 ± 0.10",
        "≈4 (read off a curve)", "--labels 100 --epochs 60" + QUICKER + APART + NARROW,
    ),
    "semi-supervised-1000": Experiment(
        SEMI + "1000 labels", "test_error", "1.60 ± 0.08", "2.90 (1280 labels)", "--labels 1000 --epochs 60",
    ),
    "semi-supervised-1000-robust-long": Experiment(
        SEMI + "1000 labels, 60 epochs" + EXTRA, "test_error", "1.60 ± 0.08", "2.90 (1280 labels)",
        "--labels 1000 --epochs 60" + ROBUST + APART + NARROW,
    ),
    "semi-supervised-1000-robust-adam": Experiment(
        SEMI + "1000 labels, 60 epochs" + EXTRA + " by its own Adam", "test_error", "1.60 ± 0.08",
        "2.90 (1280 labels)", f"--labels 1000 --epochs 60{QUICKER} --set vat_rampup=3000{APART}{NARROW}",
    ),
    "semi-supervised-1000-robust-pairs": Experiment(
        SEMI + "1000 labels, 60 epochs" + EXTRA + " by its own Adam", "test_error", "1.60 ± 0.08",
        "2.90 (1280 labels)",
        f"--labels 1000 --epochs 60{NARROW}{SLOWER} --set lr_adversarial=0.0006{QUICKER}",
    ),
    "semi-supervised-1000-information-pairs": Experiment(
        SEMI + "1000 labels, 30 epochs" + EXTRA + INFORMATIVE + ", D_gauss reads y", "test_error", "1.60 ± 0.08",
        "2.90 (1280 labels)", "--preset semi-supervised --labels 1000 --set lr_classifier=0.01",
    ),
    "semi-supervised-all": Experiment(
        SEMI + "all labels", "test_error", "0.85 ± 0.02", "none", "--labels all --set lr_classifier=0.5",
    ),
    "semi-supervised-all-batch-norm": Experiment(
        SEMI + "all labels, the paper's recipe with batch norm, 30 epochs", "test_error", "0.85 ± 0.02", "none",
        f"--labels all --preset paper-batch-norm --epochs 30{NARROW} --z 8 --set condition_on_y=true "
        "--set 'step_decay={\"20\":0.1}'",
    ),
    "semi-supervised-all-paper-robust": Experiment(
        SEMI + "all labels, the paper's recipe, 60 epochs" + EXTRA, "test_error", "0.85 ± 0.02", "none",
        "--labels all " + PAPER + ROBUST,
    ),
    "semi-supervised-all-normed": Experiment(
        SEMI + "all labels, the paper's recipe with batch norm, 60 epochs" + EXTRA, "test_error", "0.85 ± 0.02", "none",
        f"{NORMED} --epochs 60{NARROW}",
    ),
    "semi-supervised-all-normed-long": Experiment(
        SEMI + "all labels, the paper's recipe with batch norm, 100 epochs" + EXTRA, "test_error", "0.85 ± 0.02",
        "none", f"{NORMED} --epochs 100{NARROW} --set 'step_decay={{\"80\":0.1}}'",
    ),
    "semi-supervised-all-normed-wide": Experiment(
        SEMI + "all labels, the paper's recipe with batch norm, 60 epochs, wider" + EXTRA, "test_error", "0.85 ± 0.02",
        "none", f"{NORMED} --epochs 60 --hidden 800,800",
    ),
    "semi-supervised-all-normed-pairs": Experiment(
        SEMI + "all labels, the paper's recipe with batch norm, 60 epochs" + EXTRA, "test_error", "0.85 ± 0.02", "none",
        f"{NORMED} --epochs 60{NARROW} --z 8 --set condition_on_y=true",
    ),
    "clustering-10": Experiment(
        "clustering error %, 10 clusters", "cluster_error", "none", "none", "--mode clustering --clusters 10"
    ),
    "clustering-10-information-pairs": Experiment(
        "clustering error %, 10 clusters, 30 epochs" + EXTRA + INFORMATIVE + ", D_gauss reads y", "cluster_error",
        "none", "none", "--preset clustering-16 --clusters 10",
    ),
    "clustering-16": Experiment(
        "clustering error %, 16 clusters", "cluster_error", "9.55 ± 2.05", "none", "--mode clustering --clusters 16"
    ),
    "clustering-16-long": Experiment(
        "clustering error %, 16 clusters, 100 epochs, wider", "cluster_error", "9.55 ± 2.05",
        "none", "--mode clustering --clusters 16 --epochs 100 --hidden 800,800",
    ),
    "clustering-16-robust": Experiment(
        "clustering error %, 16 clusters" + EXTRA, "cluster_error", "9.55 ± 2.05", "none",
        "--mode clustering --clusters 16" + CLUSTERS,
    ),
    "clustering-16-information": Experiment(
        "clustering error %, 16 clusters" + EXTRA + INFORMATIVE, "cluster_error", "9.55 ± 2.05", "none",
        "--preset clustering-16",
        record=DIRECTION_GONE,
    ),
    "clustering-16-information-pairs": Experiment(
        "clustering error %, 16 clusters, 30 epochs" + EXTRA + INFORMATIVE + ", D_gauss reads y", "cluster_error",
        "9.55 ± 2.05", "none", "--preset clustering-16",
    ),
    "clustering-30": Experiment(
        "clustering error %, 30 clusters", "cluster_error", "4.10 ± 1.13", "15 (named on the scored set)",
        "--mode clustering --clusters 30",
    ),
    "clustering-30-long": Experiment(
        "clustering error %, 30 clusters, 100 epochs, wider", "cluster_error", "4.10 ± 1.13",
        "15 (named on the scored set)", "--mode clustering --clusters 30 --epochs 100 --hidden 800,800",
    ),
    "clustering-30-robust": Experiment(
        "clustering error %, 30 clusters" + EXTRA, "cluster_error", "4.10 ± 1.13", "15 (named on the scored set)",
        "--mode clustering --clusters 30" + CLUSTERS,
    ),
    "clustering-30-robust-long": Experiment(
        "clustering error %, 30 clusters, 40 epochs" + EXTRA, "cluster_error", "4.10 ± 1.13",
        "15 (named on the scored set)", "--mode clustering --clusters 30 --epochs 40" + CLUSTERS,
    ),
    "clustering-30-robust-wide": Experiment(
        "clustering error %, 30 clusters, 40 epochs, wider" + EXTRA, "cluster_error", "4.10 ± 1.13",
        "15 (named on the scored set)", "--mode clustering --clusters 30 " + WIDE,
    ),
    "clustering-30-information": Experiment(
        "clustering error %, 30 clusters, 40 epochs" + EXTRA + INFORMATIVE, "cluster_error", "4.10 ± 1.13",
        "15 (named on the scored set)", "--mode clustering --clusters 30 " + INFORMED,
        record=DIRECTION_GONE,
    ),
    "clustering-30-information-wide": Experiment(
        "clustering error %, 30 clusters, 25 epochs, wider" + EXTRA + INFORMATIVE, "cluster_error",
        "4.10 ± 1.13", "15 (named on the scored set)", "--preset clustering-30",
        record=DIRECTION_GONE,
    ),
    "clustering-30-information-pairs": Experiment(
        "clustering error %, 30 clusters, 30 epochs" + EXTRA + INFORMATIVE + ", D_gauss reads y", "cluster_error",
        "4.10 ± 1.13", "15 (named on the scored set)", "--preset clustering-30",
    ),
    "reduction-2d-1000": Experiment(
        "2-D reduction error %, 1000 labels", "test_error", "4.20", "none", "--mode reduction --labels 1000"
    ),
    "reduction-2d-1000-robust": Experiment(
        "2-D reduction error %, 1000 labels" + EXTRA, "test_error", "4.20", "none",
        "--mode reduction --labels 1000" + ROBUST,
    ),
    "reduction-2d-1000-information-pairs": Experiment(
        "2-D reduction error %, 1000 labels, 30 epochs" + EXTRA + INFORMATIVE + ", D_gauss reads y", "test_error",
        "4.20", "none", "--preset reduction --labels 1000 --set lr_classifier=0.01",
    ),
    "reduction-2d-100": Experiment(
        "2-D reduction error %, 100 labels", "test_error", "6.08", "26", "--mode reduction --labels 100"
    ),
    "reduction-2d-100-robust": Experiment(
        "2-D reduction error %, 100 labels" + EXTRA, "test_error", "6.08", "26",
        "--mode reduction --labels 100" + ROBUST,
    ),
    "reduction-2d-100-robust-long": Experiment(
        "2-D reduction error %, 100 labels, 40 epochs" + EXTRA, "test_error", "6.08", "26",
        "--mode reduction --labels 100 --epochs 40" + ROBUST,
    ),
    "reduction-2d-100-robust-adam": Experiment(
        "2-D reduction error %, 100 labels, 40 epochs" + EXTRA + " by its own Adam", "test_error", "6.08", "26",
        f"--mode reduction --labels 100 --epochs 40{QUICKER} {HELD}",
    ),
    "reduction-2d-100-information-pairs": Experiment(
        "2-D reduction error %, 100 labels, 30 epochs" + EXTRA + INFORMATIVE + ", D_gauss reads y", "test_error",
        "6.08", "26", "--preset reduction --labels 100",
    ),
    "reduction-2d-0": Experiment(
        "2-D reduction error %, no labels, 20 clusters", "cluster_error", "13.95", "≈40",
        "--mode reduction --labels 0 --clusters 20",
    ),
    "reduction-2d-0-robust": Experiment(
        "2-D reduction error %, no labels, 20 clusters" + EXTRA, "cluster_error", "13.95", "≈40",
        "--mode reduction --labels 0 --clusters 20" + CLUSTERS,
    ),
    "reduction-2d-0-robust-long": Experiment(
        "2-D reduction error %, no labels, 20 clusters, 40 epochs" + EXTRA, "cluster_error", "13.95", "≈40",
        "--mode reduction --labels 0 --clusters 20 --epochs 40" + CLUSTERS,
    ),
    "reduction-2d-0-information": Experiment(
        "2-D reduction error %, no labels, 20 clusters, 30 epochs" + EXTRA + INFORMATIVE, "cluster_error",
        "13.95", "≈40",
        "--preset reduction-unlabelled --epochs 30 --set adversarial_warmup=8250",
        record=DIRECTION_GONE,
    ),
    "reduction-2d-0-information-short": Experiment(
        "2-D reduction error %, no labels, 20 clusters" + EXTRA + INFORMATIVE, "cluster_error", "13.95", "≈40",
        "--preset reduction-unlabelled",
        record=DIRECTION_GONE,
    ),
    "reduction-2d-0-information-pairs": Experiment(
        "2-D reduction error %, no labels, 20 clusters, 30 epochs" + EXTRA + INFORMATIVE + ", D_gauss reads y",
        "cluster_error", "13.95", "≈40", "--preset reduction",
    ),
    "reduction-10d-100": Experiment(
        "10-D reduction error %, 100 labels", "test_error", "3.90", "none", "--mode reduction --labels 100 --z 10"
    ),
    "reduction-10d-100-robust-long": Experiment(
        "10-D reduction error %, 100 labels, 40 epochs" + EXTRA, "test_error", "3.90", "none",
        "--mode reduction --labels 100 --z 10 --epochs 40" + ROBUST,
    ),
    "reduction-10d-100-information-pairs": Experiment(
        "10-D reduction error %, 100 labels, 30 epochs" + EXTRA + INFORMATIVE + ", D_gauss reads y", "test_error",
        "3.90", "none", "--preset reduction --labels 100 --z 10 --set eta=15 --set lr_adversarial=0.3",
    ),
    "likelihood": Experiment(PARZEN, "log_likelihood", *PARZEN_FOUND, "--mode aae --epochs 60", "higher"),
    "likelihood-spread": Experiment(
        PARZEN + ", a prior of standard deviation 5", "log_likelihood", *PARZEN_FOUND,
        "--mode aae --epochs 60 --set prior_std=5", "higher",
    ),
    "likelihood-6d": Experiment(
        PARZEN + ", z of 6 dimensions, 100 epochs", "log_likelihood", *PARZEN_FOUND, SIX_D, "higher"
    ),
    "likelihood-6d-picked": Experiment(
        PARZEN_PICKED, "log_likelihood_resampled", *PARZEN_FOUND, SIX_D, "higher", "likelihood-6d"
    ),
    "likelihood-6d-smooth": Experiment(
        PARZEN + ", z of 6 dimensions, 200 epochs, with latent noise", "log_likelihood", *PARZEN_FOUND, SIX_D_SMOOTH,
        "higher", record=SETTINGS_GONE,
    ),
    "likelihood-6d-smooth-picked": Experiment(
        PARZEN_PICKED, "log_likelihood_resampled", *PARZEN_FOUND, SIX_D_SMOOTH, "higher", "likelihood-6d-smooth",
        record=SETTINGS_GONE,
    ),
    "likelihood-6d-deep": Experiment(
        PARZEN + ", z of 6 dimensions, 40 epochs, with latent noise, deeper", "log_likelihood", *PARZEN_FOUND,
        SIX_D_DEEP, "higher",
    ),
    "likelihood-6d-deep-picked": Experiment(
        PARZEN_PICKED, "log_likelihood_resampled", *PARZEN_FOUND, SIX_D_DEEP, "higher", "likelihood-6d-deep"
    ),
    "likelihood-6d-entropy": Experiment(
        PARZEN + ", z of 6 dimensions, 100 epochs, with latent noise, deeper, with cross-entropy", "log_likelihood",
        *PARZEN_FOUND, SIX_D_ENTROPY, "higher",
    ),
    "likelihood-6d-entropy-picked": Experiment(
        PARZEN_PICKED, "log_likelihood_resampled", *PARZEN_FOUND, SIX_D_ENTROPY, "higher", "likelihood-6d-entropy"
    ),
    "likelihood-labels": Experiment(
        f"{PARZEN}, {LABEL_GIVEN}, 100 epochs", "log_likelihood", *PARZEN_FOUND,
        LABELS, "higher",
    ),
    "likelihood-labels-picked": Experiment(
        PARZEN_PICKED, "log_likelihood_resampled", *PARZEN_FOUND, LABELS, "higher", "likelihood-labels"
    ),
    "likelihood-labels-smooth": Experiment(
        f"{PARZEN}, {LABEL_GIVEN}, 120 epochs, with latent noise", "log_likelihood", *PARZEN_FOUND, LABELS_SMOOTH,
        "higher", record=SETTINGS_GONE,
    ),
    "likelihood-labels-smooth-picked": Experiment(
        PARZEN_PICKED, "log_likelihood_resampled", *PARZEN_FOUND, LABELS_SMOOTH, "higher", "likelihood-labels-smooth",
        record=SETTINGS_GONE,
    ),
    "likelihood-labels-deep": Experiment(
        f"{PARZEN}, {LABEL_GIVEN}, 40 epochs, with latent noise, deeper", "log_likelihood", *PARZEN_FOUND, LABELS_DEEP,
        "higher",
    ),
    "likelihood-labels-deep-picked": Experiment(
        PARZEN_PICKED, "log_likelihood_resampled", *PARZEN_FOUND, LABELS_DEEP, "higher", "likelihood-labels-deep"
    ),
    "likelihood-labels-entropy": Experiment(
        f"{PARZEN}, {LABEL_GIVEN}, 100 epochs, with latent noise, deeper, with cross-entropy", "log_likelihood",
        *PARZEN_FOUND, LABELS_ENTROPY, "higher",
    ),
    "likelihood-labels-entropy-picked": Experiment(
        PARZEN_PICKED, "log_likelihood_resampled", *PARZEN_FOUND, LABELS_ENTROPY, "higher", "likelihood-labels-entropy"
    ),
    "likelihood-10m": Experiment(
        "Parzen log-likelihood, 10 000 000 samples", "log_likelihood_10m", "427", "412.2 (500 000 samples)",
        "--mode aae --epochs 60", "higher", "likelihood", 10_000_000,
    ),
}  # fmt: skip

# the paper's experiments -> our rows for the short table: with the paper's objectives alone, and with additional terms
HEADLINES = {
    "semi-supervised-100": ("semi-supervised-100-decay", "semi-supervised-100-information-pairs"),
    "semi-supervised-1000": ("semi-supervised-1000", "semi-supervised-1000-information-pairs"),
    "semi-supervised-all": ("semi-supervised-all-batch-norm", "semi-supervised-all-normed-pairs"),
    "clustering-10": ("clustering-10", "clustering-10-information-pairs"),
    "clustering-16": ("clustering-16", "clustering-16-information-pairs"),
    "clustering-30": ("clustering-30", "clustering-30-information-pairs"),
    "reduction-2d-1000": ("reduction-2d-1000", "reduction-2d-1000-information-pairs"),
    "reduction-2d-100": ("reduction-2d-100", "reduction-2d-100-information-pairs"),
    "reduction-2d-0": ("reduction-2d-0", "reduction-2d-0-information-pairs"),
    "reduction-10d-100": ("reduction-10d-100", "reduction-10d-100-information-pairs"),
    "likelihood": ("likelihood-6d", "likelihood-6d-deep"),
    "likelihood-10m": ("likelihood-10m", ""),
}

# The effect of each extra on the error of 30 clusters, all else equal and small. Each weight is a first guess.
ABLATION = "--mode clustering --clusters 30 --epochs 6 --hidden 200,200"
EXTRAS = {
    "mutual-information": "mutual-information=0.1",
    "mutual-information-1": "mutual-information=1",
    "z-penalty": "z-penalty=0.1",
    "y-decoder": "y-decoder=0.3",
    "repulsion": "repulsion=0.001",
    "repulsion-0.01": "repulsion=0.01",
    "robustness": "vat=2",
    "information": "information-maximization=0.1",
    "robustness-information": "vat=2 --extra information-maximization=0.1 --set vat_rampup=1",
    "balance": "balance=1",
}
RECORDS = dict.fromkeys(set(EXTRAS) - {"robustness", "information", "robustness-information"}, "7358c58")
RECORDS["robustness-information"] = DIRECTION_GONE
ERROR = "cluster_error_majority"  # the paper's naming of a cluster by one image jumps by points between epochs
EXPERIMENTS["ablation-none"] = Experiment("none", ERROR, "", "", ABLATION)
EXPERIMENTS |= {
    f"ablation-{name}": Experiment(
        f"`--extra {extra}`", ERROR, "", "", f"{ABLATION} --extra {extra}", record=RECORDS.get(name, "")
    )
    for name, extra in EXTRAS.items()
}
