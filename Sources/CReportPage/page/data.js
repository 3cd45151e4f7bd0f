// The report's data, and what all views share: the state, the lines of texts, and small helpers.

const data = JSON.parse(document.getElementById("data").textContent);

/** What the reader looks at; kept in the address, so that a link leads to the same view. */
const state = { fn: 0, tab: "overview", scope: "", query: "", stage: 0, only: true, side: true };

const string = (number) => data.strings[number];
const current = () => data.functions[state.fn];

/** Texts and scopes of printed lines. */
function lines(packed) {
  return packed.text.map((text, i) => ({ text: string(text), scope: string(packed.scope[i]) }));
}

function escaped(text) {
  return text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
}

/** Whether a scope is the chosen layer, or a part of it. */
function isChosen(scope) {
  return state.scope !== "" && (scope === state.scope || scope.startsWith(state.scope + "."));
}

function count(number) {
  return Number(number).toLocaleString("en-US");
}

/** A number of three digits. */
function short(number) {
  if (number >= 1e9) return (number / 1e9).toPrecision(3) + " G";
  if (number >= 1e6) return (number / 1e6).toPrecision(3) + " M";
  if (number >= 1e3) return (number / 1e3).toPrecision(3) + " k";
  return number >= 100 ? number.toFixed(0) : Number(number.toPrecision(3)).toString();
}

function element(name, attributes = {}, html = "") {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.innerHTML = html;
  return made;
}

/** Rows of a mask as arrays of 0 and 1, from counts of alternating zeros and ones. */
function maskRows(text) {
  const rows = [];
  for (const word of text.split(" ")) {
    const [runs, times] = word.split("*");
    const row = [];
    runs.split(",").forEach((length, i) => {
      for (let k = 0; k < Number(length); k++) row.push(i % 2);
    });
    for (let k = 0; k < Number(times || 1); k++) rows.push(row);
  }
  return rows;
}

function readAddress() {
  const found = new URLSearchParams(location.hash.slice(1));
  const index = data.functions.findIndex((f) => f.name === found.get("function"));
  state.fn = Math.max(index, 0);
  state.tab = found.get("view") || "overview";
  state.scope = found.get("layer") || "";
  const stages = current().stages;
  state.stage = Math.min(Number(found.get("stage")) || 0, stages.length - 1);
}

function writeAddress() {
  const now = new URLSearchParams({ function: current().name, view: state.tab });
  if (state.scope) now.set("layer", state.scope);
  if (state.stage) now.set("stage", state.stage);
  if (location.hash.slice(1) !== now.toString()) history.replaceState(null, "", "#" + now);
}
