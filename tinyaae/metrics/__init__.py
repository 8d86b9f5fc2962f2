"""Measure how good a model is: classification, clustering, content (does y decide what P decodes?) and likelihood."""

from .classification import auc, confusion, contingency, error_rate, label_report
from .clustering import adjusted_rand_index, cluster_report, normalized_mutual_information
from .diagnostics import diagnostics
from .evaluation import evaluate

__all__ = [
    "adjusted_rand_index",
    "auc",
    "cluster_report",
    "confusion",
    "contingency",
    "diagnostics",
    "error_rate",
    "evaluate",
    "label_report",
    "normalized_mutual_information",
]
