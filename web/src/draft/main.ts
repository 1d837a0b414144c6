// Saves a long form by itself while it is being written. The form works without this script; the
// script only posts the same form in the background and keeps its version current.
const words = {
  "zh-CN": {
    saving: "正在保存…",
    saved: (at: string) => `已自动保存 ${at}`,
    failed: "未能保存，将自动重试。您填写的内容仍在本页。",
    stale: "这份内容在别处被修改过。请点击“保存”，对照两份内容后再决定。",
    wrong: "有一处金额或日期写法不正确，更正后才能自动保存。",
    away: "登录已过期。请在新窗口登录，本页内容不会丢失。",
  },
  en: {
    saving: "Saving…",
    saved: (at: string) => `Saved by itself at ${at}`,
    failed: "Not saved; it will try again. What you typed is still on this page.",
    stale: "This was changed elsewhere. Press “Save” to compare both before deciding.",
    wrong: "An amount or a date cannot be read; mend it and saving goes on.",
    away: "Your log-in ended. Log in in another window; nothing here is lost.",
  },
};

const quiet = 1500; // ms without typing before a save
const retry = 10_000; // ms after a failed one

class Autosave {
  private timer = 0;
  private dirty = false;
  private running: Promise<void> | null = null;
  private blocked = false; // a stale form is not overwritten by itself
  private readonly text: (typeof words)["en"];

  constructor(private readonly form: HTMLFormElement, private readonly status: HTMLElement | null) {
    this.text = words[form.dataset.locale === "en" ? "en" : "zh-CN"];
    form.addEventListener("input", (e) => this.changed(e));
    form.addEventListener("change", (e) => this.changed(e));
    form.addEventListener("submit", (e) => this.submit(e as SubmitEvent));
    window.addEventListener("beforeunload", (e) => {
      if (this.dirty && !this.leaving) e.preventDefault();
    });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden" && this.dirty) void this.save();
    });
  }

  private leaving = false;

  private changed(e: Event) {
    const name = (e.target as HTMLInputElement).name || "";
    if (name.startsWith("evidence.")) return; // not part of the draft
    this.dirty = true;
    this.schedule(quiet);
  }

  private schedule(delay: number) {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.save(), delay);
  }

  private say(text: string) {
    if (this.status) this.status.textContent = text;
  }

  save(): Promise<void> {
    if (this.blocked || !this.dirty) return this.running ?? Promise.resolve();
    this.running = (this.running ?? Promise.resolve()).then(() => this.post());
    return this.running;
  }

  private async post() {
    if (!this.dirty || this.blocked) return;
    this.dirty = false;
    this.say(this.text.saving);
    const data = new URLSearchParams();
    for (const [name, value] of new FormData(this.form)) {
      if (typeof value === "string" && name !== "form_token" && !name.startsWith("evidence.")) data.append(name, value);
    }
    data.set("do", "autosave");
    let reply: Response;
    try {
      reply = await fetch(this.form.action, { method: "POST", body: data, headers: { Accept: "application/json" } });
    } catch {
      this.later();
      return;
    }
    if (reply.ok && reply.headers.get("Content-Type")?.startsWith("application/json")) {
      const saved = (await reply.json()) as { version: number };
      this.form.querySelector<HTMLInputElement>("input[name=version]")!.value = String(saved.version);
      this.say(this.text.saved(new Date().toLocaleTimeString(this.form.dataset.locale)));
      return;
    }
    this.dirty = true;
    if (reply.status === 409) {
      this.blocked = true;
      this.say(this.text.stale);
    } else if (reply.status === 422) {
      this.say(this.text.wrong);
    } else if (reply.status === 401) {
      this.say(this.text.away);
      this.schedule(retry);
    } else {
      this.later();
    }
  }

  private later() {
    this.dirty = true;
    this.say(this.text.failed);
    this.schedule(retry);
  }

  // submit waits for a save under way, so that the form leaves with the version that it made.
  private submit(e: SubmitEvent) {
    clearTimeout(this.timer);
    if (this.running && !this.leaving) {
      e.preventDefault();
      const by = e.submitter;
      this.leaving = true;
      this.dirty = false;
      void this.running.then(() => this.form.requestSubmit(by as HTMLElement | null));
      return;
    }
    this.leaving = true;
  }
}

// conditional shows what a natural person or a company has to fill in.
function conditional(form: HTMLFormElement) {
  const update = (select: HTMLSelectElement) => {
    const group = select.closest(".group");
    group?.querySelectorAll<HTMLElement>("[data-natural]").forEach((el) => (el.hidden = select.value === "legal"));
    group?.querySelectorAll<HTMLElement>("[data-legal]").forEach((el) => (el.hidden = select.value !== "legal"));
    const kind = group?.querySelector<HTMLSelectElement>("select[name$='.id_kind']");
    if (kind && select.value === "legal" && kind.value === "resident_id") kind.value = "uscc";
    if (kind && select.value !== "legal" && kind.value === "uscc") kind.value = "resident_id";
  };
  form.querySelectorAll<HTMLSelectElement>("select[data-party-kind]").forEach((select) => {
    select.addEventListener("change", () => update(select));
    update(select);
  });
}

for (const form of document.querySelectorAll<HTMLFormElement>("form[data-draft]")) {
  new Autosave(form, form.querySelector("[data-saved]"));
  conditional(form);
}
