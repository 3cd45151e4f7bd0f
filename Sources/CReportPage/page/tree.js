// The model as a tree of layers and tensors; a layer that is chosen is marked in all views.

const folded = new Set();

/** The paths of all layers, from the names of tensors and the scopes of the functions. */
function layerTree() {
  const root = { name: "", path: "", parts: new Map(), shape: "" };
  const at = (path) => {
    let node = root;
    for (const name of path.split(".")) {
      const inner = node.path ? node.path + "." + name : name;
      if (!node.parts.has(name)) {
        node.parts.set(name, { name, path: inner, parts: new Map(), shape: "" });
      }
      node = node.parts.get(name);
    }
    return node;
  };
  for (const [name, shape, isTrained] of data.parameters) {
    at(name).shape = (shape.length ? shape.join(" × ") : "1") + (isTrained ? "" : ", fixed");
  }
  const results = new Set();
  for (const f of data.functions) {
    for (const stage of f.stages) {
      for (const scope of stage.lines.scope) if (string(scope)) results.add(string(scope));
    }
  }
  results.forEach(at);
  return root;
}

function showTree() {
  const tree = document.getElementById("tree");
  const rows = [];
  const walk = (node, level) => {
    for (const part of node.parts.values()) {
      const isOpen = !folded.has(part.path);
      const fold = part.parts.size ? (isOpen ? "▾" : "▸") : "";
      const expanded = part.parts.size ? ` aria-expanded="${isOpen}"` : "";
      rows.push(
        `<div class="item" role="treeitem" aria-level="${level}"${expanded} tabindex="-1" ` +
          `aria-selected="${part.path === state.scope}" data-path="${escaped(part.path)}" ` +
          `style="padding-left:${level * 14 - 6}px"><span class="fold">${fold}</span>` +
          `<span>${escaped(part.name)}</span><span class="shape">${part.shape}</span></div>`);
      if (isOpen) walk(part, level + 1);
    }
  };
  walk(layers, 1);
  tree.innerHTML = rows.join("");
  const chosen = tree.querySelector('[aria-selected="true"]') || tree.firstElementChild;
  if (chosen) chosen.tabIndex = 0;
}

function choose(path) {
  state.scope = state.scope === path ? "" : path;
  showAll();
}

function treeKey(event) {
  const item = event.target.closest(".item");
  if (!item) return;
  const path = item.dataset.path;
  const move = (to) => {
    if (!to) return;
    item.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  };
  const refocus = () => {
    showTree();
    document.querySelector(`#tree [data-path="${CSS.escape(path)}"]`)?.focus();
  };
  const isOpen = item.getAttribute("aria-expanded");
  if (event.key === "ArrowDown") move(item.nextElementSibling);
  else if (event.key === "ArrowUp") move(item.previousElementSibling);
  else if (event.key === "ArrowRight" && isOpen === "false") { folded.delete(path); refocus(); }
  else if (event.key === "ArrowLeft" && isOpen === "true") { folded.add(path); refocus(); }
  else if (event.key === "Enter" || event.key === " ") { choose(path); refocus(); }
  else return;
  event.preventDefault();
}
