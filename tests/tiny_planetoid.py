"""A small graph as Planetoid publishes them, to stand in for Cora."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import numpy as np
import scipy.sparse

# 4 nodes to train on, and the 500 that follow to validate on; 2 that are for nothing; 3 to test.
TRAINING, KNOWN, NODES = 4, 506, 509
TEST = [508, 506, 507]
EDGES = {(0, 1), (1, 2), (2, 508), (3, 507), (505, 506)}


def features(nodes):
    """Of each node another row, which tells it from the others."""
    return np.array([[node + 1.0, 0.0, node % 2] for node in nodes])


def classes(nodes):
    """One-hot: node n is of class n modulo 2."""
    return np.eye(2, dtype=np.int32)[np.array(nodes) % 2]


def tiny_graph():
    """A graph as Planetoid publishes them, by the last part of the name of each file."""
    neighbours = {node: [] for node in range(NODES)}
    for one, other in EDGES:
        # As in the real files, some edges are there twice, and some nodes are their own neighbours.
        neighbours[one] += [other, other]
        neighbours[other].append(one)
    neighbours[7].append(7)
    matrix = scipy.sparse.csr_matrix
    parts = {
        "x": matrix(features(range(TRAINING))),
        "y": classes(range(TRAINING)),
        "tx": matrix(features(TEST)),
        "ty": classes(TEST),
        "allx": matrix(features(range(KNOWN))),
        "ally": classes(range(KNOWN)),
        "graph": neighbours,
    }
    files = {part: pickle.dumps(content, protocol=2) for part, content in parts.items()}
    return {**files, "test.index": "".join(f"{node}\n" for node in TEST).encode()}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def stand_in_for_cora(root: Path) -> dict[str, str]:
    """Write the files to where Cora is kept below `root`; their hashes, by part."""
    folder = root / "planetoid"
    folder.mkdir(parents=True, exist_ok=True)
    files = tiny_graph()
    for part, content in files.items():
        (folder / f"ind.cora.{part}").write_bytes(content)
    return {part: sha256(content) for part, content in files.items()}
