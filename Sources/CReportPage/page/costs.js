// Counted work and measured time.

function showCosts(view) {
  const costs = current().costs.filter(([, , scope]) => isShown(string(scope)));
  const most = Math.max(1, ...costs.map(([, , , , run, , isRow]) => (isRow ? run : 0)));
  const rows = costs.map(([depth, operation, scope, dense, run, bytes, isRow]) =>
    `<tr data-scope="${escaped(string(scope))}"${isChosen(string(scope)) ? ' class="chosen"' : ""}>` +
    `<td style="padding-left:${8 + depth * 16}px">${escaped(string(operation))}</td><td>${escaped(string(scope))}</td>` +
    `<td class="n">${count(dense)}</td><td class="n">${count(run)}</td><td class="n">${count(bytes)}</td>` +
    `<td>${isRow ? "row" : "call"}</td><td><span class="meter" style="width:${isRow ? 120 * run / most : 0}px"></span></td></tr>`);
  view.innerHTML = `<p class="note">Operations of the optimized function: what a product with a full matrix would ` +
    `take (dense FLOP), what runs, and bytes, for each row or for each call.</p><div class="bar">${onlyHTML()}</div>` +
    `<div class="scroll"><table><tr><th>operation</th><th>layer</th><th class="n">dense FLOP</th><th class="n">FLOP</th>` +
    `<th class="n">bytes</th><th>per</th><th>share of rows' work</th></tr>${rows.join("")}</table></div>`;
}

/** Times by layer: a tree of the scopes' parts, with the nodes as leaves. */
function timeTree(nodes) {
  const root = { name: "all", path: "", time: 0, needed: 0, parts: [] };
  for (const node of nodes) {
    const path = node.scope ? node.scope.split(".") : [];
    let at = root;
    const add = (to) => {
      to.time += node.ns_per_row;
      to.needed += (node.fraction_of_bound || 0) * node.ns_per_row;
    };
    add(root);
    path.forEach((name, i) => {
      const inner = path.slice(0, i + 1).join(".");
      let next = at.parts.find((part) => part.path === inner && !part.isNode);
      if (!next) {
        next = { name, path: inner, time: 0, needed: 0, parts: [] };
        at.parts.push(next);
      }
      add(next);
      at = next;
    });
    const leaf = { name: node.node, path: node.scope, time: 0, needed: 0, parts: [], isNode: true };
    add(leaf);
    at.parts.push(leaf);
  }
  return root;
}

function showTime(view) {
  const profile = current().profile;
  const nodes = profile.nodes.filter((node) => node.ns_per_row > 0);
  const root = timeTree(nodes);
  const width = Math.max(600, view.clientWidth - 40), high = 26;
  let deepest = 0;
  const boxes = [];
  const draw = (part, x, wide, depth) => {
    if (wide < 1.5) return;
    deepest = Math.max(deepest, depth);
    const share = part.time > 0 ? Math.min(part.needed / part.time, 1) : 0;
    const label = `${part.name}: ${short(part.time)} ns a row` +
      (part.needed > 0 ? `, ${(100 * part.needed / part.time).toFixed(0)} % of its bound` : "");
    boxes.push(`<g tabindex="0" role="button" data-scope="${escaped(part.path)}" aria-label="${escaped(label)}">` +
      `<title>${escaped(label)}</title><rect class="back" x="${x}" y="${depth * high}" width="${wide}" height="${high - 2}"/>` +
      `<rect class="bound" x="${x + 1}" y="${depth * high + high - 7}" width="${Math.max(0, (wide - 2) * share)}" height="4"/>` +
      (wide > 46 ? `<text x="${x + 4}" y="${depth * high + 14}">${escaped(label.slice(0, Math.floor(wide / 6.6)))}</text>` : "") + "</g>");
    let from = x;
    for (const inner of part.parts) {
      const size = wide * inner.time / Math.max(part.time, 1e-30);
      draw(inner, from, size, depth + 1);
      from += size;
    }
  };
  draw(root, 0, width, 0);
  const rows = nodes.slice().sort((a, b) => b.ns_per_row - a.ns_per_row).map((node) =>
    `<tr data-scope="${escaped(node.scope)}"${isChosen(node.scope) ? ' class="chosen"' : ""}><td>${escaped(node.node)}</td>` +
    `<td>${escaped(node.scope)}</td><td class="n">${node.ns_per_row.toFixed(2)}</td>` +
    `<td class="n">${(100 * node.ns_per_row / root.time).toFixed(1)} %</td><td>${node.bound}</td>` +
    `<td class="n">${node.fraction_of_bound === null ? "" : (100 * node.fraction_of_bound).toFixed(0) + " %"}</td></tr>`);
  view.innerHTML = `<p class="note">Measured on ${profile.threads} threads, ${count(profile.calls)} calls of ` +
    `${count(profile.rows)} rows: ${short(root.time)} nanoseconds of threads for each row. A box is as wide as its share ` +
    `of the time; the bar at its foot is the share that the machine's bound would take ` +
    `(${short(profile.flops)}FLOP/s, ${short(profile.bandwidth)}B/s).</p>` +
    `<svg class="flame" width="${width}" height="${(deepest + 1) * high}">${boxes.join("")}</svg>` +
    `<div class="scroll"><table><tr><th>node</th><th>layer</th><th class="n">ns a row</th><th class="n">share</th>` +
    `<th>bound</th><th class="n">of the bound</th></tr>${rows.join("")}</table></div>`;
}
