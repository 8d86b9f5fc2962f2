"""The prose around the tables of results/README.md: what was run, what the words mean, and what the pictures show."""

OPENING = """\
`python -m results table` writes this page from the files of the runs; `python -m results check` compares the two. The
paper is Makhzani et al., *Adversarial Autoencoders* (2015).

* Errors are on the 10 000 test images, with the weights of the last epoch.
* Clusters are named, and the Parzen width is found, on 5 000 validation images held out of the 60 000.
* The labelled images are drawn again for each seed. All rows are permutation invariant: no shifts, no convolutions.
* "Its objectives alone" are the phases of the paper, with recipes of minutes instead of days. The additional terms are
  virtual adversarial training (VAT), information maximization and latent noise.
* Content accuracy is the share of samples P(y, z) that an independent judge calls y (`docs/guide.md`). Rows without a
  content accuracy were run before it was measured. Where such a row is semi-supervised, z holds the digit.
* Some recipes were tried on validation images of seeds 10 to 14, with the test set unread. They are all rows whose name
  ends in `-information-pairs`, and `semi-supervised-100`, `semi-supervised-100-longer`, `semi-supervised-100-decay`,
  `semi-supervised-100-information`, `semi-supervised-1000-robust-pairs`, `semi-supervised-all` and
  `semi-supervised-all-normed-pairs`. Rows of the clusters and of the plane without labels had a smaller ξ at first. It
  was doubled after test errors of seeds 0 to 2 had been seen (`LOG.md`). In the rows `…-robust-pairs` and
  `…-normed-pairs` the weights of additional terms are those of older rows. `semi-supervised-1000` takes the recipe of
  `semi-supervised-100` for 60 epochs. With all labels this recipe was run once, and its test error was seen (`LOG.md`).
  `clustering-16-long`, `clustering-30-long` and `likelihood-spread` differ from quick recipes by numbers that were set
  beforehand. The older recipes were chosen by validation errors, too, but on some of the rows' own seeds. Some forty of
  the earliest trials printed test errors, too.
* One row is not begun: 100 labels for 150 epochs with the paper's objectives alone.
* `LOG.md` records how the recipes were found. Settings were renamed once; commit d431525 is the last with the old
  names. The names of phases key the noise, so a seed of an older row now draws other noise. Most rows were not run
  again. Of two rows of the plane with 100 labels, seed 0 was. After ten and nine epochs these runs stood at validation
  errors of 14.6 and 17.5 %, and were stopped. The recorded runs had 3.0 and 3.2 % by then. Under its old name VAT
  draws the old noise, and four epochs of the second run repeat the recorded errors. These recipes are fragile: another
  noise may end elsewhere.

A Parzen estimate is a rough measure: Theis, van den Oord and Bethge (2016) advise against it for judging samples.

Other papers report these test errors in % on MNIST with 100 labels, permutation invariant: Bad GAN 0.80 ± 0.10;
feature-matching GAN 0.93 ± 0.07; ADGM 0.96 ± 0.02; Ladder network 1.06 ± 0.37; SDGM 1.32 ± 0.07; VAT 1.36; AAE
1.90 ± 0.10; CatGAN 1.91 ± 0.10; VAE (M1+M2) 3.33. They report these accuracies of clustering in %: IMSAT 98.4 (10
clusters); SpectralNet 97.1; VaDE 94.5; AAE 90.5 (16 clusters) and 95.9 (30)."""

LEGEND = """\
These words stand in the titles and beside the values; `tinyaae/extras.py` has the equations:

* **the paper's recipe**: SGD, its learning rates, no batch norm. Other rows start from the quick recipe of their mode.
* **z judged alone**: D_gauss reads z and not y. In these runs z holds the digit, and y does not decide what is painted.
* **with VAT**: virtual adversarial training keeps y constant near each image. **by its own Adam**: with an optimizer of
  its own.
* **and information maximization**: in addition, y is confident for each image and balanced over all images. Records
  take the direction of VAT from the log-odds of y, the other rows from the KL beside the image.
* **D_gauss reads y**: it does in all semi-supervised rows with a content accuracy, too. So y decides what is painted.
* **with latent noise**: P is also trained on noisy codes.
* **resampled by D**: each z is one of 32 draws from the prior, with odds exp(−logit) (`draw` in `tinyaae/model.py`).
  Such samples are approximately of q(z), the distribution of codes, and not of the prior p(z).

Best public is the best result on record with other public code of adversarial autoencoders:

* 100 labels, read off a curve: [musyoku](https://github.com/musyoku/adversarial-autoencoder);
* the plane without labels: a user of musyoku's code;
* 1280 labels: [conan7882](https://github.com/conan7882/adversarial-autoencoders);
* 30 clusters: [shaharazulay](https://github.com/shaharazulay/adversarial-autoencoder-classifier);
* the plane with 100 labels, and both likelihoods:
  [1henrypage](https://github.com/1henrypage/adversarial-autoencoders)."""

PICTURES = """
![For each experiment, the error on validation images against the epochs](pictures/length.png)

The error on validation images against the epochs, for the rows of the short table. A line is the mean over the seeds,
a band goes from the least to the largest. With the paper's objectives alone, 100 labels gain most in the first forty
epochs, and more epochs would bring little. On seed 0 a hundred epochs do not help clusters, either: see
`clustering-16-long` and `clustering-30-long` above. Reduction to ten dimensions is still improving when its run ends.
`python -m results curves` draws this picture.

![Thirty clusters: for each, what P paints and ten of its images](pictures/members.png)

The program drew this picture of `clustering-30-information-pairs`, seed 0, trained without a label. For each y the
picture has the ten test images with the highest q(y|x). All values of y are in use. Each cluster is of one digit, with
at most 22 images of other digits.

![Two dimensions: codes of test images around their cluster heads, beside draws from the prior](pictures/plane.png)

The program drew this picture of `reduction-2d-100-information-pairs`, seed 0, with 100 labels. It corresponds to figure
10 of the paper: 2 000 test images, coloured by their true digits. D_gauss reads y, so the z of each digit is close
to the prior.

![Ten dimensions: codes of test images on the circle of their cluster heads](pictures/circle.png)

The program drew this picture of `reduction-10d-100-information-pairs`, seed 0. It corresponds to figure 11 of the
paper: codes of test images, coloured by their true digits. A linear map sends the ten heads to a circle."""

CLUSTERING_EXTRAS = """
## Clustering extras

This table shows the effect of each extra on the clustering error, all else equal. The recipe is the quick one with 30
clusters, but small and short, on one seed. VAT and information maximization come from other literature, the other
extras from public code of adversarial autoencoders. Errors are in %, with clusters named on validation images. The
paper's protocol names a whole cluster by one image; its error jumps by points from epoch to epoch. The other error
names a cluster by majority. The weights are first guesses. Another seed can make a difference of a few points.

The distance of VAT grows over 10 000 updates. Here it reaches a third of its value, except with `vat_rampup=1`. In the
rows above it reaches at least four fifths. Information maximization alone does harm: it uses all clusters, but they
need not correspond to digits.

A row marked as a record is of a term that has left the package; the commit in the mark still has that term. Three of
these terms are phases in `examples/` now. A prior in `examples/` is like the prior of `balance`.
"""
