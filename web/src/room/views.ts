// How large each picture is shown: the server sends no more of it than that, and nothing while it is off-screen.

import type { View } from "./protocol";

const settle = 150; // a window that is dragged changes many times a second

/** Watches elements that show pictures and tells, whenever that changed, the whole list of what is shown. */
export class Views {
  private shown = new Map<Element, { peer: string; source: View["source"]; seen: boolean }>();
  private timer = 0;
  private told = "[]";
  private sizes = new ResizeObserver(() => this.soon());
  private sight = new IntersectionObserver((entries) => {
    for (const e of entries) {
      const of = this.shown.get(e.target);
      if (of) of.seen = e.isIntersecting;
    }
    this.soon();
  });

  constructor(private tell: (shown: View[]) => void) {
    document.addEventListener("visibilitychange", () => this.soon());
  }

  /** Begins to watch an element; the result ends it. */
  watch(element: Element, peer: string, source: View["source"]): () => void {
    this.shown.set(element, { peer, source, seen: true });
    this.sizes.observe(element);
    this.sight.observe(element);
    return () => {
      this.shown.delete(element);
      this.sizes.unobserve(element);
      this.sight.unobserve(element);
      this.soon();
    };
  }

  /** Tells again: the server has a new peer for us, which knows nothing yet. */
  again(): void {
    this.told = "";
    this.soon();
  }

  private soon(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.now(), settle);
  }

  private now(): void {
    const scale = window.devicePixelRatio || 1;
    const list: View[] = [];
    for (const [element, of] of this.shown) {
      const visible = of.seen && document.visibilityState === "visible";
      list.push({
        peer: of.peer,
        source: of.source,
        width: visible ? Math.round(element.clientWidth * scale) : 0,
        height: visible ? Math.round(element.clientHeight * scale) : 0,
      });
    }
    const text = JSON.stringify(list);
    if (text === this.told) return;
    this.told = text;
    this.tell(list);
  }
}
