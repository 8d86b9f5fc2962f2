"""The prose around the tables of results/README.md: what was run, what the words mean, and what the pictures show."""

OPENING = """\
`python -m results table` writes this page from the files of the runs; `python -m results check` compares the two. The
paper is Makhzani et al., *Adversarial Autoencoders* (2015).

* Errors are on the 10 000 test images, with the weights of the last epoch.
* Clusters are named, and the Parzen width is found, on 5 000 validation images held out of the 60 000.
* The labelled images are drawn again for each seed. All rows are permutation invariant: no shifts, no convolutions.
* "Its objectives alone" are the phases of the paper, with recipes of minutes instead of days. In the semi-supervised
  rows of that column D_gauss also reads y. With 100 and 1 000 labels P is trained by cross-entropy. With D_gauss on z
  alone, 100 labels have 2.85 to 4.33 %.
* The additional terms are virtual adversarial training (VAT), information maximization and latent noise. Most rows with
  them also have another recipe: Reconstruction moves no y, D_gauss reads y, the weight of D_cat's loss grows slowly,
  and y has no batch norm. What a term alone brings to these rows was not measured. With ten values of y D_cat stays
  near chance there, because information maximization already makes y confident and balanced.
* Content accuracy is the share of samples P(y, z) that an independent judge calls y (`docs/guide.md`). Rows without a
  content accuracy were run before it was measured. Where such a row is semi-supervised, z may hold the digit.
* Some recipes were tried on validation images of seeds 10 to 14, with the test set unread. They are all rows whose name
  ends in `-information-pairs`, and `semi-supervised-100`, `semi-supervised-100-longer`, `semi-supervised-100-decay`,
  `semi-supervised-100-information`, `semi-supervised-1000-robust-pairs`, `semi-supervised-all`,
  `semi-supervised-all-batch-norm` and `semi-supervised-all-normed-pairs`. Rows of the clusters and of the plane without
  labels had a smaller ξ at first. It was doubled after test errors of seeds 0 to 2 had been seen (`LOG.md`). In the
  rows `…-robust-pairs` and `…-normed-pairs` the weights of additional terms are those of older rows.
  `semi-supervised-1000` takes the recipe of `semi-supervised-100` for 60 epochs. With all labels this recipe was run
  once, and its test error was seen (`LOG.md`). `clustering-16-long`, `clustering-30-long` and `likelihood-spread`
  differ from quick recipes by numbers that were set beforehand. The older recipes were chosen by validation errors,
  too, but on some of the rows' own seeds. Some forty of the earliest trials printed test errors, too.
* `LOG.md` records how the recipes were found. Settings, phases and networks were renamed once; commit d431525 is the
  last with the old names. Names key the noise and the first weights, so a seed of an older row is another run today.
  Most older rows were not run again.
* A **record** is a row that the present code does not make. The commit in its mark has its settings, but may draw other
  noise. Up to bbec359 VAT with information maximization took the direction of the log-odds. Up to b6516ff `--set
  input_dropout` could be given, and up to 7358c58 there were terms that have left the package.

A Parzen estimate is a rough measure: Theis, van den Oord and Bethge (2016) advise against it for judging samples.

Other papers report these test errors in % on MNIST with 100 labels, permutation invariant: Bad GAN 0.80 ± 0.10;
feature-matching GAN 0.93 ± 0.07; ADGM 0.96 ± 0.02; Ladder network 1.06 ± 0.37; SDGM 1.32 ± 0.07; VAT 1.36; AAE
1.90 ± 0.10; CatGAN 1.91 ± 0.10; VAE (M1+M2) 3.33. They report these accuracies of clustering in %: IMSAT 98.4 (10
clusters); SpectralNet 97.1; VaDE 94.5; AAE 90.5 (16 clusters) and 95.9 (30)."""

LEGEND = """\
These words stand in the titles and beside the values; `tinyaae/extras.py` has the equations:

* **the paper's recipe**: SGD, its learning rates, and no batch norm unless the title says so. Rows where "D_gauss reads
  y" stands in the title have the recipe of the presets. Other rows start from the quick recipe of their mode.
* **z judged alone**: D_gauss reads z and not y. With 100 labels such runs have content accuracies of 35 to 62 %: z
  holds much of the digit. With all labels a trial had 86 %.
* **with VAT**: virtual adversarial training keeps y constant near each image. **by its own Adam**: with an optimizer of
  its own.
* **and information maximization**: in addition, y is confident for each image and balanced over all images. Records
  take the direction of VAT from the log-odds of y, the other rows from the KL beside the image.
* **D_gauss reads y**: so z leaves the class to y. It does in all semi-supervised rows with a content accuracy.
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

The error on validation images against the epochs, for the errors of the short table. A line is the mean over the seeds,
a band goes from the least to the largest. Clusters are named on the images that score them. With the paper's objectives
alone, the error of 100 labels falls from 9.4 to 3.3 % in forty epochs. In the next sixty it falls to 2.9 %. With all
labels the two curves coincide for twenty epochs: VAT brings nothing there. Single runs of 100 epochs and 800-800 show
no clear gain for clusters: see `clustering-16-long` and `clustering-30-long` above.
`python -m results curves` draws this picture.

![Thirty clusters: for each, what P paints and ten of its images](pictures/members.png)

The program drew this picture of `clustering-30-information-pairs`, seed 0, trained without a label. For each y the
picture has the ten test images with the highest q(y|x). All values of y are in use. Each cluster is of one digit, with
at most 22 images of other digits.

![Two dimensions: codes of test images around their cluster heads, beside draws from the prior](pictures/plane.png)

The program drew this picture of `reduction-2d-100-information-pairs`, seed 0, with 100 labels. It corresponds to a
picture in section 7 of the paper: 2 000 test images, coloured by their true digits. D_gauss reads y, so the z of each
digit is close to the prior.

![Ten dimensions: codes of test images on the circle of their cluster heads](pictures/circle.png)

The program drew this picture of `reduction-10d-100-information-pairs`, seed 0. It corresponds to a picture in section 7
of the paper: codes of test images, coloured by their true digits. A linear map sends the ten heads to a circle."""

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

A record of 7358c58 is of a term that has left the package. Three of these terms are phases in `examples/` now. A prior
in `examples/` is like the prior of `balance`.
"""
