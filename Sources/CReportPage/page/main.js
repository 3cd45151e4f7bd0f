// The tabs, the keys, and the state that they change.

const layers = layerTree();

const views = {
  overview: { title: "Overview", show: showOverview, has: () => true },
  passes: { title: "Passes", show: showPasses, has: () => true },
  tiles: {
    title: "Tile program", has: () => true,
    show: showText(() => current().tiles, "What runs when and where: the plan that is printed as C. " +
      "Buffers are places in a thread's scratch memory, in numbers for each row."),
  },
  c: {
    title: "C", has: () => true,
    show: showText(() => current().c, "The code of this function, without the kernels that it calls."),
  },
  masks: { title: "Masks", show: showMasks, has: (f) => f.masks.length },
  steps: { title: "Inverse steps", show: showSteps, has: (f) => f.timelines.length },
  memory: { title: "Memory", show: showMemory, has: (f) => f.memories.length },
  cost: { title: "Cost", show: showCosts, has: () => true },
  time: { title: "Time", show: showTime, has: (f) => f.profile },
  values: {
    title: "Values", has: (f) => f.values,
    show: showText(() => current().values, "The range of each value on some rows in float64, and how far " +
      "compiled code is from it."),
  },
};

function showOverview(view) {
  const rows = data.functions.map((f) => {
    const size = (stage) => stage.lines.text.length;
    const work = f.costs.reduce((sum, [, , , , run, , isRow]) => sum + (isRow ? run : 0), 0);
    const memory = Math.max(0, ...f.memories.map((m) => m.elements));
    return `<tr><td>${f.name}</td><td>${f.dtype}</td><td class="n">${size(f.stages[0])}</td>` +
      `<td class="n">${size(f.stages[f.stages.length - 1])}</td><td class="n">${short(work)}</td>` +
      `<td class="n">${count(memory)}</td></tr>`;
  });
  const trained = data.parameters.filter(([, , isTrained]) => isTrained)
    .reduce((sum, [, shape]) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const columns = data.columns.length ? ` (${data.columns.map(escaped).join(", ")})` : "";
  view.innerHTML = `<table><tr><th>flow</th><td style="white-space:normal">${escaped(data.description)}</td></tr>` +
    `<tr><th>features</th><td>${data.features}${columns}</td></tr><tr><th>context</th><td>${data.context}</td></tr>` +
    `<tr><th>parameters</th><td>${count(trained)}</td></tr><tr><th>made by</th><td>${escaped(data.version)}</td></tr></table>` +
    `<h2 style="font-size:16px">Functions</h2><table><tr><th>name</th><th>type</th><th class="n">lines traced</th>` +
    `<th class="n">optimized</th><th class="n">FLOP a row</th><th class="n">numbers of scratch a row</th></tr>${rows.join("")}</table>` +
    `<h2 style="font-size:16px">Keys</h2><p><kbd>/</kbd> search, <kbd>Enter</kbd> or <kbd>n</kbd> next, ` +
    `<kbd>N</kbd> previous; <kbd>1</kbd> to <kbd>9</kbd> views; <kbd>[</kbd> <kbd>]</kbd> previous and next pass; ` +
    `<kbd>Esc</kbd> all layers; arrows and <kbd>Enter</kbd> in the tree.</p>`;
}

function openViews() { return Object.keys(views).filter((name) => views[name].has(current())); }

function showAll() {
  if (!openViews().includes(state.tab)) state.tab = "overview";
  state.stage = Math.min(state.stage, current().stages.length - 1);
  document.getElementById("tabs").innerHTML = openViews().map((name) =>
    `<button type="button" role="tab" id="tab-${name}" data-view="${name}" ` +
    `aria-selected="${name === state.tab}">${views[name].title}</button>`).join("");
  document.getElementById("function").value = state.fn;
  showTree();
  showView();
}

function showView() {
  const view = document.getElementById("view");
  view.setAttribute("aria-labelledby", "tab-" + state.tab);
  views[state.tab].show(view);
  const first = view.querySelector(".line.chosen");
  if (first && !state.only) first.scrollIntoView({ block: "center", inline: "nearest" });
  markFound();
  writeAddress();
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  document.getElementById("theme").textContent = name === "dark" ? "Light" : "Dark";
}

document.getElementById("view").addEventListener("click", (event) => {
  const stage = event.target.closest("[data-stage]");
  if (stage) { state.stage = Number(stage.dataset.stage); showView(); return; }
  if (event.target.id === "clear") { state.scope = ""; showAll(); return; }
  if (getSelection().toString()) return;
  const scope = event.target.closest("[data-scope]")?.dataset.scope;
  if (scope) { state.only = false; choose(scope); }
});
document.getElementById("view").addEventListener("change", (event) => {
  if (event.target.id === "only") { state.only = event.target.checked; showView(); }
  if (event.target.id === "side") { state.side = event.target.checked; showView(); }
});
document.getElementById("tabs").addEventListener("click", (event) => {
  const name = event.target.closest("[data-view]")?.dataset.view;
  if (name) { state.tab = name; showAll(); document.getElementById("tab-" + name).focus(); }
});
document.getElementById("tree").addEventListener("click", (event) => {
  const item = event.target.closest(".item");
  if (!item) return;
  const path = item.dataset.path;
  if (event.target.closest(".fold") && item.hasAttribute("aria-expanded")) {
    if (!folded.delete(path)) folded.add(path);
    showTree();
  } else { state.only = true; choose(path); }
});
document.getElementById("tree").addEventListener("keydown", treeKey);
document.getElementById("function").addEventListener("change", (event) => {
  state.fn = Number(event.target.value);
  showAll();
});
document.getElementById("search").addEventListener("input", (event) => {
  state.query = event.target.value;
  showView();
});
document.getElementById("theme").addEventListener("click", () => {
  setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  showView();
});
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input, select");
  const search = document.getElementById("search");
  if (event.key === "Escape") { state.scope = ""; search.blur(); showAll(); return; }
  if (event.target === search && event.key === "Enter") { nextFound(event.shiftKey ? -1 : 1); return; }
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const names = openViews();
  if (event.key === "/") { search.focus(); search.select(); event.preventDefault(); }
  else if (event.key === "n") nextFound(1);
  else if (event.key === "N") nextFound(-1);
  else if (names[Number(event.key) - 1]) { state.tab = names[Number(event.key) - 1]; showAll(); }
  else if (event.key === "]" && state.tab === "passes") {
    state.stage = Math.min(state.stage + 1, current().stages.length - 1);
    showView();
  } else if (event.key === "[" && state.tab === "passes") {
    state.stage = Math.max(state.stage - 1, 0);
    showView();
  } else if (event.key === "Enter" && event.target.closest?.("g[data-scope]")) {
    const scope = event.target.closest("g[data-scope]").dataset.scope;
    if (scope) choose(scope);
  }
});
window.addEventListener("hashchange", () => { readAddress(); showAll(); });

document.title = `${data.model} · flowir`;
document.getElementById("title").textContent = data.model;
document.getElementById("function").innerHTML = data.functions.map((f, i) =>
  `<option value="${i}">${f.name}</option>`).join("");
setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
readAddress();
showAll();
