"""Tamperings that verifiers of such evidence have been seen to accept.

Each was tried, with success, on a verifier that had tests of its own. Every one that concerns a
bundle is covered by a class of forgeries (a test holds the two lists together); those that concern
releases are tried where releases are verified.
"""

from __future__ import annotations

from typing import Final

KNOWN_HOLES: Final[dict[str, str]] = {
    "S01": "an early event is rewritten and the hashes of files are computed again; no chain is",
    "S02": "the tail of the log is cut off and the proof is made to fit",
    "S03": "the log is replaced by one invented line with the hashes 00… and 11…",
    "S04": "a folder with nothing in it is verified",
    "S05": "the manifest is signed with the attacker's own key, which lies in the signature",
    "S06": "an action is signed with a sentinel text, by another agent, under the system's key",
    "S07": "a tree pads with its last leaf, so that two logs have one root",
    "S08": "an inner node of the tree is offered as a leaf",
    "S09": "an agent that has no role, a role that is not defined, or a malformed policy",
    "B01": "one byte of the log is changed",
    "B02": "one byte of a receipt is changed",
    "B03": "one digit of a file's hash in the manifest is changed",
    "B04": "a receipt or the log is deleted",
    "B05": "a file is added",
    "B06": "a file is added in a folder of its own",
    "B07": "lines of the log are swapped or cut, and nothing else",
    "B08": "the policy fingerprint or the partner in the manifest is changed",
    "B09": "all fingerprints are taken out of the manifest",
    "B10": "the fingerprint of one document is changed",
    "B11": "a receipt's decision is changed, and the hashes of files",
    "B12": "a receipt is invented, and the hashes of files made to fit",
    "B13": "a receipt is dropped, and the hashes of files made to fit",
    "B14": "agent or specimen of an event in the middle is changed, and the hashes of files",
    "B15": "status, arguments and time of the last event are changed, and the hashes of files",
    "B16": "events change places, and the hashes of files are made to fit",
    "B17": "all hashes of the chain but the last are overwritten, and the hashes of files",
    "B18": "the last events are cut off, and the hashes of files made to fit",
    "B19": "events are cut off, taken out or put in; proof and hashes of files are made to fit",
    "B20": "the log is emptied; proof and hashes of files are made to fit",
    "B21": "a violation is erased from the log",
    "B22": "a violation is erased or invented wherever it stands",
    "B23": "the state of the chain is claimed, or lines of enforcement are invented",
    "B24": "a fingerprint of the policy's list is wrong",
    "B25": "the policy's list of documents is emptied, its root made to fit",
    "B26": "a receipt is changed and signed with a fresh key under the system's key id",
    "B27": "a signature is no signature at all",
    "B28": "the manifest lists a file outside the folder, with its right hash",
    "B29": "the bundle is reduced to log and manifest",
    "B30": "episodes of several scenarios are put one behind another",
    "B31": "a line is no JSON, or the manifest is a list",
}

RELEASE_HOLES: Final[dict[str, str]] = {
    "R01": "a figure in the results is changed",
    "R02": "the summary, a plot, a card, metadata or an exported resource is replaced",
    "R03": "the whole folder of results is deleted",
    "R04": "a file that can be run is added to the root",
    "R05": "one byte of a bundle's log is changed",
    "R06": "a bundle's log is changed and its manifest made to fit",
    "R07": "the same, and the release's manifests are built again",
    "R08": "a whole bundle is deleted, with the release manifest or without it",
    "R09": "the release manifest is deleted, or lists nothing",
    "R10": "the list of files is edited or deleted, and the release manifest built again",
    "R11": "results of attacks are replaced together with the hash that lies beside them",
    "R12": "a folder with nothing in it is verified",
}
