// Line icons on a 24 px grid, drawn for Yunting. They are decoration: the words beside them speak.

import type { ComponentChildren } from "preact";

const shapes = {
  mic: <><rect x="9" y="3" width="6" height="11" rx="3" /><path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3M8.5 21h7" /></>,
  micOff: <><path d="M9 9v2a3 3 0 0 0 4.6 2.5M15 10.5V6a3 3 0 0 0-5.8-1M5.5 11.5A6.5 6.5 0 0 0 15.9 16.7M18.5 11.5c0 1-.2 1.9-.6 2.7M12 18v3M8.5 21h7M4 3l16 18" /></>,
  camera: <><rect x="3" y="6.5" width="12.5" height="11" rx="2" /><path d="m15.5 10.5 5.5-3v9l-5.5-3" /></>,
  cameraOff: <><path d="M9.5 6.5h4a2 2 0 0 1 2 2v2l5.5-3v9l-3-1.6M15.5 15.7a2 2 0 0 1-2 1.8H5a2 2 0 0 1-2-2v-7a2 2 0 0 1 1.5-1.9M4 3l16 18" /></>,
  screen: <path d="M3 5h18v11.5H3zM9 20h6M12 13.5V8M9.5 10.2 12 7.7l2.5 2.5" />,
  screenOff: <path d="M3 5h18v11.5H3zM9 20h6M9.7 8.4l4.6 4.6M14.3 8.4 9.7 13" />,
  hand: <path d="M8 12.5V5.7a1.4 1.4 0 0 1 2.8 0V11V4.4a1.4 1.4 0 0 1 2.8 0V11V5.7a1.4 1.4 0 0 1 2.8 0v7.6l1.1-1.7c.5-.8 1.5-1 2.2-.5.6.5.7 1.3.3 2l-3.2 5.6A5.5 5.5 0 0 1 12.7 21c-2 0-3.4-.8-4.6-2.6l-3.7-5.6c-.4-.7-.2-1.5.4-1.9.7-.5 1.6-.3 2.1.3L8 12.5Z" />,
  text: <path d="M6 3h9l4 4v14H6zM14.5 3v4.5H19M9 12h7M9 15.5h7M9 8.5h2" />,
  people: <><circle cx="9" cy="8.5" r="3.2" /><path d="M3 20c.3-3.8 2.6-6 6-6s5.7 2.2 6 6M15.5 5.8a3 3 0 0 1 0 5.6M17.5 14.6c2 .8 3.3 2.7 3.5 5.4" /></>,
  gavel: <path d="m9.5 8.5 6 6M13.5 4.5l6 6-4 4-6-6zM11.5 12.5 4.5 19.5M12.5 20.5h7" />,
  settings: <path d="M4 7h9M17 7h3M4 12h3M11 12h9M4 17h8M16 17h4M15 5v4M9 10v4M14 15v4" />,
  leave: <path d="M13 4H6v16h7M10.5 12H20M16.5 8.5 20 12l-3.5 3.5" />,
  signal: <path d="M4 19v-3M9 19v-6M14 19V9M19 19V5" />,
  check: <path d="m5 12.5 4.5 4.5L19 7.5" />,
  warn: <path d="M12 4 2.8 20h18.4zM12 10v4.5M12 17.2v.3" />,
  close: <path d="m6 6 12 12M18 6 6 18" />,
  speaker: <path d="M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4.5 4.5 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11" />,
  pause: <path d="M8 5v14M16 5v14" />,
  edit: <path d="m5 19 .8-4L16 4.8l3.2 3.2L9 18.2zM14 7l3 3" />,
} satisfies Record<string, ComponentChildren>;

export type IconName = keyof typeof shapes;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
      {shapes[name]}
    </svg>
  );
}
