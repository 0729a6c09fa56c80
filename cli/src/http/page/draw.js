// The canvases: seat map, level bars, latency plot.

const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Sizes a canvas to its box and gives its context in CSS pixels. */
function context(canvas) {
  const scale = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const draw = canvas.getContext("2d");
  draw.setTransform(scale, 0, 0, scale, 0, 0);
  return { draw, width, height };
}

/** Where each group is on the map: from the show file, or in a grid if it does not say. */
export function placeGroups(groups, width, height) {
  const margin = 14, stage = 22;
  const placed = groups.filter(group => group.position);
  if (!placed.length) {
    const columns = Math.max(1, Math.ceil(Math.sqrt(groups.length * (width / height))));
    const rows = Math.max(1, Math.ceil(groups.length / columns));
    const size = Math.min((width - 2 * margin) / columns, (height - 2 * margin) / rows);
    const left = (width - size * columns) / 2, top = (height - size * rows) / 2;
    const spots = groups.map((_, n) => ({
      x: left + (n % columns + .5) * size, y: top + (Math.floor(n / columns) + .5) * size,
    }));
    return { spots, radius: Math.max(1.5, size * .4), square: true, stage: false };
  }
  const xs = placed.map(group => group.position[0]), ys = placed.map(group => group.position[1]);
  // Those without a place stand in rows below the others.
  const lost = groups.length - placed.length, across = Math.max(1, Math.floor((width - 2 * margin) / 18));
  const below = lost && Math.min(height * .3, Math.ceil(lost / across) * 18 + 10);
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)], [y0, y1] = [Math.min(...ys), Math.max(...ys)];
  const scale = Math.min(
    (width - 4 * margin) / Math.max(x1 - x0, .001), (height - 4 * margin - stage - below) / Math.max(y1 - y0, .001), 1e4);
  const left = (width - (x1 - x0) * scale) / 2, top = stage + (height - stage - below - (y1 - y0) * scale) / 2;
  let row = 0;
  const spots = groups.map(({ position }) => {
    if (position) return { x: left + (position[0] - x0) * scale, y: top + (position[1] - y0) * scale };
    const n = row++, step = below ? (below - 10) / Math.ceil(lost / across) : 18;
    return { x: margin + (n % across + .5) * 18, y: height - below + 5 + (Math.floor(n / across) + .5) * step };
  });
  let near = Math.sqrt(width * height / groups.length);
  // A sample is enough to know how close they are.
  for (let n = 1; n < Math.min(spots.length, 400); n++) {
    const between = Math.hypot(spots[n].x - spots[n - 1].x, spots[n].y - spots[n - 1].y);
    if (between > .5) near = Math.min(near, between);
  }
  return { spots, radius: Math.min(26, Math.max(1.5, near * .42)), square: near < 8, stage: true, below };
}

/** Draws the crowd. `colours` has four bytes for each group: red, green, blue, bits. */
export function drawMap(canvas, layout, colours, selected) {
  const { draw, width, height } = context(canvas);
  draw.clearRect(0, 0, width, height);
  if (layout.stage) {
    draw.fillStyle = "#1b2128";
    draw.fillRect(width * .3, 0, width * .4, 16);
    draw.fillStyle = css("--dim");
    draw.font = "11px system-ui, sans-serif";
    draw.textAlign = "center";
    draw.fillText("STAGE", width / 2, 12);
  }
  if (layout.below) {
    draw.fillStyle = css("--dim");
    draw.font = "11px system-ui, sans-serif";
    draw.textAlign = "left";
    draw.fillText("without a place", 8, height - layout.below);
  }
  const { radius: r } = layout;
  layout.spots.forEach(({ x, y }, n) => {
    const at = n * 4, bits = colours[at + 3];
    draw.fillStyle = `rgb(${colours[at]},${colours[at + 1]},${colours[at + 2]})`;
    draw.beginPath();
    if (layout.square) draw.rect(x - r, y - r, 2 * r, 2 * r);
    else draw.arc(x, y, r, 0, 7);
    draw.fill();
    if (r < 3 && !selected.has(n)) return;
    draw.lineWidth = selected.has(n) ? 2.5 : 1;
    draw.strokeStyle = selected.has(n) ? "#fff" : bits & 2 ? css("--hand") : bits & 1 ? css("--bad") : "#39424e";
    draw.stroke();
    if (bits & 1 && r > 5) {
      // Not by colour alone.
      draw.beginPath();
      draw.moveTo(x - r * .5, y - r * .5); draw.lineTo(x + r * .5, y + r * .5);
      draw.strokeStyle = css("--bad");
      draw.lineWidth = 1.5;
      draw.stroke();
    }
  });
}

/** The group at a point of the map, or the nearest within reach of a finger. */
export function groupAt(layout, x, y) {
  let best = -1, distance = Math.max(layout.radius * 1.5, 14);
  layout.spots.forEach((spot, n) => {
    const away = Math.hypot(spot.x - x, spot.y - y);
    if (away < distance) [best, distance] = [n, away];
  });
  return best;
}

/** Draws 512 level bars. */
export function drawLevels(canvas, levels) {
  const { draw, width, height } = context(canvas);
  draw.clearRect(0, 0, width, height);
  const rows = width < 600 ? 2 : 1, per = levels.length / rows, high = height / rows;
  draw.fillStyle = css("--good");
  levels.forEach((level, slot) => {
    const x = (slot % per) * width / per, bottom = (Math.floor(slot / per) + 1) * high;
    const tall = level / 255 * (high - 14);
    draw.fillRect(x, bottom - 12 - tall, Math.max(width / per - .6, .8), tall);
  });
  draw.fillStyle = css("--dim");
  draw.font = "10px system-ui, sans-serif";
  draw.textAlign = "left";
  for (let slot = 0; slot < levels.length; slot += 64) {
    draw.fillText(slot + 1, (slot % per) * width / per, (Math.floor(slot / per) + 1) * high - 2);
  }
}

/** Microseconds in words. */
export function micros(us) {
  if (us == null) return "–";
  if (us < 1000) return `${Math.round(us)} µs`;
  return us < 10000 ? `${(us / 1000).toFixed(1)} ms` : us < 1e6 ? `${Math.round(us / 1000)} ms` : `${(us / 1e6).toFixed(1)} s`;
}

/** Draws points [look p50, look p99, radio p50, radio p99] on a logarithmic scale. */
export function drawLatency(canvas, points, seconds) {
  const { draw, width, height } = context(canvas);
  draw.clearRect(0, 0, width, height);
  const left = 52, bottom = height - 18, low = 10, high = 1e6;
  const y = us => bottom - (Math.log10(Math.max(us, low)) - 1) / 5 * (bottom - 8);
  draw.font = "11px system-ui, sans-serif";
  draw.fillStyle = css("--dim");
  draw.strokeStyle = css("--line");
  draw.lineWidth = 1;
  for (let us = low; us <= high; us *= 10) {
    draw.beginPath(); draw.moveTo(left, y(us)); draw.lineTo(width, y(us)); draw.stroke();
    draw.textAlign = "right";
    draw.fillText(micros(us), left - 6, y(us) + 4);
  }
  draw.textAlign = "center";
  for (let minute = 1; minute * 60 < seconds; minute++) {
    draw.fillText(`−${minute} min`, width - minute * 60 / seconds * (width - left), height - 4);
  }
  for (const [index, colour] of [[1, "--hand"], [2, "--good"], [3, "--warn"]]) {
    draw.strokeStyle = css(colour);
    draw.lineWidth = 1.6;
    draw.beginPath();
    let pen = false;
    points.forEach((point, n) => {
      if (point[index] == null) { pen = false; return; }
      const x = width - (points.length - 1 - n) / seconds * (width - left);
      if (pen) draw.lineTo(x, y(point[index])); else draw.moveTo(x, y(point[index]));
      pen = true;
    });
    draw.stroke();
  }
}
