"""The words around the tables of results/README.md: what was run, and what to see in it."""

OPENING = """\
Written by `python -m results table` from the files beside it; `python -m results check` compares. The paper is
Makhzani et al., *Adversarial Autoencoders* (2015).

* Errors are on the 10 000 test images, with the weights of the last epoch.
* Clusters are named, and the Parzen width is found, on 5 000 validation images held out of the 60 000.
* The labelled images are drawn again for each seed. All rows are permutation invariant: no shifts, no convolutions.
* "Its objectives alone" are the phases of the paper, with recipes of minutes instead of days. The additional terms are
  virtual adversarial training (VAT), information maximization and latent noise.
* Content accuracy is the share of samples P(y, z) that an independent judge calls y (`docs/guide.md`). Rows without
  one were run before it was measured. In the semi-supervised ones among them, z holds the digit.
* `LOG.md` says how the recipes were found. Settings were renamed once; commit d431525 is the last with the old names.

A Parzen estimate is a rough measure: Theis, van den Oord and Bethge (2016) advise against it for judging samples.

MNIST with 100 labels, permutation invariant, as other papers report it (test error %): Bad GAN 0.80 ± 0.10,
feature-matching GAN 0.93 ± 0.07, ADGM 0.96 ± 0.02, Ladder network 1.06 ± 0.37, SDGM 1.32 ± 0.07, VAT 1.36,
AAE 1.90 ± 0.10, CatGAN 1.91 ± 0.10, VAE (M1+M2) 3.33. Clustering, accuracy %: IMSAT 98.4 (10 clusters),
SpectralNet 97.1, VaDE 94.5, AAE 90.5 (16 clusters) and 95.9 (30)."""

LEGEND = """\
What the words of the titles mean; `tinyaae/extras.py` has the equations:

* **the paper's recipe**: SGD, its learning rates, no batch norm. Other rows start from the quick recipe of their mode.
* **z judged alone**: D_gauss reads z and not y. In these runs z holds the digit, and y does not decide what is painted.
* **with VAT**: virtual adversarial training keeps y constant near each image. **by its own Adam**: with an optimizer of
  its own.
* **and information maximization**: in addition, y is confident for each image and balanced over all images.
* **with latent noise**: P is also trained on noisy codes.
* **resampled by D**: each z is one of 32 draws from the prior, with odds exp(−logit) (`draw` in `tinyaae/model.py`).
  Such samples are approximately of q(z), the distribution of codes, and not of the prior p(z).

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
