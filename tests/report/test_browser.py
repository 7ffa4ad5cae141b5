"""The page in a real browser: what its script shows, and that a film plays."""

import json
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from run_folders import episodes, loaded

from wamlab.report.build import write_report
from wamlab.report.study import make_study
from wamlab.report.videos import VideoMode

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--allow-file-access-from-files",
    "--virtual-time-budget=20000",
)
SUITES = ("libero_spatial", "libero_object", "libero_goal", "libero_10")

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.timeout(180),
]


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """One report with embedded films and one with linked ones: folder by mode.

    On the suite libero_10 both policies also imagined.
    """
    video = pytest.importorskip("av") and pytest.importorskip("wamlab.records.video")
    root = tmp_path_factory.mktemp("browser")
    frames = [np.full((64, 64, 3), 40 * i, np.uint8) for i in range(5)]
    film = video.encode_mp4(frames, fps=10)
    imagined = video.encode_mp4([np.full((136, 64, 3), 60, np.uint8)] * 5, fps=10)
    runs = []
    for name, rate in {"expert": 0.9, "faulty": 0.4}.items():
        records = episodes(dict.fromkeys(SUITES, rate), name=name, num_tasks=3, num_inits=10)
        records = [replace(one, video=f"videos/{one.key.slug}.mp4") for one in records]
        records = [
            replace(one, imagined=f"imagined/{one.key.slug}.mp4")
            if one.key.suite == "libero_10"
            else one
            for one in records
        ]
        runs.append(loaded(root / name, records, name=name))
        (root / name / "videos").mkdir()
        for one in records:
            (root / name / one.video).write_bytes(film)
        (root / name / "imagined").mkdir()
        for one in filter(lambda one: one.imagined, records):
            (root / name / one.imagined).write_bytes(imagined)
    for mode in (VideoMode.EMBED, VideoMode.LINK):
        write_report(make_study(runs), root / mode, videos=mode)
    return {mode: root / mode for mode in (VideoMode.EMBED, VideoMode.LINK)}


def opened(folder, address="", script=""):
    """The page after its script and a further one ran; what that one passed to `tell`."""
    page = (folder / "report.html").read_text()
    probe = (
        "<script>const told = {};"
        "const tell = (name, text) => { told[name] = text;"
        " document.body.dataset.told = JSON.stringify(told); };"
        f"addEventListener('load', () => {{ {script} }});</script>"
    )
    path = folder / "probe.html"
    path.write_text(page.replace("</body>", f"{probe}</body>"))
    profile = f"--user-data-dir={folder / 'profile'}"
    done = subprocess.run(
        [CHROMIUM, *FLAGS, profile, "--dump-dom", f"{path.as_uri()}{address}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = re.search(r'<body data-told="([^"]*)"', done.stdout)
    told = json.loads(found.group(1).replace("&quot;", '"')) if found else {}
    return done.stdout, told


def test_a_link_shows_the_episodes_that_its_number_is_made_of(reports):
    _, told = opened(
        reports[VideoMode.EMBED],
        "#episodes?policy=faulty&suite=libero_goal&outcome=failure",
        "const texts = [...find('rows').rows].map((row) => row.innerText);"
        "tell('rows', texts.length); tell('count', find('count').textContent);"
        "tell('wrong', texts.filter((text) => !/^faulty\\s+Goal.*failure/s.test(text)).length);",
    )
    failures = int(told["count"].split()[0])
    assert told["rows"] == failures
    assert 0 < failures < 30
    assert told["wrong"] == 0


def test_discordant_episodes_are_those_that_ended_differently(reports):
    folder = reports[VideoMode.EMBED]
    row = json.loads((folder / "report.json").read_text())["tables"]["table1"]["rows"][1]

    _, told = opened(
        folder,
        "#episodes?policy=faulty&pair=discordant",
        "tell('count', find('count').textContent);",
    )

    assert int(told["count"].split()[0]) == row["only_here"] + row["only_reference"]


def test_the_switch_changes_the_language_of_everything(reports):
    _, told = opened(
        reports[VideoMode.EMBED],
        "?lang=en",
        "tell('before', document.querySelector('#figure1 h2').innerText);"
        "find('lang-zh').click();"
        "tell('after', document.querySelector('#figure1 h2').innerText);"
        "tell('lang', document.documentElement.lang); tell('title', document.title);"
        "tell('outcome', find('rows').rows[0].cells[5].innerText);",
    )
    assert told["before"].startswith("Figure 1")
    assert told["after"].startswith("\u56fe 1")
    assert told["lang"] == "zh-CN"
    assert told["outcome"] in ("\u6210\u529f", "\u5931\u8d25")


@pytest.mark.parametrize("mode", [VideoMode.EMBED, VideoMode.LINK])
def test_a_film_plays_one_click_away_beside_that_of_the_reference(reports, mode):
    _, told = opened(
        reports[mode],
        "#episodes?policy=faulty",
        "document.querySelector('#rows button').click();"
        "const films = [...document.querySelectorAll('#films video')];"
        "tell('films', films.length); tell('open', find('player').open);"
        "films.forEach((film, index) => film.addEventListener('loadeddata',"
        " () => tell(`px${index}`, film.videoWidth)));",
    )
    assert (told["films"], told["open"]) == (2, True)
    assert (told["px0"], told["px1"]) == (64, 64)


@pytest.mark.parametrize("mode", [VideoMode.EMBED, VideoMode.LINK])
def test_what_was_imagined_plays_beside_what_was_filmed(reports, mode):
    _, told = opened(
        reports[mode],
        "?lang=en#episodes?policy=faulty&suite=libero_10",
        "document.querySelector('#rows button').click();"
        "const films = [...document.querySelectorAll('#films video')];"
        "tell('halves', [...document.querySelectorAll('.half')].map((one) => one.innerText));"
        "films.forEach((film, index) => film.addEventListener('loadeddata',"
        " () => tell(`px${index}`, film.videoHeight)));",
    )
    assert told["halves"] == ["imagined", "executed"] * 2
    assert [told[f"px{index}"] for index in range(4)] == [64, 136, 64, 136]


def test_the_film_of_the_episode_leads_that_of_the_imagined(reports):
    _, told = opened(
        reports[VideoMode.EMBED],
        "#episodes?policy=expert&suite=libero_10",
        "document.querySelector('#rows button').click();"
        "const [leader, follower] = document.querySelectorAll('#films video');"
        "tell('controls', [leader.controls, follower.controls]);"
        "follower.addEventListener('seeked', () => tell('at', follower.currentTime));"
        "leader.addEventListener('loadeddata', () => {"
        " leader.pause(); leader.currentTime = 0.2; });",
    )
    assert told["controls"] == [True, False]
    assert told["at"] == 0.2


def test_a_table_of_tasks_sorts_by_a_policy(reports):
    _, told = opened(
        reports[VideoMode.EMBED],
        "",
        "const table = find('tasks_libero_10'); const head = table.tHead.rows[0].cells[2];"
        "head.querySelector('button').click();"
        "tell('sort', head.getAttribute('aria-sort'));"
        "tell('values', [...table.tBodies[0].rows].map((row) => +row.cells[2].dataset.value));",
    )
    assert told["sort"] == "ascending"
    assert told["values"] == sorted(told["values"])


def test_nothing_is_wider_than_a_phone(reports):
    folder = reports[VideoMode.EMBED]
    (folder / "phone.html").write_text(
        '<iframe src="probe.html" width="390" height="800" style="border:0"></iframe>'
        "<script>addEventListener('load', () => { const page ="
        " document.querySelector('iframe').contentDocument.documentElement;"
        " document.body.dataset.told = page.scrollWidth; });</script>"
    )
    opened(folder)

    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}", "--dump-dom",
         (folder / "phone.html").as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip

    assert 'data-told="390"' in done.stdout
