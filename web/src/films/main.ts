// Keeps the progress of a film current. Without this script the page shows the same after a refresh.
const every = 3000; // ms

function part(root: ParentNode): HTMLElement | null {
  return root.querySelector<HTMLElement>("[data-films]");
}

/** Takes over what changed: only the bar and its words while the same film is made, so that a focused button stays. */
function take(now: HTMLElement, next: HTMLElement): void {
  const bars = [now, next].map((p) => p.querySelectorAll("progress"));
  const states = [now, next].map((p) => [...p.querySelectorAll(".state")].map((s) => s.textContent).join());
  if (bars[0].length !== bars[1].length || states[0] !== states[1]) {
    now.replaceWith(next);
    return;
  }
  bars[0].forEach((bar, i) => (bar.value = bars[1][i].value));
  const words = [now, next].map((p) => p.querySelectorAll("[role=status]"));
  words[0].forEach((w, i) => {
    const text = words[1][i]?.textContent ?? "";
    if (w.textContent !== text) w.textContent = text;
  });
}

async function refresh(): Promise<void> {
  const now = part(document);
  if (!now?.querySelector("progress")) return; // nothing is being made
  try {
    const reply = await fetch(location.pathname, { headers: { Accept: "text/html" } });
    const next = reply.ok ? part(new DOMParser().parseFromString(await reply.text(), "text/html")) : null;
    if (next) take(now, next);
  } catch {
    // the connection is gone for a moment: the next round asks again
  }
  setTimeout(() => void refresh(), every);
}

setTimeout(() => void refresh(), every);
