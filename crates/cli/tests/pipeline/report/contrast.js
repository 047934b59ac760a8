// Contrast as a reader's eye meets it: the computed colours of texts and drawings against what lies behind them.
// Formulae: WCAG 2.2, relative luminance and contrast ratio; least ratios of criteria 1.4.3 and 1.4.11.

const LEAST_TEXT = 4.5;
const LEAST_LARGE = 3;
const LEAST_DRAWN = 3;

function parsed(colour) {
  const parts = /^rgba?\(([^)]*)\)$/.exec(colour);
  if (!parts) return null;
  const [r, g, b, a = 1] = parts[1].split(/[ ,/]+/).map(Number);
  return { r, g, b, a };
}

function over(front, back) {
  const mix = (f, b) => f * front.a + b * (1 - front.a);
  return { r: mix(front.r, back.r), g: mix(front.g, back.g), b: mix(front.b, back.b), a: 1 };
}

function luminance(colour) {
  const part = (byte) => {
    const c = byte / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * part(colour.r) + 0.7152 * part(colour.g) + 0.0722 * part(colour.b);
}

function ratio(a, b) {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

// What an element is painted on: backgrounds up to the first opaque one, then the canvas of the scheme.
function ground(element, canvas) {
  const layers = [];
  for (let at = element; at; at = at.parentElement) {
    const colour = parsed(at.ownerDocument.defaultView.getComputedStyle(at).backgroundColor);
    if (!colour || colour.a === 0) continue;
    layers.push(colour);
    if (colour.a === 1) break;
  }
  return layers.reduceRight((back, front) => over(front, back), canvas);
}

function isLarge(style) {
  const size = parseFloat(style.fontSize);
  return size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
}

// Texts are `lines` of checks.js; shapes carry a figure unless they are only a track, a grid or a ground.
function contrast(page, texts, canvas, report) {
  const view = page.defaultView;
  for (const { element } of texts) {
    const style = view.getComputedStyle(element);
    const front = parsed(element instanceof view.SVGElement ? style.fill : style.color);
    if (!front) continue;
    const back = ground(element, canvas);
    const found = ratio(over(front, back), back);
    const least = isLarge(style) ? LEAST_LARGE : LEAST_TEXT;
    if (found < least) report("contrast", `${named(element)} ${found.toFixed(2)}`);
  }
  for (const shape of page.querySelectorAll("rect.fill, rect.below, rect.hollow, .curve, .dashed, .dot, .bubble")) {
    if (!shape.checkVisibility()) continue;
    const style = view.getComputedStyle(shape);
    const back = ground(shape, canvas);
    // An outline is enough where there is one.
    const colours = [style.fill, style.stroke].map(parsed).filter((colour) => colour);
    const best = Math.max(...colours.map((colour) => ratio(over(colour, back), back)), 1);
    if (best < LEAST_DRAWN) report("contrast", `${named(shape)} ${best.toFixed(2)}`);
  }
}
