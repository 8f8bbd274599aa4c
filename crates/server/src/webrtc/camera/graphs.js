// Live graphs of how a session goes: one figure for each line, with its last value in words.

const KINDS = [
  { name: "rate", title: "Pictures in a second", unit: "", digits: 1 },
  { name: "bits", title: "Bit rate back", unit: " kbit/s", digits: 0 },
  { name: "trip", title: "Round trip", unit: " ms", digits: 0 },
  { name: "lost", title: "Packets lost", unit: " %", digits: 1 },
  { name: "work", title: "Processing", unit: " ms", digits: 1 },
];
/** Seconds that a graph shows. */
const SPAN = 60;

export class Graphs {
  constructor(place) {
    this.lines = KINDS.map((kind) => {
      const figure = document.createElement("figure");
      figure.className = "card";
      const caption = document.createElement("figcaption");
      const title = document.createElement("span");
      title.textContent = kind.title;
      const value = document.createElement("output");
      value.id = `graph-${kind.name}`;
      value.textContent = "–";
      // It changes every second: read when somebody looks for it, not aloud.
      value.setAttribute("aria-live", "off");
      value.setAttribute("aria-label", kind.title);
      caption.append(title, value);
      const canvas = document.createElement("canvas");
      canvas.setAttribute("aria-hidden", "true");
      figure.append(caption, canvas);
      place.append(figure);
      return { ...kind, value, canvas, points: [] };
    });
  }

  clear() {
    for (const line of this.lines) {
      line.points = [];
      line.value.textContent = "–";
      draw(line);
    }
  }

  /** Takes one number for each line; what is not known is left out. */
  add(values) {
    for (const line of this.lines) {
      const number = values[line.name];
      const known = Number.isFinite(number);
      line.value.textContent = known ? number.toFixed(line.digits) + line.unit : "–";
      line.points.push(known ? number : null);
      if (line.points.length > SPAN) line.points.shift();
      draw(line);
    }
  }
}

function draw({ canvas, points }) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (!width) return;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.strokeStyle = getComputedStyle(canvas).color;
  context.lineWidth = 2;
  const most = Math.max(1e-3, ...points.map((point) => point ?? 0)) * 1.15;
  context.beginPath();
  let pen = false;
  points.forEach((point, place) => {
    if (point === null) { pen = false; return; }
    const x = width - (points.length - 1 - place) * (width / (SPAN - 1)) - 1;
    const y = height - 2 - (point / most) * (height - 4);
    if (pen) context.lineTo(x, y); else context.moveTo(x, y);
    pen = true;
  });
  context.stroke();
}
