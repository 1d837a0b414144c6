/**
 * Keys of a row of buttons of which one is chosen (WAI-ARIA Authoring Practices, tabs and radio group): arrows choose the
 * next, round the ends, Home and End the first and the last; up and down do so among radios and are left to scrolling among
 * tabs. Only the chosen button has tabIndex 0.
 */
export function rove(e: KeyboardEvent) {
  if (e.altKey || e.ctrlKey || e.metaKey || e.shiftKey) return;
  const row = e.currentTarget as HTMLElement;
  const buttons = [...row.querySelectorAll<HTMLButtonElement>("button:not(:disabled)")];
  const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
  if (at < 0) return;
  const ways: Record<string, number> = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: buttons.length - 1 };
  if (row.getAttribute("role") === "radiogroup") Object.assign(ways, { ArrowUp: at - 1, ArrowDown: at + 1 });
  const to = ways[e.key];
  if (to === undefined) return;
  e.preventDefault();
  const next = buttons.at(to % buttons.length)!;
  next.focus();
  next.click();
}
