"""How claims of one family share the chance of an error."""

from __future__ import annotations

from wamlab.core.hypotheses import Asserted, Hypothesis, StudyDesign

ALPHA = 0.05


def asked_alike(design: StudyDesign, hypothesis: Hypothesis) -> list[Hypothesis]:
    """The family, but claims of a difference and claims with a margin are judged apart."""
    is_difference = hypothesis.asserts is Asserted.HIGHER
    family = design.family(hypothesis.family)
    return [one for one in family if (one.asserts is Asserted.HIGHER) == is_difference]


def confidence_of(design: StudyDesign, hypothesis: Hypothesis) -> float:
    """Bonferroni for claims with a margin, which have no p-value that Holm could adjust."""
    if hypothesis.asserts is Asserted.HIGHER:
        return 1 - ALPHA
    return 1 - ALPHA / len(asked_alike(design, hypothesis))
