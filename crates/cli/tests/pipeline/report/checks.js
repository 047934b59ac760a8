// Looks at the pages in the frames of this document as a reader would, and writes what is wrong as JSON.
// No page under test takes part: everything is read from outside its frame.

// Text may touch by this much; line boxes are higher than letters.
const SLACK = 2;

function visible(rect) {
  return rect.width > 0.5 && rect.height > 0.5;
}

function named(element) {
  const id = element.id ? `#${element.id}` : "";
  const name = `${element.tagName.toLowerCase()}${id}.${element.getAttribute("class") || ""}`;
  return `${name} "${(element.textContent || "").trim().slice(0, 40)}"`;
}

function overlaps(a, b) {
  return a.left + SLACK < b.right && b.left + SLACK < a.right && a.top + SLACK < b.bottom && b.top + SLACK < a.bottom;
}

// The part of a rectangle that its scrolling box shows.
function shown(rect, element) {
  const box = element.closest(".scroll");
  if (!box) return rect;
  const frame = box.getBoundingClientRect();
  const left = Math.max(rect.left, frame.left), right = Math.min(rect.right, frame.right);
  return { left, right, top: rect.top, bottom: rect.bottom, width: right - left, height: rect.height };
}

// Rectangles of all lines of text that can be seen, from top to bottom.
function lines(page) {
  const walker = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  const found = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    // What is folded away has places, too.
    if (!node.data.trim() || element.closest("title, desc, .skip") || !element.checkVisibility()) continue;
    const range = page.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) {
      const part = shown(rect, element);
      if (visible(part)) found.push({ part, element });
    }
  }
  return found.sort((a, b) => a.part.top - b.part.top);
}

function overlapping(page, report) {
  const all = lines(page);
  all.forEach((a, at) => {
    for (let i = at + 1; i < all.length && all[i].part.top < a.part.bottom; i++) {
      if (overlaps(a.part, all[i].part)) report("overlap", `${named(a.element)} and ${named(all[i].element)}`);
    }
  });
}

function drawings(page, report) {
  for (const drawing of page.querySelectorAll("svg.chart")) {
    const frame = drawing.getBoundingClientRect();
    if (!drawing.checkVisibility()) continue;
    if (!visible(frame)) {
      report("empty", named(drawing));
      continue;
    }
    for (const text of drawing.querySelectorAll("text")) {
      const rect = text.getBoundingClientRect();
      const inside = rect.left >= frame.left - 1 && rect.right <= frame.right + 1
        && rect.top >= frame.top - 1 && rect.bottom <= frame.bottom + 1;
      if (!inside) report("clipped", named(text));
      if (rect.height < 9) report("tiny", `${named(text)} ${rect.height} px`);
    }
  }
}

function sideways(page, width, report) {
  const root = page.documentElement;
  if (root.scrollWidth > width) report("overflow", `the page is ${root.scrollWidth} px wide`);
  for (const element of page.body.querySelectorAll("*")) {
    if (element.closest(".skip") || !element.checkVisibility()) continue;
    const rect = element.getBoundingClientRect();
    const boxed = element.parentElement.closest(".scroll");
    if (visible(rect) && !boxed && rect.right > width + 1) report("overflow", named(element));
    const hides = /hidden|clip/.test(getComputedStyle(element).overflowX) && !(element instanceof SVGElement);
    if (hides && element.scrollWidth > element.clientWidth + 1) report("clipped", named(element));
  }
}

// A character without a glyph is drawn as the same box as one that no font can have.
function glyphs(page, report) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 48;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.font = `28px ${getComputedStyle(page.body).fontFamily}`;
  const drawn = (character) => {
    pen.clearRect(0, 0, 48, 48);
    pen.fillText(character, 8, 36);
    return pen.getImageData(0, 0, 48, 48).data.join();
  };
  const missing = drawn("\u0378");
  for (const character of new Set(page.body.textContent.replace(/\s/g, ""))) {
    if (drawn(character) === missing) report("glyph", `U+${character.codePointAt(0).toString(16)}`);
  }
}

// Panels that hold nothing but their heading.
function hollow(page, report) {
  for (const box of page.querySelectorAll(".panel, .card, .tile, .figures, .cards, .tiles")) {
    const heading = box.querySelector("h3, h4");
    const said = box.textContent.trim().length - (heading ? heading.textContent.trim().length : 0);
    if (said === 0) report("empty", named(box));
  }
}

// Makes the rules for print hold on the screen, and those for the screen not.
function asPaper(page) {
  for (const sheet of page.styleSheets) {
    for (const rule of sheet.cssRules) {
      if (rule.type !== CSSRule.MEDIA_RULE) continue;
      const isPrint = /print/.test(rule.media.mediaText);
      rule.media.mediaText = isPrint ? "all" : "not all";
    }
  }
}

// What the end of a sheet must not cut may not be cut, and is no higher than a sheet. What readers unfold may be.
function breaks(page, report) {
  const sheet = 267 / 25.4 * 96;
  for (const box of page.querySelectorAll("figure, .tile, .card, svg.chart, tr")) {
    if (!box.checkVisibility()) continue;
    const whole = box.closest("figure, .card") || box;
    if (getComputedStyle(whole).breakInside !== "avoid") report("break", named(box));
    const height = box.getBoundingClientRect().height;
    if (height > sheet) report("break", `${named(box)} ${height} px`);
  }
}

const CANVAS = { Light: { r: 255, g: 255, b: 255, a: 1 }, Dark: { r: 18, g: 18, b: 18, a: 1 } };

function look(frame, width, medium) {
  const page = frame.contentDocument;
  const view = frame.contentWindow;
  const problems = [];
  const pass = (state) => {
    const report = (kind, what) => problems.push({ kind, what: `${state} at ${width} px: ${what}` });
    if (view.innerWidth !== width) report("frame", `is ${view.innerWidth} px`);
    sideways(page, width, report);
    overlapping(page, report);
    drawings(page, report);
    contrast(page, lines(page), CANVAS[medium] || CANVAS.Light, report);
    hollow(page, report);
    if (medium === "Paper" && state === "folded") breaks(page, report);
  };
  const report = (kind, what) => problems.push({ kind, what });
  const isDark = view.matchMedia("(prefers-color-scheme: dark)").matches;
  if (isDark !== (medium === "Dark")) report("scheme", `dark is ${isDark} on ${medium}`);
  if (medium === "Paper") asPaper(page);
  pass("folded");
  const height = page.documentElement.scrollHeight;
  page.querySelectorAll("details").forEach((details) => { details.open = true; });
  pass("unfolded");
  glyphs(page, report);
  for (const entry of view.performance.getEntriesByType("resource")) report("request", entry.name);
  return { problems, height };
}

addEventListener("load", () => {
  const frames = [...document.querySelectorAll("iframe")];
  const medium = document.documentElement.dataset.medium;
  const result = { charts: 0, height: 0, problems: [] };
  for (const frame of frames) {
    result.charts += frame.contentDocument.querySelectorAll("svg.chart").length;
    const looked = look(frame, Number(frame.getAttribute("width")), medium);
    result.problems.push(...looked.problems);
    result.height = Math.max(result.height, looked.height);
  }
  frames.forEach((frame) => frame.remove());
  document.querySelector("#result").textContent = JSON.stringify(result);
});
