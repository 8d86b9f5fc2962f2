"""The page of a run: one HTML file in which its networks can be tried in a browser.

`described` has the layers of a network in 8 bits, `contents` gathers what the page shows, and `page` writes the file.
The scripts and the style sheet lie in `static/`, a script a panel; they are put into the file as they are. `lab` is a
server, on whose page a small model is trained by hand.
"""
