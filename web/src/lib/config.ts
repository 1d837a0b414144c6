// What the page around an island tells it; see web/src/room/README.md.

export type Seat = "judge" | "clerk" | "plaintiff" | "defendant" | "third_party" | "observer";

export interface HearingConfig {
  hearing: string;
  socket: string;
  room?: string;
  check?: string;
  home: string;
  locale: string;
  court?: string;
  me: { account: string; name: string; seat: Seat };
  caseNumber: string;
  title: string;
  start: string;
}

/** Reads the JSON of the mount point's data-config. */
export function readConfig(element: HTMLElement): HearingConfig {
  const text = element.dataset.config;
  if (!text) throw new Error(`#${element.id} has no data-config`);
  return JSON.parse(text) as HearingConfig;
}

/** The socket's address on the page's own host. */
export function socketURL(path: string): string {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

export type Language = "zh" | "en";

export function languageOf(locale: string): Language {
  return locale.toLowerCase().startsWith("zh") ? "zh" : "en";
}
