// What a browser does with a page that is left: it may keep it whole, to show it again at once (the back/forward cache).

/** Tells when the page is put away for a possible return, and when it is shown again. A page that is not kept just ends. */
export function onPutAway(left: () => void, back: () => void): void {
  window.addEventListener("pagehide", (e) => {
    if (e.persisted) left();
  });
  window.addEventListener("pageshow", (e) => {
    if (e.persisted) back();
  });
}
