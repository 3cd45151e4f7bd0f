// Pictures of what was decided: masks and panels, the steps of an incremental loop, scratch memory.

/** A mask, one square for each weight, with the panels' outlines if there are any. */
function matrixHTML(id, rows, columns, panels) {
  const scale = Math.max(1, Math.min(12, Math.floor(280 / Math.max(rows, columns))));
  const outlines = panels.map(([row, height, first, width]) =>
    `<rect x="${first}" y="${row}" width="${width}" height="${height}" fill="none" ` +
    `stroke="var(--warm)" stroke-width="1.5" vector-effect="non-scaling-stroke"/>`).join("");
  const size = `width="${columns * scale}" height="${rows * scale}"`;
  return `<div class="matrix"><canvas data-mask="${id}" width="${columns}" height="${rows}" ` +
    `style="width:${columns * scale}px;height:${rows * scale}px"></canvas>` +
    (panels.length ? `<svg ${size} viewBox="0 0 ${columns} ${rows}" preserveAspectRatio="none">${outlines}</svg>` : "") +
    "</div>";
}

function paintMasks(view, texts) {
  const colors = getComputedStyle(document.documentElement);
  const on = colors.getPropertyValue("--on"), off = colors.getPropertyValue("--off");
  for (const canvas of view.querySelectorAll("canvas[data-mask]")) {
    const context = canvas.getContext("2d");
    context.fillStyle = off;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.fillStyle = on;
    maskRows(texts[canvas.dataset.mask]).forEach((row, y) => {
      for (let x = 0; x < row.length; x++) if (row[x]) context.fillRect(x, y, 1, 1);
    });
  }
}

function showMasks(view) {
  const texts = [];
  const shown = current().masks.filter((mask) => isShown(string(mask.scope)));
  const figures = shown.map((mask) => {
    const picture = (text, title, panels) => {
      texts.push(string(text));
      return `<figure><h3>${title}</h3>` +
        matrixHTML(texts.length - 1, mask.outputs, mask.inputs, panels) + "</figure>";
    };
    const all = mask.outputs * mask.inputs;
    const computed = mask.panels.reduce((sum, [, height, , width]) => sum + height * width, 0);
    const panels = mask.panels.length
      ? ` ${mask.panels.length} panels multiply ${count(computed)} of them.` : "";
    return `<figure data-scope="${escaped(string(mask.scope))}"><h3>${escaped(string(mask.scope))}</h3>` +
      `<div class="pictures">${mask.before === null ? "" : picture(mask.before, "as it was built", [])}` +
      picture(mask.after, "after folding", mask.panels) + "</div>" +
      `<figcaption>${mask.outputs} outputs (down) × ${mask.inputs} inputs (across): ` +
      `${count(mask.weights)} of ${count(all)} weights are not zero.${panels}</figcaption></figure>`;
  });
  view.innerHTML = `<p class="note">A square is a weight: dark where it is used. Folding sorts the units ` +
    `of a layer by what they see, so that each panel (outlined) multiplies one range of inputs and ` +
    `little else.</p><div class="bar">${onlyHTML()}</div>` +
    (figures.join("") || "<p>No masked layers here.</p>");
  paintMasks(view, texts);
}

function showSteps(view) {
  const tables = current().timelines.map((timeline, k) => {
    const nodes = lines(timeline.nodes);
    const most = Math.max(1, ...timeline.items.flat());
    const head = timeline.items[0].map((_, i) => `<th class="n">${i}</th>`).join("");
    const body = nodes.map((node, i) => {
      const cells = timeline.items[i].map((items) => items
        ? `<td class="cell" style="background:color-mix(in srgb, var(--on) ${15 + 60 * items / most}%, var(--back))">${items}</td>`
        : '<td class="cell"></td>').join("");
      return `<tr${isChosen(node.scope) ? ' class="chosen"' : ""} data-scope="${escaped(node.scope)}">` +
        `<td>${escaped(node.text)}</td><td>${escaped(node.scope)}</td>${cells}</tr>`;
    }).join("");
    return `<figure><h3>Inverse ${k + 1}: ${timeline.steps} steps</h3><div class="scroll"><table class="steps">` +
      `<tr><th>node</th><th>layer</th>${head}</tr>${body}</table></div></figure>`;
  });
  view.innerHTML = `<p class="note">A triangular inverse finds one feature after another. In each step only ` +
    `those items of a node run (panels of a layer, elements of a group) whose inputs have become final in ` +
    `the step before; each item runs once in all, so that an inverse costs about as much as one forward ` +
    `pass.</p>` + (tables.join("") || "<p>This function has no incremental loop.</p>");
}

function showMemory(view) {
  const figures = current().memories.map((memory, k) => {
    const nodes = lines(memory.nodes);
    const wide = Math.max(18, Math.min(70, 900 / nodes.length));
    const width = nodes.length * wide + 50, height = 320;
    const scale = height / Math.max(memory.elements, 1);
    const boxes = memory.buffers.map(([name, offset, elements, first, last]) => {
      const scope = nodes[first].scope;
      const x = 50 + first * wide, y = height - (offset + elements) * scale;
      const w = (last - first + 1) * wide - 1, h = Math.max(elements * scale, 1);
      const label = `${string(name)}: ${elements} numbers at ${offset}, nodes ${first} to ${last}`;
      return `<g><title>${escaped(label)}</title><rect data-scope="${escaped(scope)}" x="${x}" y="${y}" ` +
        `width="${w}" height="${h}"${isChosen(scope) ? ' class="chosen"' : ""}/>` +
        (h > 12 && w > 40 ? `<text x="${x + 4}" y="${y + 12}">${escaped(string(name)).slice(0, Math.floor(w / 6.5))}</text>` : "") + "</g>";
    }).join("");
    const scaleHTML = [0, 0.5, 1].map((part) =>
      `<line x1="46" x2="${width}" y1="${height - part * height}" y2="${height - part * height}"/>` +
      `<text x="2" y="${Math.max(11, height - part * height)}">${Math.round(part * memory.elements)}</text>`).join("");
    const numbers = nodes.map((_, i) => `<text x="${52 + i * wide}" y="${height + 13}">${i}</text>`).join("");
    const rows = nodes.map((node, i) =>
      `<tr data-scope="${escaped(node.scope)}"${isChosen(node.scope) ? ' class="chosen"' : ""}><td class="n">${i}</td>` +
      `<td>${escaped(node.text)}</td><td>${escaped(node.scope)}</td></tr>`).join("");
    return `<figure><h3>Loop ${k}: ${count(memory.elements)} numbers for each row</h3><div class="scroll">` +
      `<svg class="memory" width="${width}" height="${height + 18}" role="img" aria-label="Scratch memory over the nodes of loop ${k}">` +
      `${scaleHTML}${boxes}${numbers}</svg></div><figcaption>Across: the nodes in the order in which they run. ` +
      `Up: places in a thread's scratch memory. A box is a buffer, as long as it is in use.</figcaption></figure>` +
      `<div class="scroll"><table><tr><th class="n">node</th><th>does</th><th>layer</th></tr>${rows}</table></div>`;
  });
  view.innerHTML = figures.join("") || "<p>This function has no loop over rows.</p>";
}
