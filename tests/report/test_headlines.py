from run_folders import episodes, loaded

from wamlab.report.headlines import blind_spots, headlines
from wamlab.report.study import make_study

SUITE, OTHER = "libero_spatial", "libero_goal"


def study_of(tmp_path, *suites):
    rates = {"expert": 0.9, "novice": 0.3}
    return make_study(
        [
            loaded(
                tmp_path / name,
                episodes(dict.fromkeys(suites, rate), name=name, num_tasks=4, num_inits=10),
                name=name,
                policy=f"{name}-digest",
            )
            for name, rate in rates.items()
        ]
    )


def test_a_suite_that_is_alone_speaks_for_itself(tmp_path):
    study = study_of(tmp_path, SUITE)

    expert, novice = headlines(study)

    wins = sum(record.stop.value == "succeeded" for record in study.reference.records.values())
    assert expert.share == wins / 40
    assert expert.number.en == f"{100 * wins / 40:.1f}"
    assert expert.detail.en.startswith("Spatial, 95 % [")
    assert expert.detail.en.endswith("40 episodes")
    assert "expert" in novice.against.en
    assert novice.verdict


def test_an_average_with_a_suite_missing_is_not_measured(tmp_path):
    for one in headlines(study_of(tmp_path, SUITE, OTHER)):
        assert one.share is None
        assert one.number.en == "average not measured"
        assert one.detail.en.startswith("Spatial ")
        assert "; Goal " in one.detail.en


def test_what_one_suite_could_not_find_is_told_once(tmp_path):
    runs = [
        loaded(
            tmp_path / name,
            episodes({SUITE: rate}, name=name, num_tasks=4, num_inits=3),
            name=name,
            policy=f"{name}-digest",
        )
        for name, rate in (("expert", 0.6), ("novice", 0.5))
    ]

    [only] = blind_spots(make_study(runs))

    assert "novice" in only.en
