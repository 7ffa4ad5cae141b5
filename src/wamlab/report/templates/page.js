"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const words = JSON.parse(document.getElementById("words").textContent);
const languages = Object.keys(words);
const PAGE_ROWS = 100;
const [POLICY, SUITE, TASK, INIT, SEED, OUTCOME, STEPS, SETTLED, VIDEO, IMAGINED, ERROR] = data.columns.keys();
const find = (id) => document.getElementById(id);
const hasSettled = find("rows").dataset.settled === "true";
let lang = languages[0];
let matches = [];
let numShown = 0;
let playing = -1;

/* Episodes of the reference by name, to set two policies side by side. */
const place = (row) => row.slice(SUITE, OUTCOME).join("/");
const reference = data.policies.indexOf(data.reference);
const twins = new Map(data.rows.filter((row) => row[POLICY] === reference).map((row) => [place(row), row]));

function pairOf(row) {
  const twin = twins.get(place(row));
  if (!twin || row[POLICY] === reference || [row, twin].some((one) => one[OUTCOME] === "error")) return "";
  if (twin[OUTCOME] === row[OUTCOME]) return "same";
  return row[OUTCOME] === "success" ? "gained" : "lost";
}

const value = {
  policy: (row) => data.policies[row[POLICY]],
  suite: (row) => data.suites[row[SUITE]],
  task: (row) => row[TASK],
  outcome: (row) => row[OUTCOME],
  settled: (row) => (row[SETTLED] === null ? "" : row[SETTLED] ? "yes" : "no"),
  pair: pairOf,
};

function wanted() {
  const [start, query] = location.hash.slice(1).split("?");
  return new Map(start === "episodes" && query ? new URLSearchParams(query) : []);
}

function fits(row, filters) {
  for (const [name, text] of filters) {
    const found = name in value ? value[name](row) : text;
    if (name === "pair" && text === "discordant" ? found !== "gained" && found !== "lost" : found !== text) return false;
  }
  return true;
}

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function line(row, index) {
  const made = element("tr");
  const instruction = data.instructions[`${data.suites[row[SUITE]]}/${row[TASK]}`];
  made.append(element("td", data.policies[row[POLICY]]), element("td", data.labels[row[SUITE]]));
  const task = element("td", row[TASK], "number");
  if (instruction) task.title = instruction;
  made.append(task, element("td", row[INIT], "number"), element("td", row[SEED], "number wide"));
  const outcome = element("td", words[lang][row[OUTCOME]], `outcome-${row[OUTCOME]}`);
  if (row[ERROR]) outcome.append(element("small", row[ERROR]));
  made.append(outcome, element("td", row[STEPS], "number"));
  if (hasSettled) made.append(element("td", row[SETTLED] === null ? "\u2013" : words[lang][row[SETTLED] ? "yes" : "no"]));
  const film = element("td");
  if (hasFilm(row)) {
    const button = element("button", `\u25B6 ${words[lang].play}`);
    button.type = "button";
    button.addEventListener("click", () => play(index));
    film.append(button);
  } else {
    film.textContent = "\u2013";
  }
  made.append(film);
  return made;
}

function showMore() {
  const next = matches.slice(numShown, numShown + PAGE_ROWS);
  find("rows").append(...next.map((row, offset) => line(row, numShown + offset)));
  numShown += next.length;
  find("more").hidden = numShown >= matches.length;
}

function choices(name, filters) {
  if (name === "outcome") return ["success", "failure", "error"].map((text) => [text, words[lang][text]]);
  if (name === "settled") return ["yes", "no"].map((text) => [text, words[lang][text]]);
  if (name === "pair") return [["discordant", words[lang].discordant_only], ["gained", words[lang].gained], ["lost", words[lang].lost]];
  if (name === "policy") return data.policies.map((text) => [text, text]);
  if (name === "suite") return data.suites.map((text, index) => [text, data.labels[index]]);
  const suite = filters.get("suite");
  const tasks = new Set(data.rows.filter((row) => !suite || value.suite(row) === suite).map(value.task));
  return [...tasks].sort().map((text) => {
    const instruction = data.instructions[`${suite}/${text}`];
    return [text, instruction ? `${text} ${instruction}` : text];
  });
}

function refresh() {
  const filters = wanted();
  matches = data.rows.filter((row) => fits(row, filters));
  for (const select of document.querySelectorAll("[data-filter]")) {
    const name = select.dataset.filter;
    select.replaceChildren(new Option(words[lang].all, ""), ...choices(name, filters).map(([text, label]) => new Option(label, text)));
    select.value = filters.get(name) ?? "";
  }
  find("rows").replaceChildren();
  numShown = 0;
  showMore();
  find("count").textContent = `${matches.length.toLocaleString("en")} ${words[lang].shown}`;
}

for (const select of document.querySelectorAll("[data-filter]")) {
  select.addEventListener("change", () => {
    const filters = wanted();
    if (select.value) filters.set(select.dataset.filter, select.value);
    else filters.delete(select.dataset.filter);
    if (select.dataset.filter === "suite") filters.delete("task");
    history.pushState(null, "", `#episodes?${new URLSearchParams([...filters])}`);
    refresh();
  });
}

function follow() {
  refresh();
  if (location.hash.startsWith("#episodes")) find("episodes").scrollIntoView();
}

window.addEventListener("hashchange", follow);
find("more").addEventListener("click", showMore);
find("clear").addEventListener("click", () => {
  history.pushState(null, "", "#episodes");
  refresh();
});

const hasFilm = (row) => row[VIDEO] !== null || row[IMAGINED] !== null;

/* Films: an index means that the file is inside this page, a text is its address. */
function address(film) {
  if (typeof film === "string") return film;
  const bytes = Uint8Array.from(atob(find(`film-${film}`).textContent), (char) => char.charCodeAt(0));
  return URL.createObjectURL(new Blob([bytes], { type: "video/mp4" }));
}

function figure(source, caption) {
  const made = element("figure");
  const screen = element("div", undefined, "screen");
  const video = element("video");
  Object.assign(video, { controls: true, autoplay: true, loop: true, muted: true, playsInline: true, src: address(source) });
  screen.append(video);
  made.append(screen, element("figcaption", caption));
  return made;
}

/* What the policy imagined stands above what came, in one film. */
function imaginedFigure(row) {
  const made = figure(row[IMAGINED], `${data.policies[row[POLICY]]}: ${words[lang].imagined} / ${words[lang].executed}`);
  for (const half of ["imagined", "executed"]) made.firstChild.append(element("span", words[lang][half], `half ${half}`));
  return made;
}

/* Both films run on the episode's clock, so one can lead the other. */
function lead(leader, follower) {
  Object.assign(follower, { controls: false, loop: false });
  leader.addEventListener("play", () => follower.play());
  leader.addEventListener("pause", () => follower.pause());
  leader.addEventListener("seeked", () => {
    follower.currentTime = leader.currentTime;
    if (!leader.paused) follower.play();
  });
}

function filmsOf(row) {
  const made = [];
  if (row[VIDEO] !== null) made.push(figure(row[VIDEO], `${data.policies[row[POLICY]]}: ${words[lang][row[OUTCOME]]}, ${row[STEPS]} ${words[lang].steps_word}`));
  if (row[IMAGINED] !== null) made.push(imaginedFigure(row));
  const videos = made.map((one) => one.querySelector("video"));
  if (videos.length === 2) lead(...videos);
  return made;
}

function play(index) {
  playing = index;
  const row = matches[index];
  const twin = twins.get(place(row));
  const films = [row];
  if (twin && twin !== row && hasFilm(twin)) films.push(twin);
  const instruction = data.instructions[`${data.suites[row[SUITE]]}/${row[TASK]}`];
  find("player-title").textContent = `${data.labels[row[SUITE]]} ${row[TASK]}, init ${row[INIT]}${instruction ? `: ${instruction}` : ""}`;
  stop();
  find("films").append(...films.flatMap(filmsOf));
  find("previous").disabled = step(-1) === undefined;
  find("next").disabled = step(1) === undefined;
  if (!find("player").open) find("player").showModal();
}

function step(direction) {
  for (let index = playing + direction; index >= 0 && index < matches.length; index += direction) {
    if (hasFilm(matches[index])) return index;
  }
  return undefined;
}

function move(direction) {
  const index = step(direction);
  if (index !== undefined) play(index);
}

function stop() {
  for (const video of find("films").querySelectorAll("video")) {
    if (video.src.startsWith("blob:")) URL.revokeObjectURL(video.src);
  }
  find("films").replaceChildren();
}

find("previous").addEventListener("click", () => move(-1));
find("next").addEventListener("click", () => move(1));
find("close").addEventListener("click", () => find("player").close());
find("player").addEventListener("close", stop);
find("player").addEventListener("click", (event) => { if (event.target === find("player")) find("player").close(); });
find("player").addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") move(-1);
  if (event.key === "ArrowRight") move(1);
});

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const ascending = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      const sorted = [...table.tBodies[0].rows].sort((a, b) => {
        const [x, y] = [a, b].map((row) => row.cells[column].dataset.value);
        if (x === "" || y === "") return (x === "") - (y === "");
        const order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
        return ascending ? order : -order;
      });
      table.tBodies[0].append(...sorted);
    });
  });
}

function speak(chosen) {
  lang = chosen;
  document.documentElement.lang = chosen === "zh" ? "zh-CN" : chosen;
  document.title = words[chosen].title;
  refresh();
}

for (const radio of document.querySelectorAll("input[name=lang]")) {
  radio.addEventListener("change", () => speak(radio.value));
}
const asked = new URLSearchParams(location.search).get("lang") ?? navigator.language.slice(0, 2);
const start = languages.includes(asked) ? asked : languages[0];
const radio = document.querySelector(`input[name=lang][value=${start}]`);
if (radio) radio.checked = true;
speak(start);
if (location.hash) follow();
