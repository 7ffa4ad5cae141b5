from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamlab.stats.letters import letter_display

studies = (
    st.integers(1, 7)
    .flatmap(
        lambda num: st.tuples(
            st.just(num), st.sets(st.sampled_from([(0, 0), *combinations(range(num), 2)]))
        )
    )
    .map(lambda study: (study[0], study[1] - {(0, 0)}))
)


@given(studies)
def test_two_policies_share_a_letter_exactly_if_they_were_not_found_to_differ(study):
    num, different = study

    letters = letter_display(num, different)

    apart = {
        (i, j) for i, j in combinations(range(num), 2) if not set(letters[i]) & set(letters[j])
    }
    assert apart == different
    assert all(letters)


@given(studies)
def test_no_letter_is_superfluous(study):
    num, different = study
    letters = letter_display(num, different)
    groups = {
        letter: {i for i in range(num) if letter in letters[i]} for letter in set("".join(letters))
    }

    def shown(names):
        return {(i, j) for name in names for i in groups[name] for j in groups[name]}

    assert all(shown(groups) != shown(set(groups) - {letter}) for letter in groups)


def test_steps_overlap_as_in_a_ranked_table():
    # neighbours are alike, policies two ranks apart differ
    assert letter_display(4, [(0, 2), (1, 3), (0, 3)]) == ["a", "ab", "bc", "c"]


def test_a_middle_policy_may_be_skipped():
    # 0 and 2 differ from 1 only: they share "a" without it
    assert letter_display(3, [(0, 1), (1, 2)]) == ["a", "b", "a"]


def test_all_different_policies_have_a_letter_each_even_after_z():
    letters = letter_display(28, combinations(range(28), 2))

    assert letters[:2] == ["a", "b"]
    assert letters[25:] == ["z", "a1", "b1"]


def test_no_policies_have_no_letters():
    assert letter_display(0, []) == []


@pytest.mark.parametrize("pair", [(0, 0), (0, 3), (-1, 0)])
def test_a_pair_of_anything_else_is_refused(pair):
    with pytest.raises(ValueError, match="expected two different numbers below 3"):
        letter_display(3, [pair])
