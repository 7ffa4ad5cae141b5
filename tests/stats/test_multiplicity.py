import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from wamlab.stats.multiplicity import benjamini_hochberg, holm

# Benjamini and Hochberg (1995), section 4.2: 15 endpoints of a thrombolysis trial.
ENDPOINTS = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240]
ENDPOINTS += [0.4262, 0.5719, 0.6528, 0.7590, 1.0000]


def test_the_example_of_the_paper_has_four_discoveries_where_holm_has_three():
    assert sum(p <= 0.05 for p in benjamini_hochberg(ENDPOINTS)) == 4
    assert sum(p <= 0.05 for p in holm(ENDPOINTS)) == 3


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_it_agrees_with_statsmodels(p_values):
    expected = multipletests(p_values, method="fdr_bh")[1]
    assert benjamini_hochberg(p_values) == pytest.approx(list(expected), abs=1e-12)


def test_no_question_needs_no_adjustment():
    assert benjamini_hochberg([]) == []


@pytest.mark.parametrize("p_value", [-0.1, 1.1, float("nan")])
def test_what_is_no_p_value_is_refused(p_value):
    with pytest.raises(ValueError, match="expected numbers from 0 to 1"):
        benjamini_hochberg([0.5, p_value])
